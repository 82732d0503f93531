;; Makes a file of /tmp as long as it may be, and empty again, for ever.
(memory (export "memory") 1)
(func (export "_start")
  (local $file i32)
  (local.set $file (call $open_f (global.get $tmp)))
  (call $earn)
  (loop $again
    (drop (call $fd_filestat_set_size (local.get $file) (i64.const 16000000)))
    (drop (call $fd_filestat_set_size (local.get $file) (i64.const 0)))
    (br $again)))
