/* Answers with ?n= bytes (default 1 MiB): byte i is i mod 251. ?length=0 leaves Content-Length out. */
#include "cgi.h"
#include <unistd.h>

/* A multiple of 251, so that every chunk is the same. */
#define PATTERN_BYTES (251 * 256)

static int write_all(const unsigned char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(STDOUT_FILENO, bytes, length);
    if (written < 0) return -1;
    bytes += written;
    length -= (size_t)written;
  }
  return 0;
}

int main(void) {
  static unsigned char chunk[PATTERN_BYTES];
  uint64_t left = query_number("n", 1 << 20);
  for (size_t i = 0; i < 251; i++) chunk[i] = (unsigned char)i;
  for (size_t filled = 251; filled < sizeof chunk; filled *= 2) memcpy(chunk + filled, chunk, filled);
  printf("Content-Type: application/octet-stream\r\n");
  if (!query_is("length", "0")) printf("Content-Length: %llu\r\n", (unsigned long long)left);
  printf("\r\n");
  fflush(stdout);
  while (left > 0) {
    size_t length = left < sizeof chunk ? (size_t)left : sizeof chunk;
    if (write_all(chunk, length) < 0) {
      perror("stdout");
      return 1;
    }
    left -= length;
  }
  return 0;
}
