/* The smallest CGI program: a fixed answer. */
#include <stdio.h>

int main(void) {
  printf("Content-Type: text/plain; charset=utf-8\r\n\r\nHello from C\n");
  return 0;
}
