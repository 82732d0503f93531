/*
 * Sockets. Those that lead to others of the same request are in loopback.c. The rest connect, by what the host has for that: /dev/tcp/HOST/PORT, /dev/tls/HOST/PORT and /dev/unix/NAME, which are
 * opened as files. Who may reach what is the host's to say, by name: so a name gets an address of a range that nobody
 * has, and is what is opened when that is connected to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "loopback.h"

#define MOST_NAMES 256
#define NAME_BYTES 256
/* 240.0.0.0, the first address of the range; the number of a name is added. */
#define FIRST_ADDRESS 0xf0000000u

int __wasilibc_fd_renumber(int from, int to);

static struct {
  bool is_open, is_tls;
  struct sockaddr_in peer;
} sockets[MOST_SOCKETS];
static char names[MOST_NAMES][NAME_BYTES];
static uint32_t names_given;
/* Whether somebody has asked for the address of this name, which is everybody's: then it is what 127.0.0.1 means first. */
static bool is_localhost_known;

/* Whether the next socket that is made speaks TLS: PHP's transports tls:// and ssl:// say so (../sapi/transports.c). */
bool wasm_fpm_is_next_tls;

static bool is_socket(int file) {
  return file >= 0 && file < MOST_SOCKETS && sockets[file].is_open;
}

int socket(int family, int type, int protocol) {
  (void)protocol;
  int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (kind != SOCK_STREAM && kind != SOCK_DGRAM) {
    errno = EPROTONOSUPPORT;
    return -1;
  }
  if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  /* Something to have the number of, until it is known where to. */
  int file = open("/dev/null", O_RDWR);
  if (file < 0) return -1;
  if (file >= MOST_SOCKETS) {
    close(file);
    errno = EMFILE;
    return -1;
  }
  memset(&sockets[file], 0, sizeof *sockets);
  sockets[file].is_open = true;
  sockets[file].is_tls = wasm_fpm_is_next_tls;
  if (wasm_fpm_make_end(file, family, kind) == 0) return file;
  close(file);
  return -1;
}

int socketpair(int family, int type, int protocol, int files[2]) {
  if (family != AF_UNIX) {
    errno = EOPNOTSUPP;
    return -1;
  }
  for (int index = 0; index < 2; index++) {
    files[index] = socket(family, type, protocol);
    if (files[index] >= 0) continue;
    if (index == 1) close(files[0]);
    return -1;
  }
  wasm_fpm_join_ends(wasm_fpm_end(files[0]), wasm_fpm_end(files[1]));
  return 0;
}

/* What it is; NULL, with errno: no end that leads to another one here. */
static struct end *end_of(int file) {
  struct end *end = wasm_fpm_end(file);
  if (end == NULL) errno = is_socket(file) ? EINVAL : ENOTSOCK;
  return end;
}

int bind(int file, const struct sockaddr *address, socklen_t size) {
  struct end *end = end_of(file);
  return end == NULL ? -1 : wasm_fpm_bind_end(end, address, size);
}

int listen(int file, int backlog) {
  struct end *end = end_of(file);
  return end == NULL ? -1 : wasm_fpm_listen_end(end, backlog);
}

int accept(int file, struct sockaddr *address, socklen_t *size) {
  struct end *end = end_of(file);
  if (end == NULL) return -1;
  int accepted = open("/dev/null", O_RDWR);
  if (accepted < 0) return -1;
  if (accepted >= MOST_SOCKETS || wasm_fpm_accept_end(end, accepted) != 0) {
    int error = accepted >= MOST_SOCKETS ? EMFILE : errno;
    close(accepted);
    errno = error;
    return -1;
  }
  memset(&sockets[accepted], 0, sizeof *sockets);
  sockets[accepted].is_open = true;
  if (address != NULL && size != NULL) wasm_fpm_name_end(wasm_fpm_end(accepted), true, address, size);
  return accepted;
}

int __real_shutdown(int file, int how);

int __wrap_shutdown(int file, int how) {
  struct end *end = wasm_fpm_end(file);
  return end != NULL ? wasm_fpm_shutdown_end(end, how) : __real_shutdown(file, how);
}

