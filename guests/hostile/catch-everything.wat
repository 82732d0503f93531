;; Goes on whatever is thrown at it: the exit, the kill.
(memory (export "memory") 1)
(func $spin (loop $again (br $again)))
(func (export "_start")
  (loop $again
    (try
      (do (call $spin))
      (catch_all))
    (br $again)))
