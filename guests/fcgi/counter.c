/* What is paid once, and what is left of a request: prints both counts. `?exit=N` ends the program in the middle. */
#include <stdlib.h>
#include <string.h>

#include "fcgi_stdio.h"

static int table[4096];

/* Something that takes a while, and that requests need. */
static int prepare(void) {
  static int times;
  for (int index = 0; index < 4096; index += 1) table[index] = index * index;
  times += 1;
  return times;
}

int main(void) {
  const int prepared = prepare();
  int requests = 0;
  char *kept = NULL;
  while (FCGI_Accept() >= 0) {
    requests += 1;
    const char *query = getenv("QUERY_STRING");
    if (query == NULL) query = "";
    printf("Content-Type: text/plain\r\n\r\n");
    printf("prepared %d, request %d, table %d, kept %s\n", prepared, requests, table[63],
           kept == NULL ? "nothing" : kept);
    free(kept);
    kept = strdup(query);
    if (strncmp(query, "exit=", 5) == 0) exit(atoi(query + 5));
    if (strncmp(query, "status=", 7) == 0) FCGI_SetExitStatus(atoi(query + 7));
  }
  return 0;
}
