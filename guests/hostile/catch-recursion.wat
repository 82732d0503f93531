;; Runs out of stack again and again.
(memory (export "memory") 1)
(func $deeper (param i64) (result i64) (i64.add (call $deeper (local.get 0)) (i64.const 1)))
(func (export "_start")
  (loop $again
    (try
      (do (drop (call $deeper (i64.const 1))))
      (catch_all))
    (br $again)))
