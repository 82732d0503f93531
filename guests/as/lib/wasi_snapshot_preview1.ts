/**
 * The WASI preview 1 functions the AssemblyScript guests call. AssemblyScript names the module of an import
 * after the file that declares it, which is why this file is spelled like the module.
 * Pointers and sizes are bytes in linear memory; every function returns an errno, 0 for success.
 */

/** `iovs`: `count` pairs of (pointer u32, length u32). `written`: where to put the byte count (u32). */
export declare function fd_write(fd: i32, iovs: usize, count: usize, written: usize): i32

/** Like `fd_write`, the other way; a count of 0 is the end of the stream. */
export declare function fd_read(fd: i32, iovs: usize, count: usize, read: usize): i32

/** Puts the number of variables and the bytes they need (both u32). */
export declare function environ_sizes_get(count: usize, bytes: usize): i32

/** Fills `pointers` (u32 each) and `buffer` with NUL-terminated `NAME=value` strings. */
export declare function environ_get(pointers: usize, buffer: usize): i32

/** Like the two above, for the arguments. */
export declare function args_sizes_get(count: usize, bytes: usize): i32
export declare function args_get(pointers: usize, buffer: usize): i32

/** `subscriptions`: 48 bytes each; `events`: 32 bytes each; `stored`: number of events (u32). */
export declare function poll_oneoff(
  subscriptions: usize,
  events: usize,
  count: usize,
  stored: usize,
): i32

/** Ends the program. */
export declare function proc_exit(code: i32): void
