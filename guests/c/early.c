/* Answers at once and ends without reading a byte of the body. */
#include "cgi.h"

int main(void) {
  text_header();
  printf("answered early\n");
  return 0;
}
