/* Answers with the body it was sent, byte for byte, streamed through. */
#include "cgi.h"

int main(void) {
  static char chunk[CHUNK_BYTES];
  size_t got;
  printf("Content-Type: application/octet-stream\r\n\r\n");
  while ((got = fread(chunk, 1, sizeof chunk, stdin)) > 0) fwrite(chunk, 1, got, stdout);
  return 0;
}
