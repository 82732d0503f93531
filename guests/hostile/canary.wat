;; Looks for what an earlier request has left, then leaves a canary wherever it can, then ends as it is told to.
;;
;; Its body is a script: `D` prints everything it can see, `S` prints how many canaries it sees; then any number of
;;     1 at:u32 n:u32 value:u8   fills memory          5 code:u32   exits            9   runs out of stack
;;     2 value:i64               sets all globals      6            traps           10   leaves a file in /tmp
;;     3 pages:u32               grows memory, which   7            loops for ever  11   throws
;;                               has to be zeros
;;     4 at:u32 n:u32 value:u8   fills other memory    8            sleeps          12   fills everything with canaries
;; and 0, which returns. Bytes 0 to 1023 are its own.
(memory (export "memory") 2)
(memory $other 1)
(data (i32.const 800) "dirty ")
(data (i32.const 1024) "data that is there from the start")
(global $a (export "a") (mut i32) (i32.const 1))
(global $b (export "b") (mut i64) (i64.const 2))
(global $c (mut f32) (f32.const 3))
(global $d (mut f64) (f64.const 4))
(global $e (mut funcref) (ref.null func))
(global $hidden (mut i64) (i64.const 5))
(tag $thrown)
(elem declare func $deeper)

(global $canary i64 (i64.const 0x7972616e61632121))
;; Where the script is read to and where it is read.
(global $script i32 (i32.const 256))
(global $at (mut i32) (i32.const 256))

(func $deeper (param i64) (result i64) (i64.add (call $deeper (local.get 0)) (i64.const 1)))

(func $u8 (result i32)
  (global.set $at (i32.add (global.get $at) (i32.const 1)))
  (i32.load8_u (i32.sub (global.get $at) (i32.const 1))))
(func $u32 (result i32)
  (global.set $at (i32.add (global.get $at) (i32.const 4)))
  (i32.load (i32.sub (global.get $at) (i32.const 4))))
(func $i64 (result i64)
  (global.set $at (i32.add (global.get $at) (i32.const 8)))
  (i64.load (i32.sub (global.get $at) (i32.const 8))))

(func $open_tmp (param $oflags i32) (result i32)
  (i32.store8 (i32.const 200) (i32.const 102))
  (call $path_open (global.get $tmp) (i32.const 0) (i32.const 200) (i32.const 1)
    (local.get $oflags) (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 208)))

(func $set_globals (param $value i64)
  (global.set $a (i32.wrap_i64 (local.get $value)))
  (global.set $b (local.get $value))
  (global.set $c (f32.convert_i64_s (local.get $value)))
  (global.set $d (f64.reinterpret_i64 (local.get $value)))
  (global.set $e (ref.func $deeper))
  (global.set $hidden (local.get $value)))

(func $globals
  (i32.store (i32.const 128) (global.get $a))
  (i64.store (i32.const 136) (global.get $b))
  (f32.store (i32.const 144) (global.get $c))
  (f64.store (i32.const 152) (global.get $d))
  (i32.store (i32.const 160) (ref.is_null (global.get $e)))
  (i64.store (i32.const 168) (global.get $hidden))
  (i32.store (i32.const 176) (memory.size))
  (i32.store (i32.const 180) (memory.size $other))
  (i32.store (i32.const 184) (call $open_tmp (i32.const 0))))

(func $dump
  (call $globals)
  (drop (call $print (i32.const 1) (i32.const 128) (i32.const 60)))
  (drop
    (call $print (i32.const 1) (i32.const 1024)
      (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1024))))
  (memory.copy 0 $other (i32.const 4096) (i32.const 0) (i32.const 65536))
  (drop (call $print (i32.const 1) (i32.const 4096) (i32.const 65536))))

