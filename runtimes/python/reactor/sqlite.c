/* SQLite's locks, which the host holds against all others on the machine, and its random numbers, which must not repeat. */
#include "reactor.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/random.h>

__attribute__((import_module("wasm_fpm"), import_name("flock"))) int wasm_fpm_flock(int file, int operation);

int flock(int file, int operation) {
  int error = wasm_fpm_flock(file, operation);
  if (error == 0) return 0;
  errno = error;
  return -1;
}

static int seed(sqlite3_vfs *files, int size, char *bytes) {
  (void)files;
  if (getentropy(bytes, size) != 0) abort();
  return size;
}

void wasm_fpm_start_sqlite(void) {
  sqlite3_vfs_find(NULL)->xRandomness = seed;
}

void wasm_fpm_forget_randomness(void) {
  sqlite3_randomness(0, NULL);
}