/* Where it leads, as the host has it. False: to no such thing. */
static bool name_of(const struct sockaddr *address, bool is_tls, char *path, size_t size) {
  const char *kind = is_tls ? "tls" : "tcp";
  char text[INET6_ADDRSTRLEN];
  if (address->sa_family == AF_UNIX) {
    const char *name = ((const struct sockaddr_un *)address)->sun_path;
    const char *slash = strrchr(name, '/');
    snprintf(path, size, "/dev/unix/%s", slash == NULL ? name : slash + 1);
    return true;
  }
  if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    if (inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text) == NULL) return false;
    snprintf(path, size, "/dev/%s/%s/%u", kind, text, ntohs(in6->sin6_port));
    return true;
  }
  if (address->sa_family != AF_INET) return false;
  const struct sockaddr_in *in = (const struct sockaddr_in *)address;
  uint32_t number = ntohl(in->sin_addr.s_addr) - FIRST_ADDRESS;
  bool is_name = number < MOST_NAMES && names[number][0] != '\0';
  if (!is_name && inet_ntop(AF_INET, &in->sin_addr, text, sizeof text) == NULL) return false;
  snprintf(path, size, "/dev/%s/%s/%u", kind, is_name ? names[number] : text, ntohs(in->sin_port));
  return true;
}

