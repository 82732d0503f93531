/*
 * What PHP uses and wasi-libc has not, or has wrong. Included before every source of PHP (not in configure, whose probes
 * declare things themselves). What is declared here stands in ../posix.c, ../memory.c, ../files.c, ../modes.c and ../sockets.c.
 */
#ifndef WASM_FPM_WASI_COMPAT_H
#define WASM_FPM_WASI_COMPAT_H

#include "linux-errno.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* Integers of 64 bits, as on x32: zend_long.h asks for the processor, and no other one has 32-bit pointers with them. */
#define ZEND_ENABLE_ZVAL_LONG64 1

/* What configure does not find, because it is ours, or does not look for in another machine's library. */
#define HAVE_FNMATCH 1
#define HAVE_LIBDL 1
#define HAVE_GETHOSTNAME 1
#define HAVE_MKSTEMP 1
#define HAVE_SOCKETPAIR 1
#define HAVE_LCHOWN 1
#define HAVE_GETPROTOBYNAME 1
#define HAVE_GETPROTOBYNUMBER 1
#define HAVE_GETSERVBYNAME 1
#define HAVE_GETSERVBYPORT 1

/* This libc gives sockets and pipes one number. */
#undef S_IFSOCK
#define S_IFSOCK 0x1000

#ifndef POLLPRI
#define POLLPRI 0x8
#endif
#define PF_UNIX AF_UNIX
#define PF_INET AF_INET
#define PF_INET6 AF_INET6
#define MSG_OOB 0x40
#define SO_ERROR 4
#define SO_SNDBUF 7
#define SO_RCVBUF 8
#define SO_KEEPALIVE 9
#define SO_REUSEADDR 2
#define SO_BROADCAST 6
#define SO_RCVTIMEO 20
#define SO_SNDTIMEO 21
#define SOMAXCONN 128
#define SOL_IP 0
#define NI_MAXHOST 255
#define NI_NUMERICHOST 1
#define NI_NAMEREQD 4

/* An address that mmap is asked for is a wish here, and that it fails is no error to be told. */
#define MAP_TRYFIXED 0

/* For the glob of ../glob.c. */
#define GLOB_BRACE 0x20000

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define F_GETLK 12
#define F_SETLK 13
#define F_SETLKW 14

#define SA_RESTART 0
#define SIG_BLOCK 0

struct sigaction {
  void (*sa_handler)(int);
  void (*sa_sigaction)(int, void *, void *);
  sigset_t sa_mask;
  int sa_flags;
};

ssize_t getrandom(void *bytes, size_t size, unsigned flags);

int dup(int), dup2(int, int), pipe(int *), flock(int, int), mkstemp(char *);
char *mktemp(char *);
mode_t umask(mode_t);
int chmod(const char *, mode_t), fchmod(int, mode_t), mkfifo(const char *, mode_t);
int chown(const char *, uid_t, gid_t), lchown(const char *, uid_t, gid_t), fchown(int, uid_t, gid_t);

uid_t getuid(void), geteuid(void);
gid_t getgid(void), getegid(void);
int getgroups(int, gid_t *), initgroups(const char *, gid_t), setuid(uid_t), setgid(gid_t);

pid_t fork(void), setsid(void), getpgrp(void), getppid(void), wait(int *), waitpid(pid_t, int *, int);
int setpgid(pid_t, pid_t), kill(pid_t, int), execv(const char *, char *const *), chroot(const char *);
int getpriority(int, int), setpriority(int, int, int), getdtablesize(void), gethostname(char *, size_t);
unsigned alarm(unsigned);
FILE *popen(const char *, const char *);
int pclose(FILE *);
char *ttyname(int);
int sigaction(int, const struct sigaction *, struct sigaction *), sigemptyset(sigset_t *);
int sigprocmask(int, const sigset_t *, sigset_t *);

int socket(int, int, int), bind(int, const struct sockaddr *, socklen_t), listen(int, int);
int connect(int, const struct sockaddr *, socklen_t), accept(int, struct sockaddr *, socklen_t *);
int socketpair(int, int, int, int[2]);
int getsockname(int, struct sockaddr *, socklen_t *), getpeername(int, struct sockaddr *, socklen_t *);
int setsockopt(int, int, int, const void *, socklen_t);
ssize_t sendto(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
ssize_t recvfrom(int, void *, size_t, int, struct sockaddr *, socklen_t *);
int getnameinfo(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int);

#endif
