/* Shows what files a guest has: ?read=PATH, ?list=DIRECTORY, ?tmp=TEXT (written to /tmp and read back), ?write=PATH.
   Without a query it lists `/`. A failure is told in the answer, with its errno. */
#include "cgi.h"
#include <dirent.h>
#include <errno.h>

static void failed(const char *what, const char *path) {
  printf("cannot %s %s: %s\n", what, path, strerror(errno));
}

static void show_file(const char *path) {
  static char chunk[CHUNK_BYTES];
  size_t got;
  FILE *file = fopen(path, "rb");
  if (!file) return failed("read", path);
  while ((got = fread(chunk, 1, sizeof chunk, file)) > 0) fwrite(chunk, 1, got, stdout);
  if (ferror(file)) failed("read", path);
  fclose(file);
}

static void show_directory(const char *path) {
  struct dirent *entry;
  DIR *directory = opendir(path);
  if (!directory) return failed("list", path);
  while ((entry = readdir(directory))) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    printf("%s%s\n", entry->d_name, entry->d_type == DT_DIR ? "/" : "");
  }
  closedir(directory);
}

static int write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "wb");
  if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
    failed("write", path);
    return 0;
  }
  return 1;
}

int main(void) {
  static char value[4096];
  text_header();
  if (query("read")) show_file(query_text("read", value, sizeof value));
  else if (query("list")) show_directory(query_text("list", value, sizeof value));
  else if (query("tmp")) {
    if (write_file("/tmp/note.txt", query_text("tmp", value, sizeof value))) show_file("/tmp/note.txt");
  } else if (query("write")) {
    if (write_file(query_text("write", value, sizeof value), "written\n")) show_file(value);
  } else show_directory("/");
  return 0;
}
