;; Answers how large its table is and how many of its entries are set; then grows it and sets one.
(memory (export "memory") 1)
(table $t 1 10 funcref)
(elem declare func $one)
(func $one)
(func (export "_start")
  (call $answer (table.size $t) (i32.eqz (ref.is_null (table.get $t (i32.const 0)))))
  (table.set $t (i32.const 0) (ref.func $one))
  (drop (table.grow $t (ref.func $one) (i32.const 3))))
