/* What a request has used: processor time, and memory. */
#include <errno.h>
#include <sys/resource.h>
#include <wasi/api.h>

#define CLOCK_PROCESS_CPUTIME 2
#define PAGE_KIBIBYTES 64

int getrusage(int who, struct rusage *usage) {
  *usage = (struct rusage){0};
  if (who == RUSAGE_CHILDREN) return 0;
  __wasi_timestamp_t spent = 0;
  int error = __wasi_clock_time_get(CLOCK_PROCESS_CPUTIME, 1000, &spent);
  if (error != 0) {
    wasm_fpm_set_errno(error);
    return -1;
  }
  usage->ru_utime = (struct timeval){.tv_sec = spent / 1000000000, .tv_usec = spent / 1000 % 1000000};
  usage->ru_maxrss = __builtin_wasm_memory_size(0) * PAGE_KIBIBYTES;
  return 0;
}
