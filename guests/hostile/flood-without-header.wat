;; One line without an end.
(memory (export "memory") 1)
(data (i32.const 1024) "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
(func (export "_start")
  (loop $again
    (drop (call $print (i32.const 1) (i32.const 1024) (i32.const 32)))
    (br $again)))
