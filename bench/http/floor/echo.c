/*
 * The floor for any FastCGI server: an epoll loop that answers every request with the same bytes when its STDIN ends.
 * echo SOCKET PROCESSES ANSWER, where ANSWER is a file with the bytes. Records are taken to arrive in one piece.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEADER = 8, BEGIN_REQUEST = 1, STDIN = 5, FLAGS_AT = 10, MAX_FDS = 65536 };

static unsigned char answer[4096], input[65536], is_kept[MAX_FDS];
static int answer_bytes;

static void serve(int fd, int bytes) {
  for (int at = 0; at + HEADER <= bytes;) {
    int content = input[at + 4] << 8 | input[at + 5], type = input[at + 1];
    if (type == BEGIN_REQUEST) is_kept[fd] = input[at + FLAGS_AT] & 1;
    if (type == STDIN && content == 0) {
      if (write(fd, answer, answer_bytes) != answer_bytes || !is_kept[fd]) {
        close(fd);
        return;
      }
    }
    at += HEADER + content + input[at + 6];
  }
}

static void run(int listener) {
  int queue = epoll_create1(0);
  struct epoll_event wanted = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = listener}, ready[64];
  epoll_ctl(queue, EPOLL_CTL_ADD, listener, &wanted);
  for (;;) {
    int count = epoll_wait(queue, ready, 64, -1);
    for (int index = 0; index < count; index++) {
      int fd = ready[index].data.fd;
      if (fd == listener) {
        int peer = accept4(listener, 0, 0, SOCK_NONBLOCK);
        if (peer < 0) continue;
        struct epoll_event more = {.events = EPOLLIN, .data.fd = peer};
        epoll_ctl(queue, EPOLL_CTL_ADD, peer, &more);
        continue;
      }
      int bytes = read(fd, input, sizeof input);
      if (bytes <= 0) close(fd);
      else serve(fd, bytes);
    }
  }
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  FILE *file = fopen(arguments[3], "rb");
  if (file == NULL) return 1;
  answer_bytes = fread(answer, 1, sizeof answer, file);
  fclose(file);
  unlink(arguments[1]);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
  if (bind(listener, (void *)&address, sizeof address) < 0 || listen(listener, 511) < 0) return 1;
  chmod(arguments[1], 0777);
  int processes = atoi(arguments[2]);
  for (int index = 0; index < processes; index++)
    if (fork() == 0) run(listener);
  while (wait(NULL) > 0);
  return 0;
}
