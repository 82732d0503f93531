/* Of C's library: files with names that nobody else has, and programs, of which there are none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* Names that are taken. */
#define TRIES 100

unsigned wasm_fpm_draw(void) {
  unsigned drawn;
  if (getentropy(&drawn, sizeof drawn) != 0) abort();
  return drawn;
}

static int make_file(char *name) {
  for (int try = 0; try < TRIES; try++) {
    sprintf(name, "/tmp/lua_%08x%08x", wasm_fpm_draw(), wasm_fpm_draw());
    int file = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file >= 0 || errno != EEXIST) return file;
  }
  return -1;
}

/* os.tmpname(): makes the file, as elsewhere. Not 0: it cannot. */
int wasm_fpm_name_file(char *name) {
  int file = make_file(name);
  return file < 0 ? -1 : close(file);
}

FILE *tmpfile(void) {
  char name[LUA_TMPNAMBUFSIZE];
  int file = make_file(name);
  if (file < 0) return NULL;
  unlink(name);
  return fdopen(file, "w+");
}

/* Without a command: whether there is a shell. */
int system(const char *command) {
  if (command == NULL) return 0;
  errno = ENOSYS;
  return -1;
}
