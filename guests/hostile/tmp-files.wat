;; Makes empty files aaaaaa, baaaaa, ... in /tmp until that fails; answers how many and the errno.
(memory (export "memory") 1)
(data (i32.const 1024) "aaaaaa")
(func (export "_start")
  (local $count i32) (local $errno i32) (local $at i32) (local $byte i32)
  (loop $again
    (local.set $errno
      (call $path_open (global.get $tmp) (i32.const 0) (i32.const 1024) (i32.const 6)
        (i32.const 1) (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 64)))
    (if (i32.eqz (local.get $errno))
      (then
        (drop (call $fd_close (i32.load (i32.const 64))))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        ;; The next name: letters as digits, the first one counts fastest.
        (local.set $at (i32.const 1024))
        (loop $carry
          (local.set $byte (i32.add (i32.load8_u (local.get $at)) (i32.const 1)))
          (if (i32.gt_u (local.get $byte) (i32.const 122))
            (then
              (i32.store8 (local.get $at) (i32.const 97))
              (local.set $at (i32.add (local.get $at) (i32.const 1)))
              (br $carry))
            (else (i32.store8 (local.get $at) (local.get $byte)))))
        (br $again))))
  (call $answer (local.get $count) (local.get $errno)))