;; Counts canaries at multiples of eight in the first `bytes` bytes of memory.
(func $count (param $bytes i32) (result i32)
  (local $at i32) (local $count i32)
  (local.set $at (i32.const 1024))
  (loop $next
    (local.set $count
      (i32.add (local.get $count) (i64.eq (i64.load (local.get $at)) (global.get $canary))))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $next (i32.lt_u (local.get $at) (local.get $bytes))))
  (local.get $count))

(func $search
  (local $count i32)
  (local.set $count (call $count (i32.mul (memory.size) (i32.const 65536))))
  (memory.copy 0 $other (i32.const 4096) (i32.const 0) (i32.const 65536))
  (local.set $count (i32.add (local.get $count) (call $count (i32.const 69632))))
  (call $globals)
  (local.set $count
    (i32.add (local.get $count)
      (i32.add
        (i64.eq (global.get $b) (global.get $canary))
        (i32.add
          (i64.eq (global.get $hidden) (global.get $canary))
          (i32.add
            (i32.eq (global.get $a) (i32.wrap_i64 (global.get $canary)))
            (i32.eqz (i32.load (i32.const 160))))))))
  (call $answer (local.get $count) (i32.load (i32.const 184))))

(func $plant
  (local $at i32)
  (local.set $at (i32.const 1024))
  (loop $next
    (i64.store (local.get $at) (global.get $canary))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (br_if $next (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
  (memory.copy $other 0 (i32.const 0) (i32.const 4096) (i32.const 65536))
  (call $set_globals (global.get $canary))
  (drop (call $open_tmp (i32.const 1))))

(func $sleep
  (i64.store (i32.const 960) (i64.const 0))
  (i64.store (i32.const 968) (i64.const 0))
  (i32.store (i32.const 976) (i32.const 1))
  (i64.store (i32.const 984) (i64.const 3600000000000))
  (i64.store (i32.const 992) (i64.const 0))
  (i64.store (i32.const 1000) (i64.const 0))
  (drop (call $poll_oneoff (i32.const 960) (i32.const 192) (i32.const 1) (i32.const 8))))

(func $fill (param $at i32) (param $bytes i32) (param $value i32)
  (memory.fill (local.get $at) (local.get $value) (local.get $bytes)))
(func $fill_other (param $at i32) (param $bytes i32) (param $value i32)
  (memory.fill $other (local.get $at) (local.get $value) (local.get $bytes)))

;; Says so if what it is given has been written.
(func $grow (param $pages i32)
  (local $at i32)
  (local.set $at (memory.grow (local.get $pages)))
  (if (i32.eq (local.get $at) (i32.const -1)) (then (return)))
  (local.set $at (i32.mul (local.get $at) (i32.const 65536)))
  (loop $next
    (if (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))
      (then
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0))
          (then (return (drop (call $print (i32.const 1) (i32.const 800) (i32.const 6))))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $next)))))

(func $act (param $action i32)
  (block $12
    (block $11
      (block $10
        (block $9
          (block $8
            (block $7
              (block $6
                (block $5
                  (block $4
                    (block $3
                      (block $2
                        (block $1
                          (block $0
                            (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11 $12
                              (local.get $action)))
                          (return))
                        (return (call $fill (call $u32) (call $u32) (call $u8))))
                      (return (call $set_globals (call $i64))))
                    (return (call $grow (call $u32))))
                  (return (call $fill_other (call $u32) (call $u32) (call $u8))))
                (return (call $proc_exit (call $u32))))
              (unreachable))
            (loop $ever (br $ever)))
          (return (call $sleep)))
        (drop (call $deeper (i64.const 1)))
        (return))
      (drop (call $open_tmp (i32.const 1)))
      (return))
    (throw $thrown))
  (call $plant))

(func (export "_start")
  (local $action i32)
  (i32.store (i32.const 0) (global.get $script))
  (i32.store (i32.const 4) (i32.const 512))
  (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
  (if (i32.eq (call $u8) (i32.const 68))
    (then (call $header) (call $dump))
    (else (call $search)))
  (loop $next
    (local.set $action (call $u8))
    (call $act (local.get $action))
    (br_if $next (local.get $action))))
