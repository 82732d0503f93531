/*
 * What must be another in each request, although all begin with the same memory. Zend's generators are seeded by the host when
 * they are first used in a request; so are these, for which PHP and libraries would take clocks and process ids.
 */
#include "sapi.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "ext/random/php_random.h"

/* As Linux counts. */
#define MOST_PROCESSES (1u << 22)

static pid_t process;

static void fill(void *bytes, size_t size) {
  if (getrandom(bytes, size, 0) != (ssize_t)size) abort();
}

/* Names of files and owners of locks are made of it. */
pid_t getpid(void) {
  while (process <= 1) {
    uint32_t random;
    fill(&random, sizeof random);
    process = random % MOST_PROCESSES;
  }
  return process;
}

/* lcg_value(): PHP takes the microseconds of the second, of which there are a million. Linked with --wrap. */
void __wrap_php_random_combinedlcg_seed_default(php_random_status_state_combinedlcg *state) {
  uint32_t random[2];
  fill(random, sizeof random);
  /* Its two generators take numbers below their moduli, and not 0. */
  state->state[0] = 1 + random[0] % 2147483562;
  state->state[1] = 1 + random[1] % 2147483398;
}

static int seed_sqlite(sqlite3_vfs *files, int size, char *bytes) {
  (void)files;
  fill(bytes, size);
  return size;
}

void wasm_fpm_start_randomness(void) {
  sqlite3_vfs_find(NULL)->xRandomness = seed_sqlite;
}

void wasm_fpm_forget_randomness(void) {
  process = 0;
  sqlite3_randomness(0, NULL);
}
