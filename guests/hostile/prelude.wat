;; What every hostile guest gets. Bytes 0 to 255 of memory are the prelude's; guests keep their own from 1024 on.
;;     0 iovec  8 result of a call  16 text that is being printed
(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_pwrite"
  (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_readdir"
  (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_filestat_set_size"
  (func $fd_filestat_set_size (param i32 i64) (result i32)))
(import "wasi_snapshot_preview1" "fd_sync" (func $fd_sync (param i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
(import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
(import "wasi_snapshot_preview1" "path_open"
  (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_create_directory"
  (func $path_create_directory (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_filestat_get"
  (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_symlink"
  (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_rename"
  (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

;; The descriptors of the document root, of /tmp and of a mount.
(global $root i32 (i32.const 3))
(global $tmp i32 (i32.const 4))
(global $mount i32 (i32.const 6))

;; Prints `length` bytes at `at`; answers the errno.
(func $print (param $fd i32) (param $at i32) (param $length i32) (result i32)
  (i32.store (i32.const 0) (local.get $at))
  (i32.store (i32.const 4) (local.get $length))
  (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))

;; Prints a number and a blank.
(func $number (param $n i32)
  (local $at i32)
  (local.set $at (i32.const 40))
  (i32.store8 (local.get $at) (i32.const 32))
  (loop $digit
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
    (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
    (br_if $digit (local.get $n)))
  (drop (call $print (i32.const 1) (local.get $at) (i32.sub (i32.const 41) (local.get $at)))))

;; Prints the header `A:b`, so that what follows is the body.
(func $header
  (i64.store (i32.const 16) (i64.const 0x0a0a623a41))
  (drop (call $print (i32.const 1) (i32.const 16) (i32.const 5))))

;; A whole answer whose body is two numbers.
(func $answer (param $first i32) (param $second i32)
  (call $header)
  (call $number (local.get $first))
  (call $number (local.get $second)))

;; Does cheap work for some milliseconds: who is known for that is asked rarely.
(func $earn
  (local $left i32)
  (local.set $left (i32.const 20000000))
  (loop $again
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $again (local.get $left))))

;; Writes `count` times the five bytes `d/../` at `at`.
(func $walk (param $at i32) (param $count i32)
  (loop $again
    (i64.store (local.get $at) (i64.const 0x2f2e2e2f64))
    (local.set $at (i32.add (local.get $at) (i32.const 5)))
    (local.set $count (i32.sub (local.get $count) (i32.const 1)))
    (br_if $again (local.get $count))))

;; Makes 900 empty files with names of 200 bytes in /tmp/d. Uses memory from 32,768 to 33,000.
(func $fill_folder
  (local $left i32)
  (memory.fill (i32.const 32768) (i32.const 110) (i32.const 200))
  (i32.store16 (i32.const 32768) (i32.const 0x2f64))
  (drop (call $path_create_directory (global.get $tmp) (i32.const 32768) (i32.const 1)))
  (local.set $left (i32.const 900))
  (loop $again
    (i32.store8 (i32.const 32770) (i32.add (i32.const 65) (i32.rem_u (local.get $left) (i32.const 32))))
    (i32.store8 (i32.const 32771) (i32.add (i32.const 65) (i32.div_u (local.get $left) (i32.const 32))))
    (drop
      (call $path_open (global.get $tmp) (i32.const 0) (i32.const 32768) (i32.const 200)
        (i32.const 1) (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 64)))
    (drop (call $fd_close (i32.load (i32.const 64))))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $again (local.get $left))))

;; Opens the file `f` for writing, and makes it if it is not there; answers its descriptor.
(func $open_f (param $folder i32) (result i32)
  (i32.store8 (i32.const 32768) (i32.const 102))
  (drop
    (call $path_open (local.get $folder) (i32.const 0) (i32.const 32768) (i32.const 1)
      (i32.const 1) (i64.const 0x4000dd) (i64.const 0) (i32.const 0) (i32.const 64)))
  (i32.load (i32.const 64)))
