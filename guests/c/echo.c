/* Answers with everything it received as one JSON object. The body is streamed through, never held.
   Bytes outside printable ASCII are written as \u00XX, so that the text read as Latin-1 gives the bytes back. */
#include "cgi.h"

extern char **environ;

static void json_bytes(const char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\') printf("\\u%04x", byte);
    else putchar(byte);
  }
}

static void json_text(const char *text) {
  putchar('"');
  json_bytes(text, strlen(text));
  putchar('"');
}

int main(int argc, char **argv) {
  static char chunk[CHUNK_BYTES];
  uint64_t received = 0;
  size_t got;
  printf("Content-Type: application/json\r\n\r\n{\"language\":\"c\",\"method\":");
  json_text(env_or("REQUEST_METHOD", ""));
  printf(",\"args\":[");
  for (int i = 0; i < argc; i++) {
    if (i > 0) putchar(',');
    json_text(argv[i]);
  }
  printf("],\"env\":{");
  for (char **entry = environ; *entry; entry++) {
    char *equals = strchr(*entry, '=');
    if (!equals) continue;
    if (entry != environ) putchar(',');
    putchar('"');
    json_bytes(*entry, (size_t)(equals - *entry));
    printf("\":");
    json_text(equals + 1);
  }
  printf("},\"body\":\"");
  while ((got = fread(chunk, 1, sizeof chunk, stdin)) > 0) {
    received += got;
    json_bytes(chunk, got);
  }
  printf("\",\"bodyBytes\":%llu}\n", (unsigned long long)received);
  return 0;
}
