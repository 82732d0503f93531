/* How much room there is where a path leads, which preview 1 lacks and wasm-fpm has. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <wasi/libc-find-relpath.h>

#define BLOCK_BYTES 4096

struct space {
  uint64_t bytes, free;
};

/* Its errors are preview 1's. */
__attribute__((import_module("wasm_fpm"), import_name("space"))) int wasm_fpm_space(int folder, const char *path, size_t length,
                                                                                  struct space *result);

int statvfs(const char *path, struct statvfs *room) {
  const char *prefix;
  size_t size = strlen(path) + 1;
  char *below = malloc(size);
  if (below == NULL) return -1;
  struct space space;
  int folder = __wasilibc_find_relpath_alloc(path, &prefix, &below, &size, 1);
  int error = folder < 0 ? 0 : wasm_fpm_space(folder, below, strlen(below), &space);
  free(below);
  if (error != 0) wasm_fpm_set_errno(error);
  if (folder < 0 || error != 0) return -1;
  *room = (struct statvfs){
      .f_bsize = BLOCK_BYTES, .f_frsize = BLOCK_BYTES, .f_namemax = 255,
      .f_blocks = space.bytes / BLOCK_BYTES, .f_bfree = space.free / BLOCK_BYTES, .f_bavail = space.free / BLOCK_BYTES,
  };
  return 0;
}
