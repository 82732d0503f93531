/*
 * Sockets that a request binds, and what it connects to them: two ends in its memory, which nobody else reaches and which end with
 * it. There is one thread: an end that has nothing will not have more while its reader waits, so nothing here waits.
 */
#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_QUEUED_BYTES (208 * 1024)
#define MOST_DATAGRAM_BYTES 65507
#define FIRST_FREE_PORT 32768
#define LAST_FREE_PORT 60999
#define LOCALHOST 0x7f000001u

/* What was sent at once: of a stream the borders mean nothing. */
struct piece {
  struct piece *next;
  union address from;
  size_t size, taken;
  char bytes[];
};

struct end {
  /* NULL: none, or not any more. */
  struct end *other;
  struct end *next_bound, *next_waiting;
  union address own, peer;
  struct piece *first, *last;
  size_t queued;
  int family, type;
  int waiting, most_waiting;
  /* Those that want to be accepted. */
  struct end *first_waiting;
  bool is_bound, is_listening, was_joined, is_read_shut, is_write_shut, is_file_gone;
};

static struct end *ends[MOST_SOCKETS];
static struct end *bound;
static uint16_t ports_given;

static int fail(int error) {
  errno = error;
  return -1;
}

struct end *wasm_fpm_end(int file) {
  return file >= 0 && file < MOST_SOCKETS ? ends[file] : NULL;
}

int wasm_fpm_make_end(int file, int family, int type) {
  struct end *end = calloc(1, sizeof *end);
  if (end == NULL) return fail(ENOMEM);
  end->family = family;
  end->type = type;
  end->own.any.sa_family = end->peer.any.sa_family = family;
  ends[file] = end;
  return 0;
}

static void forget_pieces(struct end *end) {
  while (end->first != NULL) {
    struct piece *piece = end->first;
    end->first = piece->next;
    free(piece);
  }
  end->last = NULL;
  end->queued = 0;
}

static void release(struct end *end) {
  if (end->other != NULL) end->other->other = NULL;
  for (struct end **at = &bound; *at != NULL; at = &(*at)->next_bound)
    if (*at == end) {
      *at = end->next_bound;
      break;
    }
  while (end->first_waiting != NULL) {
    struct end *waiting = end->first_waiting;
    end->first_waiting = waiting->next_waiting;
    release(waiting);
  }
  forget_pieces(end);
  free(end);
}

void wasm_fpm_drop_end(int file) {
  struct end *end = wasm_fpm_end(file);
  if (end == NULL) return;
  ends[file] = NULL;
  release(end);
}

static bool is_loopback(const union address *address) {
  uint32_t number = ntohl(address->in.sin_addr.s_addr);
  return number == INADDR_ANY || number >> 24 == LOCALHOST >> 24;
}

static bool take_address(const struct sockaddr *from, socklen_t size, union address *to) {
  memset(to, 0, sizeof *to);
  memcpy(to, from, size < sizeof *to ? size : sizeof *to);
  return to->any.sa_family == AF_UNIX || (to->any.sa_family == AF_INET && size >= sizeof to->in);
}

static bool is_at(const struct end *end, int type, const union address *address) {
  if (end->type != type || end->family != address->any.sa_family) return false;
  if (end->family == AF_UNIX) return strncmp(end->own.un.sun_path, address->un.sun_path, sizeof address->un.sun_path) == 0;
  if (end->own.in.sin_port != address->in.sin_port || !is_loopback(address)) return false;
  uint32_t one = end->own.in.sin_addr.s_addr, other = address->in.sin_addr.s_addr;
  return one == other || one == INADDR_ANY || other == INADDR_ANY;
}

static struct end *find(int type, const union address *address) {
  struct end *end = bound;
  while (end != NULL && !is_at(end, type, address)) end = end->next_bound;
  return end;
}

static int free_port(int type, union address *address) {
  for (int tries = 0; tries <= LAST_FREE_PORT - FIRST_FREE_PORT; tries++) {
    address->in.sin_port = htons(FIRST_FREE_PORT + ports_given++ % (LAST_FREE_PORT - FIRST_FREE_PORT + 1));
    if (find(type, address) == NULL) return 0;
  }
  return fail(EADDRINUSE);
}

static int put_up(struct end *end, const union address *address) {
  end->own = *address;
  end->is_bound = true;
  end->next_bound = bound;
  bound = end;
  return 0;
}

