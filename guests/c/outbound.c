/* Opens ?path=, such as /dev/tcp/HOST/PORT, and ?do= something with it; the answer tells what came of it.

     get      a request by HTTP/1.0 with ?send= in its path: what comes back
     say      sends such a request, and ends without waiting for anything
     poll     the same, but waits for each byte by poll(), for ?ms= at most
     open     open, and ?n= times more: how many are open in the end
     reopen   opens and closes it ?n= times
     insist   tries to open it ?n= times, whatever comes of it
     drain    reads until nothing comes any more: how many bytes
     flood    writes until that fails: how many bytes
     half     says that it sends no more, then reads
     hold     keeps it open for ?ms=, then ends without closing it
     trap     opens it and traps
     stat     what kind of thing it is */
#include "cgi.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char chunk[CHUNK_BYTES];

static int failed(const char *what) {
  printf("%s: %s\n", what, strerror(errno));
  return 0;
}

static int send_all(int fd, const char *text) {
  size_t length = strlen(text);
  while (length > 0) {
    ssize_t sent = write(fd, text, length);
    if (sent < 0) return failed("write");
    text += sent;
    length -= sent;
  }
  return 1;
}

static int ask(int fd) {
  char path[256], request[512];
  query_text("send", path, sizeof path);
  snprintf(request, sizeof request, "GET /%s HTTP/1.0\r\nHost: peer\r\n\r\n", path);
  return send_all(fd, request);
}

static void print_rest(int fd) {
  ssize_t got;
  while ((got = read(fd, chunk, sizeof chunk)) > 0) fwrite(chunk, 1, got, stdout);
  if (got < 0) failed("read");
}

static void poll_rest(int fd, int timeout_ms) {
  for (;;) {
    struct pollfd one = {.fd = fd, .events = POLLRDNORM};
    int ready = poll(&one, 1, timeout_ms);
    if (ready < 0) return (void)failed("poll");
    if (ready == 0) return (void)printf("poll: nothing came\n");
    ssize_t got = read(fd, chunk, 1);
    if (got < 0) return (void)failed("read");
    if (got == 0) return;
    fwrite(chunk, 1, got, stdout);
  }
}

static void drain(int fd) {
  unsigned long long total = 0;
  ssize_t got;
  while ((got = read(fd, chunk, sizeof chunk)) > 0) total += got;
  printf("read %llu\n", total);
  if (got < 0) failed("read");
}

static void flood(int fd) {
  unsigned long long total = 0;
  ssize_t sent;
  while ((sent = write(fd, chunk, sizeof chunk)) > 0) total += sent;
  printf("wrote %llu\n", total);
  if (sent < 0) failed("write");
}

static void hold(void) {
  uint64_t ms = query_number("ms", 100);
  struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  nanosleep(&time, NULL);
  printf("held\n");
}

static void open_more(const char *path) {
  uint64_t n = query_number("n", 0), opened = 1;
  while (opened <= n && open(path, O_RDWR) >= 0) opened++;
  if (opened <= n) failed("open");
  printf("opened %llu\n", (unsigned long long)opened);
}

static void reopen(const char *path) {
  uint64_t n = query_number("n", 0), done = 0;
  while (done < n) {
    int fd = open(path, O_RDWR);
    if (fd < 0) {
      failed("open");
      break;
    }
    close(fd);
    done++;
  }
  printf("reopened %llu\n", (unsigned long long)done);
}

static void insist(const char *path) {
  uint64_t n = query_number("n", 0);
  for (uint64_t i = 0; i < n; i++) {
    int fd = open(path, O_RDWR);
    if (fd >= 0) close(fd);
  }
  printf("insisted\n");
}

static void show(const char *path) {
  struct stat found;
  if (stat(path, &found) != 0) return (void)failed("stat");
  printf("%s\n", S_ISDIR(found.st_mode) ? "folder" : S_ISSOCK(found.st_mode) ? "socket" : "other");
}

int main(void) {
  char path[256];
  query_text("path", path, sizeof path);
  text_header();
  fflush(stdout);
  if (path[0] == 0) return printf("no path\n"), 0;
  if (query_is("do", "stat")) return show(path), 0;
  if (query_is("do", "insist")) return insist(path), 0;
  if (query_is("do", "reopen")) return reopen(path), 0;
  int fd = open(path, O_RDWR);
  if (fd < 0) return failed("open"), 0;
  if (query_is("do", "get") && ask(fd)) print_rest(fd);
  if (query_is("do", "say")) ask(fd);
  if (query_is("do", "poll") && ask(fd)) poll_rest(fd, query_number("ms", 1000));
  if (query_is("do", "open")) open_more(path);
  if (query_is("do", "drain")) drain(fd);
  if (query_is("do", "flood")) flood(fd);
  if (query_is("do", "half") && ask(fd)) {
    if (shutdown(fd, SHUT_WR) != 0) failed("shutdown");
    print_rest(fd);
  }
  if (query_is("do", "hold")) hold();
  if (query_is("do", "trap")) __builtin_trap();
  return 0;
}
