;; A neighbour: a whole answer, at once.
(memory (export "memory") 2)
(data (i32.const 1024) "Content-Type: text/plain\n\nHello, World!\n")
(func (export "_start") (drop (call $print (i32.const 1) (i32.const 1024) (i32.const 40))))