int wasm_fpm_bind_end(struct end *end, const struct sockaddr *wanted, socklen_t size) {
  union address address;
  if (!take_address(wanted, size, &address) || address.any.sa_family != end->family) return fail(EAFNOSUPPORT);
  if (end->is_bound || end->was_joined) return fail(EINVAL);
  if (end->family == AF_INET) {
    if (!is_loopback(&address)) return fail(EADDRNOTAVAIL);
    if (address.in.sin_port == 0 && free_port(end->type, &address) != 0) return -1;
    return find(end->type, &address) == NULL ? put_up(end, &address) : fail(EADDRINUSE);
  }
  if (address.un.sun_path[0] != '\0') {
    /* What others see of it: that it is there. */
    int file = open(address.un.sun_path, O_CREAT | O_EXCL | O_WRONLY, 0666);
    if (file < 0) return fail(errno == EEXIST ? EADDRINUSE : errno);
    close(file);
  }
  return put_up(end, &address);
}

int wasm_fpm_listen_end(struct end *end, int backlog) {
  if (end->type != SOCK_STREAM) return fail(EOPNOTSUPP);
  if (!end->is_bound) return fail(EDESTADDRREQ);
  end->is_listening = true;
  end->most_waiting = backlog < 1 ? 1 : backlog > MOST_SOCKETS ? MOST_SOCKETS : backlog;
  return 0;
}

bool wasm_fpm_is_own(const struct end *end, const struct sockaddr *wanted, socklen_t size) {
  union address address;
  if (!take_address(wanted, size, &address) || address.any.sa_family != end->family) return false;
  if (find(end->type, &address) != NULL) return true;
  return end->type == SOCK_DGRAM && (end->family == AF_UNIX || is_loopback(&address));
}

void wasm_fpm_join_ends(struct end *first, struct end *second) {
  first->other = second;
  second->other = first;
  first->was_joined = second->was_joined = true;
}

/* A name of its own, where it has none. */
static void name(struct end *end) {
  if (end->is_bound || end->family != AF_INET) return;
  end->own.in.sin_addr.s_addr = htonl(LOCALHOST);
  free_port(end->type, &end->own);
}

int wasm_fpm_connect_end(struct end *end, const struct sockaddr *wanted, socklen_t size) {
  union address address;
  if (!take_address(wanted, size, &address)) return fail(EAFNOSUPPORT);
  if (end->type == SOCK_DGRAM) {
    if (!end->is_bound && end->family == AF_INET) {
      name(end);
      put_up(end, &end->own);
    }
    end->peer = address;
    end->was_joined = true;
    return 0;
  }
  if (end->was_joined) return fail(EISCONN);
  struct end *there = find(SOCK_STREAM, &address);
  if (there == NULL || !there->is_listening || there->waiting >= there->most_waiting) return fail(ECONNREFUSED);
  struct end *accepted = calloc(1, sizeof *accepted);
  if (accepted == NULL) return fail(ENOMEM);
  name(end);
  accepted->family = end->family;
  accepted->type = end->type;
  accepted->own = end->peer = address;
  accepted->peer = end->own;
  wasm_fpm_join_ends(end, accepted);
  struct end **last = &there->first_waiting;
  while (*last != NULL) last = &(*last)->next_waiting;
  *last = accepted;
  there->waiting++;
  return 0;
}

int wasm_fpm_accept_end(struct end *end, int file) {
  struct end *accepted = end->first_waiting;
  if (!end->is_listening) return fail(EINVAL);
  if (accepted == NULL) return fail(EAGAIN);
  end->first_waiting = accepted->next_waiting;
  accepted->next_waiting = NULL;
  end->waiting--;
  ends[file] = accepted;
  return 0;
}

int wasm_fpm_shutdown_end(struct end *end, int how) {
  if (!end->was_joined && !end->is_bound) return fail(ENOTCONN);
  if (how == SHUT_RD || how == SHUT_RDWR) end->is_read_shut = true;
  if (how == SHUT_WR || how == SHUT_RDWR) end->is_write_shut = true;
  return 0;
}

static int queue(struct end *end, const union address *from, const void *bytes, size_t size) {
  struct piece *piece = malloc(sizeof *piece + size);
  if (piece == NULL) return fail(ENOMEM);
  *piece = (struct piece){.from = *from, .size = size};
  memcpy(piece->bytes, bytes, size);
  if (end->last == NULL) end->first = piece;
  else end->last->next = piece;
  end->last = piece;
  end->queued += size;
  return 0;
}

/* Nobody there is no error, as with datagrams elsewhere; nor is it that they are too many. */
static ssize_t send_datagram(struct end *end, const void *bytes, size_t size, const union address *to) {
  if (size > MOST_DATAGRAM_BYTES) return fail(EMSGSIZE);
  struct end *there = end->other != NULL ? end->other : find(SOCK_DGRAM, to);
  if (there == NULL && end->family == AF_UNIX) return fail(ECONNREFUSED);
  if (there == NULL || there->queued + size > MOST_QUEUED_BYTES) return size;
  return queue(there, &end->own, bytes, size) == 0 ? (ssize_t)size : -1;
}

