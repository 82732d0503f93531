/*
 * Sockets that connect, by what the host has for that: /dev/tcp/HOST/PORT, /dev/tls/HOST/PORT and /dev/unix/NAME, which are
 * opened as files. Who may reach what is the host's to say, by name: so a name gets an address of a range that nobody
 * has, and is what is opened when that is connected to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST_SOCKETS 1024
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

/* Whether the next socket that is made speaks TLS: PHP's transports tls:// and ssl:// say so (../sapi/transports.c). */
bool wasm_fpm_is_next_tls;

static bool is_socket(int file) {
  return file >= 0 && file < MOST_SOCKETS && sockets[file].is_open;
}

int socket(int family, int type, int protocol) {
  (void)protocol;
  if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM) {
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
  return file;
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

int connect(int file, const struct sockaddr *address, socklen_t size) {
  char path[NAME_BYTES + 32];
  if (!is_socket(file)) {
    errno = ENOTSOCK;
    return -1;
  }
  if (!name_of(address, sockets[file].is_tls, path, sizeof path)) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  int flags = fcntl(file, F_GETFL, 0);
  int connected = open(path, O_RDWR);
  if (connected < 0) {
    /* A name that leads nowhere has got an address of us: so this is where it shows. */
    if (errno == ENOENT) errno = EHOSTUNREACH;
    return -1;
  }
  if (flags > 0 && flags & O_NONBLOCK) fcntl(connected, F_SETFL, flags & O_NONBLOCK);
  if (__wasilibc_fd_renumber(connected, file) != 0) {
    close(connected);
    return -1;
  }
  if (size <= sizeof sockets[file].peer) memcpy(&sockets[file].peer, address, size);
  return 0;
}

/* It has been closed: the number may be a file next. */
void wasm_fpm_forget_socket(int file) {
  if (is_socket(file)) sockets[file].is_open = false;
}

static int answer_address(struct sockaddr *address, socklen_t *size, const struct sockaddr_in *known) {
  if (*size > sizeof *known) *size = sizeof *known;
  memcpy(address, known, *size);
  return 0;
}

int getpeername(int file, struct sockaddr *address, socklen_t *size) {
  if (is_socket(file) && sockets[file].peer.sin_family != 0) return answer_address(address, size, &sockets[file].peer);
  errno = is_socket(file) ? ENOTCONN : ENOTSOCK;
  return -1;
}

int getsockname(int file, struct sockaddr *address, socklen_t *size) {
  static const struct sockaddr_in unknown = {.sin_family = AF_INET};
  if (is_socket(file)) return answer_address(address, size, &unknown);
  errno = ENOTSOCK;
  return -1;
}

/* Opening it has waited until it was connected: there is no error to come. */
int __wrap_getsockopt(int file, int level, int name, void *value, socklen_t *size) {
  (void)level, (void)name;
  if (!is_socket(file)) {
    errno = ENOTSOCK;
    return -1;
  }
  memset(value, 0, *size);
  return 0;
}

int setsockopt(int file, int level, int name, const void *value, socklen_t size) {
  (void)level, (void)name, (void)value, (void)size;
  if (is_socket(file)) return 0;
  errno = ENOTSOCK;
  return -1;
}

ssize_t __wrap_send(int file, const void *bytes, size_t size, int flags) {
  (void)flags;
  return write(file, bytes, size);
}

ssize_t __wrap_recv(int file, void *bytes, size_t size, int flags) {
  /* Nothing can be looked at without being taken. PHP only asks whether the peer has gone, which the next read tells. */
  if (flags & MSG_PEEK) {
    errno = EAGAIN;
    return -1;
  }
  return read(file, bytes, size);
}

ssize_t sendto(int file, const void *bytes, size_t size, int flags, const struct sockaddr *to, socklen_t length) {
  (void)to, (void)length;
  return __wrap_send(file, bytes, size, flags);
}

ssize_t recvfrom(int file, void *bytes, size_t size, int flags, struct sockaddr *from, socklen_t *length) {
  (void)from;
  if (length != NULL) *length = 0;
  return __wrap_recv(file, bytes, size, flags);
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
  uint32_t number = 0;
  while (number < MOST_NAMES && strcmp(names[number], name) != 0) number++;
  if (number == MOST_NAMES) number = names_given++ % MOST_NAMES;
  strcpy(names[number], name);
  address.s_addr = htonl(FIRST_ADDRESS + number);
  return &found;
}

struct hostent *gethostbyaddr(const void *address, socklen_t size, int family) {
  uint32_t number = MOST_NAMES;
  if (family == AF_INET && size >= sizeof(struct in_addr)) {
    memcpy(&number, address, sizeof number);
    number = ntohl(number) - FIRST_ADDRESS;
  }
  if (number < MOST_NAMES && names[number][0] != '\0') return gethostbyname(names[number]);
  h_errno = HOST_NOT_FOUND;
  return NULL;
}
