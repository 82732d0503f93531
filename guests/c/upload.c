/* Reads the body as it comes and answers with its byte count and FNV-1a (32 bit) checksum
   (?checksum=0: the count alone). Holds one chunk. */
#include "cgi.h"
#include <unistd.h>

int main(void) {
  static unsigned char chunk[CHUNK_BYTES];
  uint64_t received = 0;
  uint32_t checksum = 2166136261u;
  const int is_summed = !query_is("checksum", "0");
  ssize_t got;
  while ((got = read(STDIN_FILENO, chunk, sizeof chunk)) > 0) {
    received += (uint64_t)got;
    for (ssize_t i = 0; is_summed && i < got; i++) checksum = (checksum ^ chunk[i]) * 16777619u;
  }
  if (got < 0) {
    printf("Status: 400 Bad Request\r\n");
    text_header();
    perror("stdin");
    return 0;
  }
  text_header();
  printf("bytes=%llu fnv1a=%08x\n", (unsigned long long)received, checksum);
  return 0;
}
