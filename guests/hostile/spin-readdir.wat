;; Lists a large folder from its beginning, for ever.
(memory (export "memory") 8)
(func (export "_start")
  (call $fill_folder)
  (drop
    (call $path_open (global.get $tmp) (i32.const 0) (i32.const 32768) (i32.const 1)
      (i32.const 2) (i64.const 0x4000) (i64.const 0) (i32.const 0) (i32.const 64)))
  (call $earn)
  (loop $again
    (drop
      (call $fd_readdir (i32.load (i32.const 64)) (i32.const 65536) (i32.const 400000) (i64.const 0) (i32.const 68)))
    (br $again)))
