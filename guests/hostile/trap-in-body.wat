;; More body than is held back, then the end.
(memory (export "memory") 2)
(func (export "_start")
  (call $header)
  (drop (call $print (i32.const 1) (i32.const 1024) (i32.const 100000)))
  (unreachable))
