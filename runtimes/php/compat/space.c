/* How much room there is where a path leads, which preview 1 lacks and wasm-fpm has. */
#include "at-path.h"

#include <stdint.h>
#include <sys/statvfs.h>

#define BLOCK_BYTES 4096

struct space {
  uint64_t bytes, free;
};

__attribute__((import_module("wasm_fpm"), import_name("space"))) int wasm_fpm_space(int folder, const char *path, size_t length,
                                                                                  struct space *result);

static int ask_for_space(int folder, const char *below, size_t length, void *result) {
  return wasm_fpm_space(folder, below, length, result);
}

int statvfs(const char *path, struct statvfs *room) {
  struct space space;
  if (wasm_fpm_at_path(path, ask_for_space, &space) != 0) return -1;
  *room = (struct statvfs){
      .f_bsize = BLOCK_BYTES, .f_frsize = BLOCK_BYTES, .f_namemax = 255,
      .f_blocks = space.bytes / BLOCK_BYTES, .f_bfree = space.free / BLOCK_BYTES, .f_bavail = space.free / BLOCK_BYTES,
  };
  return 0;
}
