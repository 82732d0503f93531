/* Exits with ?code= (default 1): ?when=before any output, in `mid` header, after the `header`, or `after` a whole answer. */
#include "cgi.h"

int main(void) {
  int code = (int)query_number("code", 1);
  if (query_is("when", "mid")) printf("Content-Type: text/pl");
  if (query_is("when", "header")) text_header();
  if (query_is("when", "after")) {
    text_header();
    printf("exiting with %d\n", code);
  }
  fflush(stdout);
  fprintf(stderr, "exiting with %d\n", code);
  exit(code);
}
