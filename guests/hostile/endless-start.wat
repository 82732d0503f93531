;; Not even instantiated before it loops.
(memory (export "memory") 1)
(func $loop (loop $again (br $again)))
(start $loop)
(func (export "_start"))
