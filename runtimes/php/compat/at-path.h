/* at-path.c: host calls that take a path below a folder. */
#ifndef WASM_FPM_AT_PATH_H
#define WASM_FPM_AT_PATH_H

#include <stddef.h>

/* The host's call; its errors are preview 1's. */
typedef int path_call(int folder, const char *below, size_t length, void *more);

/* Calls it with the folder that a path is below: 0, or -1 and an errno of this libc's. */
int wasm_fpm_at_path(const char *path, path_call *call, void *more);

#endif
