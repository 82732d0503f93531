;; Moves a full folder of /tmp to and fro, for ever.
(memory (export "memory") 1)
(data (i32.const 1024) "e/d")
(func (export "_start")
  (call $fill_folder)
  (drop (call $path_create_directory (global.get $tmp) (i32.const 1024) (i32.const 1)))
  (call $earn)
  (loop $again
    (drop
      (call $path_rename (global.get $tmp) (i32.const 1026) (i32.const 1) (global.get $tmp) (i32.const 1024) (i32.const 3)))
    (drop
      (call $path_rename (global.get $tmp) (i32.const 1024) (i32.const 3) (global.get $tmp) (i32.const 1026) (i32.const 1)))
    (br $again)))
