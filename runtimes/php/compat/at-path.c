/* What wasi-libc does with a path before it calls the host, for calls that it does not know. */
#include "at-path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/libc-find-relpath.h>

int wasm_fpm_at_path(const char *path, path_call *call, void *more) {
  const char *prefix;
  size_t size = strlen(path) + 1;
  char *below = malloc(size);
  if (below == NULL) return -1;
  int folder = __wasilibc_find_relpath_alloc(path, &prefix, &below, &size, 1);
  int error = folder < 0 ? 0 : call(folder, below, strlen(below), more);
  free(below);
  if (error != 0) wasm_fpm_set_errno(error);
  return folder < 0 || error != 0 ? -1 : 0;
}
