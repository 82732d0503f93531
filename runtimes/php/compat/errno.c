/* errno as Linux numbers it, see include/linux-errno.h. It is linked with --wrap=strerror. */
#include <wasi/api.h>

#undef errno
extern _Thread_local int errno;

#define PAIR(name) [__WASI_ERRNO_##name] = E##name

static const unsigned char LINUX[] = {
    PAIR(2BIG), PAIR(ACCES), PAIR(ADDRINUSE), PAIR(ADDRNOTAVAIL), PAIR(AFNOSUPPORT), PAIR(AGAIN), PAIR(ALREADY),
    PAIR(BADF), PAIR(BADMSG), PAIR(BUSY), PAIR(CANCELED), PAIR(CHILD), PAIR(CONNABORTED), PAIR(CONNREFUSED),
    PAIR(CONNRESET), PAIR(DEADLK), PAIR(DESTADDRREQ), PAIR(DOM), PAIR(DQUOT), PAIR(EXIST), PAIR(FAULT), PAIR(FBIG),
    PAIR(HOSTUNREACH), PAIR(IDRM), PAIR(ILSEQ), PAIR(INPROGRESS), PAIR(INTR), PAIR(INVAL), PAIR(IO), PAIR(ISCONN),
    PAIR(ISDIR), PAIR(LOOP), PAIR(MFILE), PAIR(MLINK), PAIR(MSGSIZE), PAIR(MULTIHOP), PAIR(NAMETOOLONG),
    PAIR(NETDOWN), PAIR(NETRESET), PAIR(NETUNREACH), PAIR(NFILE), PAIR(NOBUFS), PAIR(NODEV), PAIR(NOENT),
    PAIR(NOEXEC), PAIR(NOLCK), PAIR(NOLINK), PAIR(NOMEM), PAIR(NOMSG), PAIR(NOPROTOOPT), PAIR(NOSPC), PAIR(NOSYS),
    PAIR(NOTCONN), PAIR(NOTDIR), PAIR(NOTEMPTY), PAIR(NOTRECOVERABLE), PAIR(NOTSOCK), PAIR(NOTSUP), PAIR(NOTTY),
    PAIR(NXIO), PAIR(OVERFLOW), PAIR(OWNERDEAD), PAIR(PERM), PAIR(PIPE), PAIR(PROTO), PAIR(PROTONOSUPPORT),
    PAIR(PROTOTYPE), PAIR(RANGE), PAIR(ROFS), PAIR(SPIPE), PAIR(SRCH), PAIR(STALE), PAIR(TIMEDOUT), PAIR(TXTBSY),
    PAIR(XDEV), PAIR(NOTCAPABLE),
};
#define NUMBERS (int)(sizeof LINUX / sizeof *LINUX)

/* What the libc says last is taken over when somebody looks, and is news no more. */
int *wasm_fpm_errno(void) {
  static int shown;
  if (errno == 0) return &shown;
  shown = errno < NUMBERS ? LINUX[errno] : errno;
  errno = 0;
  return &shown;
}

void wasm_fpm_set_errno(int error) {
  errno = error;
}

char *__real_strerror(int error);

char *__wrap_strerror(int error) {
  if (error == 0) return __real_strerror(0);
  for (int own = 1; own < NUMBERS; own++)
    if (LINUX[own] == error) return __real_strerror(own);
  return __real_strerror(-1);
}
