/* What SQLite uses and wasi-libc has not. Locks are files' own (../reactor/sqlite.c); who owns a file is nothing that a guest can change. */
#ifndef WASM_FPM_SQLITE_H
#define WASM_FPM_SQLITE_H

#include <fcntl.h>
#include <sys/types.h>

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define F_GETLK 12
#define F_SETLK 13

int flock(int file, int operation);
static inline int fchmod(int file, mode_t mode) { return (void)file, (void)mode, 0; }
static inline int fchown(int file, uid_t user, gid_t group) { return (void)file, (void)user, (void)group, 0; }
static inline uid_t geteuid(void) { return 1; }

#endif
