;; Changes a file of the host and has it put on the disk, for ever.
(memory (export "memory") 1)
(func (export "_start")
  (local $file i32)
  (local.set $file (call $open_f (global.get $mount)))
  (call $earn)
  (loop $again
    (drop (call $print (local.get $file) (i32.const 0) (i32.const 8)))
    (drop (call $fd_sync (local.get $file)))
    (br $again)))
