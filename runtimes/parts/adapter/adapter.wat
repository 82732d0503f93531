;; Makes a reactor of an engine that somebody else has compiled, whose exports are its own: it is merged with the engine, and calls
;; `boot` and `eval` of the recipe's engine.wat. The engine has read the environment when it began, and offers no way to read it
;; anew; so each call reads it here, and evaluates `Name.call("HEX")`, whose digits are its bytes: variables with a NUL after each.
(module
  (import "module" "memory" (memory 0))
  (import "engine" "allocate" (func $allocate (param i32) (result i32)))
  (import "engine" "boot" (func $boot_engine))
  ;; Evaluates text of that many bytes with a NUL after it. Not 0: it has failed, and has said how.
  (import "engine" "eval" (func $eval (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  (data $source "@SOURCE@")
  (data $call "@CALL@")

  (func $check (param $failed i32)
    (if (local.get $failed) (then (call $proc_exit (i32.const 1)) (unreachable))))

  (func $digit (param $value i32) (result i32)
    (i32.add (local.get $value)
      (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $value) (i32.const 10)))))

  ;; Evaluates the name of a function, of $size bytes from $from in @CALL@ on, with the environment as its argument.
  (func $run (param $from i32) (param $size i32)
    (local $sizes i32) (local $count i32) (local $bytes i32) (local $pointers i32) (local $at i32) (local $end i32)
    (local $text i32) (local $to i32)
    (local.set $sizes (call $allocate (i32.const 8)))
    (call $check (call $environ_sizes_get (local.get $sizes) (i32.add (local.get $sizes) (i32.const 4))))
    (local.set $count (i32.load (local.get $sizes)))
    (local.set $bytes (i32.load offset=4 (local.get $sizes)))
    (local.set $pointers (call $allocate (i32.add (i32.mul (local.get $count) (i32.const 4)) (local.get $bytes))))
    (local.set $at (i32.add (local.get $pointers) (i32.mul (local.get $count) (i32.const 4))))
    (call $check (call $environ_get (local.get $pointers) (local.get $at)))
    (local.set $text
      (call $allocate (i32.add (i32.add (local.get $size) (i32.mul (local.get $bytes) (i32.const 2))) (i32.const 5))))
    (local.set $to (call $copy_call (local.get $text) (local.get $from) (local.get $size)))
    (i32.store16 (local.get $to) (i32.const 0x2228)) ;; ("
    (local.set $to (i32.add (local.get $to) (i32.const 2)))
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (i32.store8 (local.get $to) (call $digit (i32.shr_u (i32.load8_u (local.get $at)) (i32.const 4))))
        (i32.store8 offset=1 (local.get $to) (call $digit (i32.and (i32.load8_u (local.get $at)) (i32.const 15))))
        (local.set $to (i32.add (local.get $to) (i32.const 2)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.store16 (local.get $to) (i32.const 0x2922)) ;; ")
    (i32.store8 offset=2 (local.get $to) (i32.const 0))
    (call $check (call $eval (local.get $text) (i32.add (i32.sub (local.get $to) (local.get $text)) (i32.const 2)))))

  ;; Answers where it ends.
  (func $copy_call (param $to i32) (param $from i32) (param $size i32) (result i32)
    (memory.init $call (local.get $to) (local.get $from) (local.get $size))
    (i32.add (local.get $to) (local.get $size)))

  (func (export "wasm_fpm_boot")
    (local $text i32)
    (call $boot_engine)
    (local.set $text (call $allocate (i32.add (i32.const @SOURCE_SIZE@) (i32.const 1))))
    (memory.init $source (local.get $text) (i32.const 0) (i32.const @SOURCE_SIZE@))
    (i32.store8 (i32.add (local.get $text) (i32.const @SOURCE_SIZE@)) (i32.const 0))
    (call $check (call $eval (local.get $text) (i32.const @SOURCE_SIZE@))))

  (func (export "wasm_fpm_warm") (call $run (i32.const 0) (i32.const @WARM_SIZE@)))
  (func (export "wasm_fpm_handle") (call $run (i32.const @WARM_SIZE@) (i32.const @HANDLE_SIZE@))))
