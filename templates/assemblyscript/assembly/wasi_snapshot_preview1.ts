/**
 * Functions of WASI preview 1. AssemblyScript names the module of an import after the file that declares it: this file must
 * be called like the module. Pointers and sizes are bytes in linear memory; every function returns an errno, 0 for success.
 */

/** `vectors`: `count` pairs of (pointer u32, length u32). `written`: where the number of bytes goes (u32). */
export declare function fd_write(fd: i32, vectors: usize, count: usize, written: usize): i32

/** Like `fd_write`, the other way; 0 bytes are the end of the stream. */
export declare function fd_read(fd: i32, vectors: usize, count: usize, read: usize): i32

/** Puts the number of variables and the bytes they need (both u32). */
export declare function environ_sizes_get(count: usize, bytes: usize): i32

/** Fills `pointers` (u32 each) and `buffer` with `NAME=value` texts that end with a NUL. */
export declare function environ_get(pointers: usize, buffer: usize): i32

/** Ends the program. */
export declare function proc_exit(code: i32): void
