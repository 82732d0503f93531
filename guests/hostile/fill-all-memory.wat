(memory (export "memory") 1024)
(func (export "_start")
  (loop $again
    (memory.fill (i32.const 0) (i32.const 0x5a) (i32.const 67108864))
    (br $again)))
