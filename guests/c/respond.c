/* Answers with the header block asked for: ?kind=status (with ?code= and, for a Content-Length, ?length=), `redirect`, `location` (no Status), `cookies`,
   `large` (one field of ?n= bytes), `chunked` (a Transfer-Encoding of its own), `early-hints` (1xx first),
   `short` and `long` (a body that is not its Content-Length), `noheader`, `sendfile` (fields that name a file);
   `stderr` prints ?n= bytes to standard error first. */
#include "cgi.h"

static void large_field(uint64_t bytes) {
  printf("X-Large: ");
  for (uint64_t i = 0; i < bytes; i++) putchar('x');
  printf("\r\n");
}

static void complain(uint64_t bytes) {
  for (uint64_t i = 1; i <= bytes; i++) fputc(i % 1000 == 0 || i == bytes ? '\n' : 'x', stderr);
}

int main(void) {
  if (query_is("kind", "status")) printf("Status: %d Asked For\r\n", (int)query_number("code", 200));
  if (query_number("length", 0)) printf("Content-Length: %d\r\n", (int)query_number("length", 0));
  if (query_is("kind", "sendfile")) printf("X-Accel-Redirect: /file\r\nX-Sendfile: /file\r\n");
  if (query_is("kind", "redirect")) printf("Status: 301 Moved Permanently\r\nLocation: /moved\r\n");
  if (query_is("kind", "location")) {
    printf("Location: /moved\r\n\r\n");
    return 0;
  }
  if (query_is("kind", "cookies")) printf("Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/\r\n");
  if (query_is("kind", "large")) large_field(query_number("n", 20000));
  if (query_is("kind", "chunked")) printf("Transfer-Encoding: chunked\r\nConnection: upgrade\r\n");
  if (query_is("kind", "early-hints")) printf("Status: 103 Early Hints\r\nLink: </style.css>\r\n\r\n");
  if (query_is("kind", "short")) printf("Content-Length: 100\r\n");
  if (query_is("kind", "long")) printf("Content-Length: 3\r\n");
  if (query_is("kind", "stderr")) complain(query_number("n", 4096));
  if (!query_is("kind", "noheader")) text_header();
  printf("answered\n");
  return 0;
}
