/* Traps: ?when=before any output, after the `header`, or half way through a `body` of ?n= bytes (default 1 MiB).
   ?length=1 declares the whole body in Content-Length. */
#include "cgi.h"

int main(void) {
  static char chunk[CHUNK_BYTES];
  uint64_t body_bytes = query_number("n", 1 << 20);
  if (!query_is("when", "header") && !query_is("when", "body")) __builtin_trap();
  if (query_is("length", "1")) printf("Content-Length: %llu\r\n", (unsigned long long)body_bytes);
  text_header();
  fflush(stdout);
  if (query_is("when", "header")) __builtin_trap();
  memset(chunk, 'x', sizeof chunk);
  for (uint64_t left = body_bytes / 2; left > 0;) {
    size_t length = left < sizeof chunk ? (size_t)left : sizeof chunk;
    fwrite(chunk, 1, length, stdout);
    left -= length;
  }
  fflush(stdout);
  __builtin_trap();
}