ssize_t wasm_fpm_send_end(struct end *end, const void *bytes, size_t size, const struct sockaddr *to, socklen_t length) {
  union address address = end->peer;
  if (end->is_write_shut) return fail(EPIPE);
  if (end->type == SOCK_DGRAM) {
    if (to != NULL && length > 0) {
      if (!wasm_fpm_is_own(end, to, length)) return fail(ENETUNREACH);
      take_address(to, length, &address);
      name(end);
    } else if (!end->was_joined) {
      return fail(EDESTADDRREQ);
    }
    return send_datagram(end, bytes, size, &address);
  }
  if (!end->was_joined) return fail(ENOTCONN);
  if (end->other == NULL || end->other->is_read_shut) return fail(EPIPE);
  size_t room = MOST_QUEUED_BYTES - end->other->queued;
  if (room == 0) return fail(EAGAIN);
  if (size > room) size = room;
  return size == 0 || queue(end->other, &end->own, bytes, size) == 0 ? (ssize_t)size : -1;
}

/* Whether no more will come. */
static bool is_over(const struct end *end) {
  if (end->is_read_shut) return true;
  return end->type == SOCK_STREAM && end->was_joined && (end->other == NULL || end->other->is_write_shut);
}

static void drop_first(struct end *end) {
  struct piece *piece = end->first;
  end->first = piece->next;
  if (end->first == NULL) end->last = NULL;
  free(piece);
}

ssize_t wasm_fpm_receive_end(struct end *end, void *bytes, size_t size, int flags, struct sockaddr *from, socklen_t *length) {
  if ((flags & ~MSG_PEEK) != 0) return fail(EINVAL);
  if (end->type == SOCK_STREAM && !end->was_joined) return fail(ENOTCONN);
  if (end->first == NULL) {
    if (length != NULL) *length = 0;
    return is_over(end) ? 0 : fail(EAGAIN);
  }
  if (from != NULL && length != NULL) {
    socklen_t most = end->family == AF_UNIX ? sizeof end->first->from.un : sizeof end->first->from.in;
    if (end->type == SOCK_STREAM) most = 0;
    if (*length > most) *length = most;
    memcpy(from, &end->first->from, *length);
  }
  size_t done = 0;
  for (struct piece *piece = end->first; piece != NULL && (done == 0 || done < size);) {
    struct piece *next = piece->next;
    size_t part = piece->size - piece->taken;
    if (part > size - done) part = size - done;
    memcpy((char *)bytes + done, piece->bytes + piece->taken, part);
    done += part;
    if ((flags & MSG_PEEK) == 0) {
      piece->taken += part;
      if (end->type == SOCK_DGRAM) end->queued -= piece->size;
      else end->queued -= part;
      if (end->type == SOCK_DGRAM || piece->taken == piece->size) drop_first(end);
    }
    if (end->type == SOCK_DGRAM || size == 0) break;
    piece = next;
  }
  return done;
}

short wasm_fpm_events_of(const struct end *end, short wanted) {
  short found = 0;
  bool is_readable = end->is_listening ? end->first_waiting != NULL : end->first != NULL || is_over(end);
  bool is_writable = end->type == SOCK_DGRAM || (end->was_joined && (end->other == NULL || end->other->queued < MOST_QUEUED_BYTES));
  if (is_readable) found |= POLLIN;
  if (is_writable) found |= POLLOUT;
  found &= wanted;
  if (end->type == SOCK_STREAM && end->was_joined && end->other == NULL) found |= POLLHUP;
  if (end->type == SOCK_STREAM && !end->was_joined && !end->is_listening) found |= POLLHUP;
  return found;
}

bool wasm_fpm_is_joined(const struct end *end) {
  return end->was_joined || end->is_bound || end->type == SOCK_DGRAM;
}

int wasm_fpm_name_end(const struct end *end, bool is_peer, struct sockaddr *address, socklen_t *size) {
  if (is_peer && !end->was_joined) return fail(ENOTCONN);
  const union address *known = is_peer ? &end->peer : &end->own;
  socklen_t most = sizeof known->in;
  if (end->family == AF_UNIX) {
    size_t used = strnlen(known->un.sun_path, sizeof known->un.sun_path);
    most = offsetof(struct sockaddr_un, sun_path) + (used == 0 ? 0 : used + 1);
  }
  if (*size > most) *size = most;
  memcpy(address, known, *size);
  return 0;
}

int wasm_fpm_type_of_end(const struct end *end) {
  return end->type;
}
