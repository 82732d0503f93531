/* Locks of LuaFileSystem, which are fcntl's elsewhere: of whole files here, see locks.c. */
#ifndef WASM_FPM_LUA_LOCKS_H
#define WASM_FPM_LUA_LOCKS_H

#include <fcntl.h>

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define F_SETLK 6

int wasm_fpm_lock(int file, int command, const struct flock *lock);
#define fcntl wasm_fpm_lock

#endif