static bool is_localhost(const struct sockaddr *address) {
  return address->sa_family == AF_INET && ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

int connect(int file, const struct sockaddr *address, socklen_t size) {
  char path[NAME_BYTES + 32];
  if (!is_socket(file)) {
    errno = ENOTSOCK;
    return -1;
  }
  struct end *end = wasm_fpm_end(file);
  if (end != NULL && wasm_fpm_is_own(end, address, size)) return wasm_fpm_connect_end(end, address, size);
  if (end != NULL && wasm_fpm_type_of_end(end) != SOCK_STREAM) {
    errno = ENETUNREACH;
    return -1;
  }
  if (!name_of(address, sockets[file].is_tls, path, sizeof path)) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  int flags = fcntl(file, F_GETFL, 0);
  int connected = -1;
  if (is_localhost_known && is_localhost(address)) {
    char named[NAME_BYTES];
    snprintf(named, sizeof named, "/dev/%s/localhost/%u", sockets[file].is_tls ? "tls" : "tcp",
             ntohs(((const struct sockaddr_in *)address)->sin_port));
    connected = open(named, O_RDWR);
  }
  if (connected < 0) connected = open(path, O_RDWR);
  if (connected < 0) {
    /* A name that leads nowhere has got an address of us: so this is where it shows. */
    if (errno == ENOENT) errno = is_localhost(address) ? ECONNREFUSED : EHOSTUNREACH;
    return -1;
  }
  if (flags > 0 && flags & O_NONBLOCK) fcntl(connected, F_SETFL, flags & O_NONBLOCK);
  if (__wasilibc_fd_renumber(connected, file) != 0) {
    close(connected);
    return -1;
  }
  wasm_fpm_drop_end(file);
  if (size <= sizeof sockets[file].peer) memcpy(&sockets[file].peer, address, size);
  return 0;
}

/* It has been closed: the number may be a file next. */
void wasm_fpm_forget_socket(int file) {
  if (!is_socket(file)) return;
  sockets[file].is_open = false;
  wasm_fpm_drop_end(file);
}

static int answer_address(struct sockaddr *address, socklen_t *size, const struct sockaddr_in *known) {
  if (*size > sizeof *known) *size = sizeof *known;
  memcpy(address, known, *size);
  return 0;
}

int getpeername(int file, struct sockaddr *address, socklen_t *size) {
  if (wasm_fpm_end(file) != NULL) return wasm_fpm_name_end(wasm_fpm_end(file), true, address, size);
  if (is_socket(file) && sockets[file].peer.sin_family != 0) return answer_address(address, size, &sockets[file].peer);
  errno = is_socket(file) ? ENOTCONN : ENOTSOCK;
  return -1;
}

int getsockname(int file, struct sockaddr *address, socklen_t *size) {
  static const struct sockaddr_in unknown = {.sin_family = AF_INET};
  if (wasm_fpm_end(file) != NULL) return wasm_fpm_name_end(wasm_fpm_end(file), false, address, size);
  if (is_socket(file)) return answer_address(address, size, &unknown);
  errno = ENOTSOCK;
  return -1;
}

/* Opening it has waited until it was connected: there is no error to come. */
int __wrap_getsockopt(int file, int level, int name, void *value, socklen_t *size) {
  if (!is_socket(file)) {
    errno = ENOTSOCK;
    return -1;
  }
  memset(value, 0, *size);
  if (level == SOL_SOCKET && name == SO_TYPE && *size >= sizeof(int))
    *(int *)value = wasm_fpm_end(file) == NULL ? SOCK_STREAM : wasm_fpm_type_of_end(wasm_fpm_end(file));
  return 0;
}

int setsockopt(int file, int level, int name, const void *value, socklen_t size) {
  (void)level, (void)name, (void)value, (void)size;
  if (is_socket(file)) return 0;
  errno = ENOTSOCK;
  return -1;
}

ssize_t sendto(int file, const void *bytes, size_t size, int flags, const struct sockaddr *to, socklen_t length) {
  struct end *end = wasm_fpm_end(file);
  if ((flags & MSG_OOB) != 0) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return end != NULL ? wasm_fpm_send_end(end, bytes, size, to, length) : write(file, bytes, size);
}

ssize_t recvfrom(int file, void *bytes, size_t size, int flags, struct sockaddr *from, socklen_t *length) {
  struct end *end = wasm_fpm_end(file);
  if (end != NULL) return wasm_fpm_receive_end(end, bytes, size, flags, from, length);
  if (length != NULL) *length = 0;
  /* Nothing can be looked at without being taken. PHP only asks whether the peer has gone, which the next read tells. */
  if (flags & MSG_PEEK) {
    errno = EAGAIN;
    return -1;
  }
  return read(file, bytes, size);
}

ssize_t __wrap_send(int file, const void *bytes, size_t size, int flags) {
  return sendto(file, bytes, size, flags, NULL, 0);
}

ssize_t __wrap_recv(int file, void *bytes, size_t size, int flags) {
  return recvfrom(file, bytes, size, flags, NULL, NULL);
}

/* As often as others are looked at while ends of our own have nothing, which will not change meanwhile. */
int __real_poll(struct pollfd *files, nfds_t count, int timeout);

int __wrap_poll(struct pollfd *files, nfds_t count, int timeout) {
  int ready = 0;
  nfds_t others = 0;
  for (nfds_t index = 0; index < count; index++) {
    struct end *end = wasm_fpm_end(files[index].fd);
    files[index].revents = end == NULL ? 0 : wasm_fpm_events_of(end, files[index].events);
    ready += files[index].revents != 0;
    others += end == NULL;
  }
  if (others == count) return __real_poll(files, count, timeout);
  if (others == 0 && ready == 0 && timeout != 0) {
    struct timespec rest = {.tv_sec = timeout < 0 ? INT32_MAX : timeout / 1000, .tv_nsec = timeout < 0 ? 0 : timeout % 1000 * 1000000};
    nanosleep(&rest, NULL);
  }
  if (others == 0) return ready;
  struct pollfd *rest = calloc(others, sizeof *rest);
  if (rest == NULL) return -1;
  for (nfds_t index = 0, at = 0; index < count; index++)
    if (wasm_fpm_end(files[index].fd) == NULL) rest[at++] = files[index];
  int found = __real_poll(rest, others, ready > 0 ? 0 : timeout);
  for (nfds_t index = 0, at = 0; found > 0 && index < count; index++)
    if (wasm_fpm_end(files[index].fd) == NULL) files[index].revents = rest[at++].revents;
  free(rest);
  return found < 0 && ready == 0 ? found : ready + (found > 0 ? found : 0);
}

int __real_select(int count, fd_set *read, fd_set *write, fd_set *except, struct timeval *timeout);

int __wrap_select(int count, fd_set *read, fd_set *write, fd_set *except, struct timeval *timeout) {
  bool has_ends = false;
  for (int file = 0; file < count && !has_ends; file++)
    has_ends = wasm_fpm_end(file) != NULL && ((read != NULL && FD_ISSET(file, read)) || (write != NULL && FD_ISSET(file, write)) ||
                                              (except != NULL && FD_ISSET(file, except)));
  if (!has_ends) return __real_select(count, read, write, except, timeout);
  struct pollfd *files = calloc(count, sizeof *files);
  if (files == NULL) return -1;
  nfds_t asked = 0;
  for (int file = 0; file < count; file++) {
    short events = (read != NULL && FD_ISSET(file, read) ? POLLIN : 0) | (write != NULL && FD_ISSET(file, write) ? POLLOUT : 0);
    if (events != 0) files[asked++] = (struct pollfd){.fd = file, .events = events};
  }
  int found = __wrap_poll(files, asked, timeout == NULL ? -1 : (int)(timeout->tv_sec * 1000 + timeout->tv_usec / 1000));
  if (found >= 0) {
    if (read != NULL) FD_ZERO(read);
    if (write != NULL) FD_ZERO(write);
    if (except != NULL) FD_ZERO(except);
    found = 0;
    for (nfds_t index = 0; index < asked; index++) {
      bool is_readable = read != NULL && (files[index].events & POLLIN) != 0 && (files[index].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
      bool is_writable = write != NULL && (files[index].events & POLLOUT) != 0 && (files[index].revents & (POLLOUT | POLLERR)) != 0;
      if (is_readable) FD_SET(files[index].fd, read);
      if (is_writable) FD_SET(files[index].fd, write);
      found += is_readable + is_writable;
    }
  }
  free(files);
  return found;
}

int h_errno;

struct hostent *gethostbyname(const char *name) {
  static struct in_addr address;
  static char *addresses[] = {(char *)&address, NULL};
  static char *aliases[] = {NULL};
  static char own[NAME_BYTES];
  static struct hostent found = {own, aliases, AF_INET, sizeof address, addresses};
  size_t length = strlen(name);
  if (length == 0 || length >= NAME_BYTES || strchr(name, '/') != NULL) {
    h_errno = HOST_NOT_FOUND;
    return NULL;
  }
  strcpy(own, name);
  if (inet_pton(AF_INET, name, &address) == 1) return &found;
  if (strcasecmp(name, "localhost") == 0) {
    is_localhost_known = true;
    address.s_addr = htonl(INADDR_LOOPBACK);
    return &found;
  }
  uint32_t number = 0;
  while (number < MOST_NAMES && strcmp(names[number], name) != 0) number++;
  if (number == MOST_NAMES) number = names_given++ % MOST_NAMES;
  strcpy(names[number], name);
  address.s_addr = htonl(FIRST_ADDRESS + number);
  return &found;
}

struct hostent *gethostbyaddr(const void *address, socklen_t size, int family) {
  uint32_t number = MOST_NAMES;
  if (family == AF_INET && size >= sizeof(struct in_addr) && *(const uint32_t *)address == htonl(INADDR_LOOPBACK)) return gethostbyname("localhost");
  if (family == AF_INET && size >= sizeof(struct in_addr)) {
    memcpy(&number, address, sizeof number);
    number = ntohl(number) - FIRST_ADDRESS;
  }
  if (number < MOST_NAMES && names[number][0] != '\0') return gethostbyname(names[number]);
  h_errno = HOST_NOT_FOUND;
  return NULL;
}

int getnameinfo(const struct sockaddr *address, socklen_t size, char *host, socklen_t host_size, char *service,
                socklen_t service_size, int flags) {
  (void)service, (void)service_size;
  if (address->sa_family != AF_INET || size < sizeof(struct sockaddr_in)) return -1;
  const struct in_addr *number = &((const struct sockaddr_in *)address)->sin_addr;
  if (flags & NI_NUMERICHOST) return inet_ntop(AF_INET, number, host, host_size) == NULL ? -1 : 0;
  struct hostent *found = gethostbyaddr(number, sizeof *number, AF_INET);
  if (found == NULL || strlen(found->h_name) >= host_size) return -1;
  strcpy(host, found->h_name);
  return 0;
}
