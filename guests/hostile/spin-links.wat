;; Follows a link in and out of a folder, for ever.
(memory (export "memory") 1)
(data (i32.const 1024) "l/l")
(data (i32.const 1028) "d")
(func (export "_start")
  (drop (call $path_create_directory (global.get $tmp) (i32.const 1028) (i32.const 1)))
  (call $walk (i32.const 2048) (i32.const 700))
  (drop
    (call $path_symlink (i32.const 2048) (i32.const 3500) (global.get $tmp) (i32.const 1024) (i32.const 1)))
  (call $earn)
  (loop $again
    (drop
      (call $path_filestat_get (global.get $tmp) (i32.const 1) (i32.const 1024) (i32.const 3) (i32.const 64)))
    (br $again)))
