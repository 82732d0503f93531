;; What canaries that are components have in common: they look for what an earlier request has left, and leave canaries.
;; Bytes 0 to 1023 are theirs: the words of zeros from 256 on, results at 48, the path at 20 (where) and 24 (its length).
(global $canary i64 (i64.const 0x7972616e61632121))
(global $secret (mut i64) (i64.const 0))
(global $half (mut i32) (i32.const 0))
(global $float (mut f64) (f64.const 0))
(global $cookie (mut i32) (i32.const 0))
(global $length (mut i32) (i32.const 0))
(data (i32.const 64) "cookie")

;; The number of canaries, with `R` for the digit where a handle has led somewhere.
(func $found (result i32)
  (local $at i32) (local $count i32)
  (local.set $at (i32.const 1024))
  (loop $next
    (local.set $count
      (i32.add (local.get $count) (i64.eq (i64.load (local.get $at)) (global.get $canary))))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $next (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
  (local.set $count (i32.add (local.get $count) (i64.eq (global.get $secret) (global.get $canary))))
  (local.set $count (i32.add (local.get $count) (i32.ne (global.get $half) (i32.const 0))))
  (local.set $count (i32.add (local.get $count) (i64.ne (i64.reinterpret_f64 (global.get $float)) (i64.const 0))))
  (local.set $count (i32.add (local.get $count) (i32.ne (memory.size) (i32.const @PAGES@))))
  (local.set $count (i32.add (local.get $count) (i32.ne (i32.load (i32.const 256)) (i32.const 0))))
  @FOUND_IN_TABLE@
  (local.get $count))

;; The path is `/`, a letter, and ten digits. A capital wants a handle forged.
(func $letter (result i32) (i32.load8_u offset=1 (i32.load (i32.const 20))))
(func $number (result i32)
  (local $at i32) (local $number i32)
  (local.set $at (i32.const 2))
  (loop $next
    (local.set $number
      (i32.add
        (i32.mul (local.get $number) (i32.const 10))
        (i32.sub (i32.load8_u (i32.add (i32.load (i32.const 20)) (local.get $at))) (i32.const 48))))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $at) (i32.const 12))))
  (local.get $number))
(func $forges (result i32)
  (if (i32.gt_u (call $letter) (i32.const 90)) (then (return (i32.const 0))))
  (call_indirect $forgeries (param i32) (call $number) (i32.sub (call $letter) (i32.const 65)))
  (i32.const 34))

;; The first value of a field of its request.
(func $take-cookie (param $headers i32)
  (call $get (local.get $headers) (i32.const 64) (i32.const 6) (i32.const 48))
  (global.set $cookie (i32.load (i32.load (i32.const 48))))
  (global.set $length (i32.load offset=4 (i32.load (i32.const 48)))))

(func $leave-handles (param $headers i32)
  (local $left i32)
  (local.set $left (i32.const 40))
  (loop $next
    (drop (call $clone (local.get $headers)))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $next (local.get $left))))
(func $leave-words
  (local $at i32)
  (if (i32.eq (call $letter) (i32.const 103)) ;; g
    (then (drop (memory.grow (i32.const 1)))))
  (local.set $at (i32.const 1024))
  @LEAVE_IN_TABLE@
  (global.set $secret (global.get $canary))
  (global.set $half (i32.wrap_i64 (global.get $canary)))
  (global.set $float (f64.reinterpret_i64 (global.get $canary)))
  (loop $next
    (i64.store (local.get $at) (global.get $canary))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $next (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536))))))
