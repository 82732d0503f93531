;; Overwrites one megabyte of a file, for ever.
(memory (export "memory") 32)
(data (i32.const 1024) "f")
(func (export "_start")
  (drop
    (call $path_open (global.get $tmp) (i32.const 0) (i32.const 1024) (i32.const 1)
      (i32.const 1) (i64.const 68) (i64.const 68) (i32.const 0) (i32.const 64)))
  (i32.store (i32.const 72) (i32.const 4096))
  (i32.store (i32.const 76) (i32.const 1048576))
  (loop $again
    (drop
      (call $fd_pwrite (i32.load (i32.const 64)) (i32.const 72) (i32.const 1) (i64.const 0) (i32.const 80)))
    (br $again)))
