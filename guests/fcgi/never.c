/* Starts and never comes to its first request: ends, or goes on for ever if the operator says so. */
#include <stdlib.h>

int main(void) {
  static volatile unsigned turns;
  while (getenv("FOR_EVER") != NULL) turns = turns + 1;
  return 0;
}
