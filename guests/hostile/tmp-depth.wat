;; Makes /tmp/d, /tmp/d/d, ... until that fails; answers how many and the errno.
(memory (export "memory") 1)
(func (export "_start")
  (local $count i32) (local $errno i32) (local $length i32)
  (loop $again
    (i32.store8 (i32.add (i32.const 1024) (local.get $length)) (i32.const 100))
    (i32.store8 (i32.add (i32.const 1025) (local.get $length)) (i32.const 47))
    (local.set $errno
      (call $path_create_directory (global.get $tmp) (i32.const 1024)
        (i32.add (local.get $length) (i32.const 1))))
    (local.set $length (i32.add (local.get $length) (i32.const 2)))
    (if (i32.eqz (local.get $errno))
      (then
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $length) (i32.const 60000))))))
  (call $answer (local.get $count) (local.get $errno)))
