;; Lines of header without an end.
(memory (export "memory") 1)
(data (i32.const 1024) "X-Flood: 1\n")
(func (export "_start")
  (loop $again
    (drop (call $print (i32.const 1) (i32.const 1024) (i32.const 11)))
    (br $again)))
