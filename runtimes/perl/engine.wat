;; What adapter.wat wants of an engine, by the names that zeroperl.wasm gives its functions; and its one import, of which nothing is asked.
(module
  (import "module" "malloc" (func $malloc (param i32) (result i32)))
  (import "module" "zeroperl_init" (func $init (result i32)))
  (import "module" "zeroperl_eval" (func $eval (param i32 i32 i32 i32) (result i32)))

  (func (export "allocate") (param $size i32) (result i32) (call $malloc (local.get $size)))
  (func (export "boot") (if (call $init) (then (unreachable))))
  ;; In scalar context, without arguments.
  (func (export "eval") (param $text i32) (param $size i32) (result i32)
    (call $eval (local.get $text) (i32.const 1) (i32.const 0) (i32.const 0))))
