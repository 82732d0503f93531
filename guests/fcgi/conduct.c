/* Does what QUERY_STRING says that a program should not do, or seldom does; each is a way to use or misuse libfcgi's names. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_stdio.h"

static char *query_of(void) {
  char *query = getenv("QUERY_STRING");
  return query == NULL ? "" : query;
}

static void head(void) { printf("Content-Type: text/plain\r\n\r\n"); }

static void echo_input(void) {
  char piece[1000];
  for (size_t count; (count = fread(piece, 1, sizeof piece, stdin)) > 0;)
    fwrite(piece, 1, count, stdout);
}

static void read_all_ways(void) {
  char line[8];
  while (fgets(line, sizeof line, stdin) != NULL) printf("[%s]", line);
  printf(" end %d, then %d, give back %d", feof(stdin) != 0, getchar(), ungetc('x', stdin));
}

static void seek(void) {
  printf("%d %ld %d %d", fseek(stdin, 0, SEEK_SET), ftell(stdout), fileno(stdin), popen("ls", "r") == NULL);
  FILE *file = tmpfile();
  fprintf(file, "%s", "in a file");
  rewind(file);
  char text[20] = "";
  printf(" %s %d", fgets(text, sizeof text, file), fclose(file));
}

/* Work of the program's behind an answer that is complete; by the clock of processors, so that it takes its time. */
static void work(void) {
  static volatile unsigned sum;
  for (unsigned round = 0; round < 12000000; round += 1) sum = sum + round;
}

static void serve(const char *query) {
  if (strcmp(query, "nothing") == 0) return;
  if (strcmp(query, "accept-again") == 0) {
    head();
    printf("one place");
    while (FCGI_Accept() >= 0) {
      head();
      printf("the other place, %s", query_of());
      if (strcmp(query_of(), "back") == 0) return;
    }
  }
  head();
  if (strcmp(query, "finish") == 0 || strcmp(query, "trap") == 0 || strcmp(query, "forever") == 0) {
    printf("answered");
    FCGI_Finish();
    FCGI_Finish();
    const bool is_closed = printf("dropped") < 0 && getchar() == EOF;
    work();
    if (!is_closed || strcmp(query, "trap") == 0) __builtin_trap();
    while (strcmp(query, "forever") == 0) work();
    return;
  }
  if (strcmp(query, "large") == 0) {
    for (int index = 0; index < 20000; index += 1) printf("%08d ", index);
    fprintf(stderr, "large is done\n");
  } else if (strcmp(query, "lines") == 0) {
    read_all_ways();
  } else if (strcmp(query, "files") == 0) {
    seek();
  } else if (strcmp(query, "close") == 0) {
    printf("so far");
    fclose(stdout);
    printf("%d", puts("dropped"));
  } else if (strcmp(query, "data") == 0) {
    echo_input();
    printf("|%d|", FCGI_StartFilterData());
    echo_input();
    printf("|%d", FCGI_StartFilterData() < 0);
  } else if (strcmp(query, "variables") == 0) {
    size_t bytes = 0;
    extern char **environ;
    for (char **one = environ; *one != NULL; one += 1) bytes += strlen(*one);
    printf("%d", bytes > 1000);
  } else {
    echo_input();
  }
}

int main(void) {
  while (FCGI_Accept() >= 0) {
    char *query = strdup(query_of());
    serve(query);
    free(query);
  }
  return 3;
}
