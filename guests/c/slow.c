/* Answers slowly: waits ?delay= ms, prints the header, then ?n= lines (default 5) with ?ms= between (default 200). */
#include "cgi.h"
#include <time.h>

static void wait_ms(uint64_t ms) {
  struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

int main(void) {
  uint64_t lines = query_number("n", 5);
  uint64_t gap_ms = query_number("ms", 200);
  uint64_t delay_ms = query_number("delay", 0);
  if (delay_ms > 0) wait_ms(delay_ms);
  text_header();
  for (uint64_t i = 1; i <= lines; i++) {
    if (i > 1) wait_ms(gap_ms);
    printf("line %llu of %llu\n", (unsigned long long)i, (unsigned long long)lines);
    if (fflush(stdout) != 0) return 1;
  }
  return 0;
}
