(memory (export "memory") 1024)
(func (export "_start")
  (local $i i32)
  ;; Cheap work first, so that the next check is far away.
  (local.set $i (i32.const 3000000))
  (loop $cheap
    (local.set $i (i32.sub (local.get $i) (i32.const 1)))
    (br_if $cheap (local.get $i)))
  (loop $touch
    (i32.store8 (local.get $i) (i32.const 1))
    (local.set $i (i32.add (local.get $i) (i32.const 4096)))
    (br_if $touch (i32.lt_u (local.get $i) (i32.const 67108864))))
  (loop $again (br $again)))
