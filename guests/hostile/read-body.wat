;; Reads its whole body; answers how many bytes and the last errno.
(memory (export "memory") 2)
(func (export "_start")
  (local $count i32) (local $errno i32)
  (i32.store (i32.const 64) (i32.const 1024))
  (i32.store (i32.const 68) (i32.const 65536))
  (loop $again
    (local.set $errno (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    (local.set $count (i32.add (local.get $count) (i32.load (i32.const 72))))
    (br_if $again (i32.and (i32.eqz (local.get $errno)) (i32.ne (i32.load (i32.const 72)) (i32.const 0)))))
  (call $answer (local.get $count) (local.get $errno)))
