;; Opens /tmp/f until that fails; answers how often it did and the errno.
(memory (export "memory") 1)
(data (i32.const 1024) "f")
(func (export "_start")
  (local $count i32) (local $errno i32)
  (loop $again
    (local.set $errno
      (call $path_open (global.get $tmp) (i32.const 0) (i32.const 1024) (i32.const 1)
        (i32.const 1) (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 8)))
    (if (i32.eqz (local.get $errno))
      (then
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br $again))))
  (call $answer (local.get $count) (local.get $errno)))
