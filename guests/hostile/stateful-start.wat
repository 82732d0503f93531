;; As many C++ programs are linked: the start function copies data into place and drops it.
(memory (export "memory") 1)
(table $t 1 10 funcref)
(data $passive "\01")
(func $start
  (memory.init $passive (i32.const 1024) (i32.const 0) (i32.const 1))
  (data.drop $passive)
  (drop (table.grow $t (ref.null func) (i32.const 1))))
(start $start)
(func (export "_start")
  (call $answer (i32.load8_u (i32.const 1024)) (i32.sub (table.size $t) (i32.const 2))))
