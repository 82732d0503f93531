;; Writes 1,024 buffers of a byte each to a file of the host, for ever.
(memory (export "memory") 2)
(func (export "_start")
  (local $file i32) (local $at i32)
  (local.set $file (call $open_f (global.get $mount)))
  (loop $next
    (i32.store (i32.add (i32.const 65536) (local.get $at)) (i32.const 1024))
    (i32.store (i32.add (i32.const 65540) (local.get $at)) (i32.const 1))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $next (i32.lt_u (local.get $at) (i32.const 8192))))
  (call $earn)
  (loop $again
    (drop
      (call $fd_pwrite (local.get $file) (i32.const 65536) (i32.const 1024) (i64.const 0) (i32.const 64)))
    (br $again)))
