(memory (export "memory") 1)
(table $t 1 funcref)
(func (export "_start")
  (loop $again
    (br_if $again (i32.ge_s (table.grow $t (ref.null func) (i32.const 10000)) (i32.const 0))))
  (unreachable))
