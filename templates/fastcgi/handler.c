/* Answers requests in a loop, as programs do that were written for libfcgi. */
#include <stdlib.h>
#include <string.h>

#include "fcgi_stdio.h"

static char greeting[64];

/** A variable of the request, or "" when it has none of that name. */
static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

/** Reads the whole body; its length. */
static size_t read_body(void) {
  static char chunk[65536];
  size_t total = 0;
  for (size_t count; (count = fread(chunk, 1, sizeof chunk, stdin)) > 0;) total += count;
  return total;
}

int main(void) {
  /* Once; requests find it done. */
  strcpy(greeting, "Hello from {{name}}!");
  while (FCGI_Accept() >= 0) {
    size_t body_bytes = read_body();
    printf("Content-Type: text/plain; charset=utf-8\r\n\r\n");
    printf("%s\n", greeting);
    printf("%s %s%s\n", variable("REQUEST_METHOD"), variable("SCRIPT_NAME"), variable("PATH_INFO"));
    printf("query: %s\n", variable("QUERY_STRING"));
    printf("body: %zu bytes\n", body_bytes);
  }
  return 0;
}
