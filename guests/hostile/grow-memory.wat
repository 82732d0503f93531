;; Takes all the memory there is, then gives up as a C library does.
(memory (export "memory") 1)
(func (export "_start")
  (loop $again
    (br_if $again (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))
  (unreachable))
