;; Makes a folder with a name of 60,000 bytes and one of 300; answers both errnos.
(memory (export "memory") 2)
(func (export "_start")
  (local $first i32)
  (memory.fill (i32.const 1024) (i32.const 97) (i32.const 60000))
  (local.set $first
    (call $path_create_directory (global.get $tmp) (i32.const 1024) (i32.const 60000)))
  (call $answer
    (local.get $first)
    (call $path_create_directory (global.get $tmp) (i32.const 1024) (i32.const 300))))
