/* Sockets of one request that lead to others of its own (loopback.c), as sockets.c asks for them. */
#ifndef WASM_FPM_LOOPBACK_H
#define WASM_FPM_LOOPBACK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MOST_SOCKETS 1024

union address {
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_un un;
};

struct end;

/* What a file is; NULL: no end of ours. */
struct end *wasm_fpm_end(int file);
/* From now on it is one: of the family and type. 0, or -1 with errno. */
int wasm_fpm_make_end(int file, int family, int type);
void wasm_fpm_drop_end(int file);

/* As the functions without prefix; -1 with errno. */
int wasm_fpm_bind_end(struct end *end, const struct sockaddr *address, socklen_t size);
int wasm_fpm_listen_end(struct end *end, int backlog);
/* Whether somebody of this request waits there, or it is for datagrams to ourselves. */
bool wasm_fpm_is_own(const struct end *end, const struct sockaddr *address, socklen_t size);
int wasm_fpm_connect_end(struct end *end, const struct sockaddr *address, socklen_t size);
void wasm_fpm_join_ends(struct end *first, struct end *second);
/* `file`: a new one. */
int wasm_fpm_accept_end(struct end *end, int file);
int wasm_fpm_shutdown_end(struct end *end, int how);
ssize_t wasm_fpm_send_end(struct end *end, const void *bytes, size_t size, const struct sockaddr *to, socklen_t length);
ssize_t wasm_fpm_receive_end(struct end *end, void *bytes, size_t size, int flags, struct sockaddr *from, socklen_t *length);
/* Which of the events of poll() are there. */
short wasm_fpm_events_of(const struct end *end, short wanted);
/* Whether bytes can go through it: it is joined, or for datagrams. */
bool wasm_fpm_is_joined(const struct end *end);
int wasm_fpm_name_end(const struct end *end, bool is_peer, struct sockaddr *address, socklen_t *size);
int wasm_fpm_type_of_end(const struct end *end);

#endif
