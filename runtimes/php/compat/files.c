/* Files: what this libc has not, and the times it gets wrong. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

/*
 * Without times, utime and its kin mean "now". This libc sends 0 with the flags that say "these times": 1970. It is
 * linked with --wrap for these three.
 */
int __real_utimensat(int folder, const char *path, const struct timespec times[2], int flags);
int __real_futimens(int file, const struct timespec times[2]);

static const struct timespec *or_now(const struct timespec times[2], struct timespec place[2]) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  for (int index = 0; index < 2; index++) {
    if (times == NULL || times[index].tv_nsec == UTIME_NOW) place[index] = now;
    else place[index] = times[index];
  }
  /* Both 0 are "now" for the host (docs/abi.md). */
  if (place[0].tv_sec == 0 && place[0].tv_nsec == 0 && place[1].tv_sec == 0 && place[1].tv_nsec == 0) place[0].tv_nsec = 1;
  return place;
}

int __wrap_utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
  struct timespec place[2];
  return __real_utimensat(folder, path, or_now(times, place), flags);
}

int __wrap_futimens(int file, const struct timespec times[2]) {
  struct timespec place[2];
  return __real_futimens(file, or_now(times, place));
}

int __wrap_utime(const char *path, const struct utimbuf *times) {
  if (times == NULL) return utimensat(AT_FDCWD, path, NULL, 0);
  struct timespec both[2] = {{.tv_sec = times->actime}, {.tv_sec = times->modtime}};
  return utimensat(AT_FDCWD, path, both, 0);
}

/*
 * Links that lead downwards from where they are lead everybody, others only guests. Programs say where a file is by an absolute path: what
 * lies beside the link or below it is named from there, and BESIDE says that it was not. They are linked with --wrap.
 */
#define BESIDE "././"

int __real_symlink(const char *target, const char *link);
ssize_t __real_readlink(const char *path, char *text, size_t size);

/* How many characters of a path are the folder that its last name is in. */
static size_t folder_of(const char *path) {
  const char *end = strrchr(path, '/');
  return end == NULL ? 0 : end + 1 - path;
}

int __wrap_symlink(const char *target, const char *link) {
  size_t folder = folder_of(link);
  bool is_beside = target[0] == '/' && folder > 0 && strncmp(target, link, folder) == 0 && target[folder] != '\0';
  char text[PATH_MAX];
  if (!is_beside || strstr(target + folder, "..") != NULL) return __real_symlink(target, link);
  snprintf(text, sizeof text, BESIDE "%s", target + folder);
  return __real_symlink(text, link);
}

ssize_t __wrap_readlink(const char *path, char *text, size_t size) {
  char found[PATH_MAX];
  ssize_t length = __real_readlink(path, found, sizeof found);
  if (length < 0) return -1;
  const size_t marked = sizeof BESIDE - 1;
  size_t folder = 0;
  if (path[0] == '/' && (size_t)length > marked && memcmp(found, BESIDE, marked) == 0) {
    folder = folder_of(path);
    length -= marked;
    memmove(found, found + marked, length);
  }
  size_t first = folder < size ? folder : size;
  memcpy(text, path, first);
  size_t second = (size_t)length < size - first ? (size_t)length : size - first;
  memcpy(text + first, found, second);
  return first + second;
}

/* This libc cuts `whence` to a byte. It is linked with --wrap=lseek. */
off_t __real_lseek(int file, off_t offset, int whence);

off_t __wrap_lseek(int file, off_t offset, int whence) {
  if (whence == (uint8_t)whence) return __real_lseek(file, offset, whence);
  errno = EINVAL;
  return -1;
}

/* For preview 1 a folder is a descriptor without the right to be read. It is linked with --wrap=read. */
ssize_t __real_read(int file, void *bytes, size_t size);

ssize_t __wrap_read(int file, void *bytes, size_t size) {
  ssize_t result = __real_read(file, bytes, size);
  struct stat status;
  if (result < 0 && errno == EBADF && fstat(file, &status) == 0) errno = S_ISDIR(status.st_mode) ? EISDIR : EBADF;
  return result;
}

/*
 * Preview 1 cannot give a file a second descriptor. So the second one is the first, and is closed as often as it has been
 * given away: offset and flags are shared, as they are between copies. It is linked with --wrap=close.
 */
#define MOST_COUNTED 4096

static uint16_t copies[MOST_COUNTED];

int __real_close(int file);
void wasm_fpm_forget_socket(int file);

int dup(int file) {
  struct stat status;
  if (fstat(file, &status) != 0) return -1;
  if (file >= MOST_COUNTED || copies[file] == UINT16_MAX) {
    errno = EMFILE;
    return -1;
  }
  copies[file]++;
  return file;
}

int __wrap_close(int file) {
  if (file >= 0 && file < MOST_COUNTED && copies[file] > 0) {
    copies[file]--;
    return 0;
  }
  wasm_fpm_forget_socket(file);
  return __real_close(file);
}

ssize_t getrandom(void *bytes, size_t size, unsigned flags) {
  (void)flags;
  for (size_t done = 0; done < size;) {
    size_t part = size - done < 256 ? size - done : 256;
    if (getentropy((char *)bytes + done, part) != 0) return -1;
    done += part;
  }
  return size;
}

static int fill_in(char *template) {
  static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  size_t length = strlen(template);
  unsigned char random[6];
  if (length < 6 || getentropy(random, sizeof random) != 0) {
    errno = EINVAL;
    return -1;
  }
  for (int index = 0; index < 6; index++) template[length - 6 + index] = LETTERS[random[index] % (sizeof LETTERS - 1)];
  return 0;
}

int mkstemp(char *template) {
  for (int attempt = 0; attempt < 100; attempt++) {
    if (fill_in(template) != 0) return -1;
    int file = open(template, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file >= 0 || errno != EEXIST) return file;
  }
  return -1;
}

FILE *tmpfile(void) {
  char name[] = "/tmp/tmpfileXXXXXX";
  int file = mkstemp(name);
  if (file < 0) return NULL;
  unlink(name);
  return fdopen(file, "w+");
}

char *mktemp(char *template) {
  if (fill_in(template) != 0) *template = '\0';
  return template;
}

/* Preview 1 has no locks; wasm-fpm has. Its errors are preview 1's. */
__attribute__((import_module("wasm_fpm"), import_name("flock"))) int wasm_fpm_flock(int file, int operation);

int flock(int file, int operation) {
  int error = wasm_fpm_flock(file, operation);
  if (error == 0) return 0;
  wasm_fpm_set_errno(error);
  return -1;
}
