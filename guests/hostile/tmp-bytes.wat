;; Writes to /tmp/f until that fails; answers how many pages of 4,096 bytes it wrote and the errno.
(memory (export "memory") 2)
(data (i32.const 1024) "f")
(func (export "_start")
  (local $file i32) (local $count i32) (local $errno i32)
  (drop
    (call $path_open (global.get $tmp) (i32.const 0) (i32.const 1024) (i32.const 1)
      (i32.const 1) (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 64)))
  (local.set $file (i32.load (i32.const 64)))
  (loop $again
    (local.set $errno (call $print (local.get $file) (i32.const 4096) (i32.const 4096)))
    (if (i32.eqz (local.get $errno))
      (then
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br $again))))
  (call $answer (local.get $count) (local.get $errno)))
