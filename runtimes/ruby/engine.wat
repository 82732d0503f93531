;; What adapter.wat wants of an engine, by the names that ruby.wasm gives its functions.
(module
  (import "module" "memory" (memory 0))
  (import "module" "cabi_realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "module" "ruby-init: func(args: list<string>) -> ()" (func $init (param i32 i32)))
  (import "module" "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>" (func $eval (param i32 i32) (result i32)))

  ;; What follows `ruby` on a command line, with a NUL after each.
  (data $arguments "ruby.wasm\00-EUTF-8\00-e_=0\00")

  (func $allocate (export "allocate") (param $size i32) (result i32)
    (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (local.get $size)))

  ;; An element of a list: where a string is, and how long.
  (func $put (param $at i32) (param $text i32) (param $from i32) (param $size i32)
    (i32.store (local.get $at) (i32.add (local.get $text) (local.get $from)))
    (i32.store offset=4 (local.get $at) (local.get $size)))

  (func (export "boot")
    (local $text i32) (local $list i32)
    (local.set $text (call $allocate (i32.const 24)))
    (memory.init $arguments (local.get $text) (i32.const 0) (i32.const 24))
    (local.set $list (call $allocate (i32.const 24)))
    (call $put (local.get $list) (local.get $text) (i32.const 0) (i32.const 9))
    (call $put (i32.add (local.get $list) (i32.const 8)) (local.get $text) (i32.const 10) (i32.const 7))
    (call $put (i32.add (local.get $list) (i32.const 16)) (local.get $text) (i32.const 18) (i32.const 5))
    (call $init (local.get $list) (i32.const 3)))

  ;; The second part of what it returns is 0 when it went well.
  (func (export "eval") (param $text i32) (param $size i32) (result i32)
    (i32.load offset=4 (call $eval (local.get $text) (local.get $size)))))
