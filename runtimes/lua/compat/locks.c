/* The host's locks are those of flock(2): a part of a file that is asked for locks all of it. */
#include "locks.h"

#include <errno.h>

__attribute__((import_module("wasm_fpm"), import_name("flock"))) int wasm_fpm_flock(int file, int operation);

enum { SHARED = 1, ALONE = 2, AT_ONCE = 4, GIVEN_UP = 8 };

int wasm_fpm_lock(int file, int command, const struct flock *lock) {
  (void)command;
  int operation = lock->l_type == F_UNLCK ? GIVEN_UP : (lock->l_type == F_RDLCK ? SHARED : ALONE) | AT_ONCE;
  int error = wasm_fpm_flock(file, operation);
  if (error == 0) return 0;
  errno = error;
  return -1;
}
