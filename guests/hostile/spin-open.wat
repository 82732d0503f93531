;; Looks up a long path that does not exist, for ever.
(memory (export "memory") 1)
(func (export "_start")
  (local $at i32)
  (loop $next
    (i32.store16 (i32.add (i32.const 1024) (local.get $at)) (i32.const 0x2f2e))
    (local.set $at (i32.add (local.get $at) (i32.const 2)))
    (br_if $next (i32.lt_u (local.get $at) (i32.const 4000))))
  (loop $again
    (drop
      (call $path_open (global.get $tmp) (i32.const 0) (i32.const 1024) (i32.const 4000)
        (i32.const 0) (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 64)))
    (br $again)))
