;; Walks in and out of a folder of the document root, for ever.
(memory (export "memory") 1)
(func (export "_start")
  (call $walk (i32.const 1024) (i32.const 800))
  (call $earn)
  (loop $again
    (drop
      (call $path_filestat_get (global.get $root) (i32.const 1) (i32.const 1024) (i32.const 4000) (i32.const 64)))
    (drop
      (call $path_filestat_get (global.get $root) (i32.const 1) (i32.const 1024) (i32.const 600) (i32.const 64)))
    (br $again)))
