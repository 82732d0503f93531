/*
 * Permissions and owners of files, which preview 1 lacks and wasm-fpm has. This libc asks for them nowhere, so it is linked
 * with --wrap for the functions that should.
 */
#include "at-path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

#define IMPORT(name) __attribute__((import_module("wasm_fpm"), import_name(name)))

#define PERMISSIONS 0777
#define NEW_FILE 0644
#define NEW_FOLDER 0755

struct long_filestat {
  __wasi_filestat_t known;
  uint32_t mode, uid, gid, unused;
};
_Static_assert(sizeof(struct long_filestat) == 80, "as docs/abi.md has it");

/* Their errors are preview 1's. */
IMPORT("stat") int wasm_fpm_stat(int folder, int flags, const char *path, size_t length, struct long_filestat *result);
IMPORT("fstat") int wasm_fpm_fstat(int file, struct long_filestat *result);
IMPORT("access") int wasm_fpm_access(int folder, const char *path, size_t length, int wanted);
IMPORT("chmod") int wasm_fpm_chmod(int folder, const char *path, size_t length, int mode);
IMPORT("create_mode") int wasm_fpm_create_mode(int mode);

static int result_of(int error) {
  if (error == 0) return 0;
  wasm_fpm_set_errno(error);
  return -1;
}

static mode_t type_of(__wasi_filetype_t type) {
  switch (type) {
    case __WASI_FILETYPE_BLOCK_DEVICE: return S_IFBLK;
    case __WASI_FILETYPE_CHARACTER_DEVICE: return S_IFCHR;
    case __WASI_FILETYPE_DIRECTORY: return S_IFDIR;
    case __WASI_FILETYPE_REGULAR_FILE: return S_IFREG;
    case __WASI_FILETYPE_SYMBOLIC_LINK: return S_IFLNK;
    case __WASI_FILETYPE_SOCKET_DGRAM:
    case __WASI_FILETYPE_SOCKET_STREAM: return S_IFIFO; /* this libc's number of both */
    default: return 0;
  }
}

static struct timespec time_of(__wasi_timestamp_t nanoseconds) {
  return (struct timespec){.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
}

static void tell(const struct long_filestat *found, struct stat *status) {
  const __wasi_filestat_t *known = &found->known;
  *status = (struct stat){
      .st_dev = known->dev, .st_ino = known->ino, .st_nlink = known->nlink, .st_size = known->size,
      .st_mode = type_of(known->filetype) | found->mode, .st_uid = found->uid, .st_gid = found->gid,
      .st_blksize = 4096, .st_blocks = (known->size + 4095) / 4096 * 8,
      .st_atim = time_of(known->atim), .st_mtim = time_of(known->mtim), .st_ctim = time_of(known->ctim),
  };
}

int __wrap___wasilibc_nocwd_fstatat(int folder, const char *path, struct stat *status, int flags) {
  struct long_filestat found;
  int follows = (flags & AT_SYMLINK_NOFOLLOW) == 0 ? __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW : 0;
  int result = result_of(wasm_fpm_stat(folder, follows, path, strlen(path), &found));
  if (result == 0) tell(&found, status);
  return result;
}

int __wrap_fstat(int file, struct stat *status) {
  struct long_filestat found;
  int result = result_of(wasm_fpm_fstat(file, &found));
  if (result == 0) tell(&found, status);
  return result;
}

int __wrap___wasilibc_nocwd_faccessat(int folder, const char *path, int wanted, int flags) {
  (void)flags;
  return result_of(wasm_fpm_access(folder, path, strlen(path), wanted));
}

/* Back to what it was with each request, as all memory is. */
static mode_t mask = 022;

mode_t umask(mode_t fresh) {
  mode_t old = mask;
  mask = fresh & PERMISSIONS;
  return old;
}

/* Says what the next call is to make, where it would make something else. */
static void announce(mode_t mode, mode_t usual) {
  mode_t wanted = mode & ~mask & PERMISSIONS;
  if (wanted != usual) wasm_fpm_create_mode(wanted);
}

/* This libc takes no path at all for the folder it is in. */
static bool is_empty(const char *path) {
  if (*path == '\0') errno = ENOENT;
  return *path == '\0';
}

int __real_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...) {
  if (is_empty(path)) return -1;
  if ((flags & O_CREAT) != 0) {
    va_list more;
    va_start(more, flags);
    announce(va_arg(more, mode_t), NEW_FILE);
    va_end(more);
  }
  return __real_open(path, flags);
}

/* What fopen calls. */
int __real___wasilibc_open_nomode(const char *path, int flags);

int __wrap___wasilibc_open_nomode(const char *path, int flags) {
  if (is_empty(path)) return -1;
  if ((flags & O_CREAT) != 0) announce(0666, NEW_FILE);
  return __real___wasilibc_open_nomode(path, flags);
}

int __real_mkdir(const char *path, mode_t mode);

int __wrap_mkdir(const char *path, mode_t mode) {
  announce(mode, NEW_FOLDER);
  return __real_mkdir(path, mode);
}

static int change_mode(int folder, const char *below, size_t length, void *mode) {
  return wasm_fpm_chmod(folder, below, length, *(mode_t *)mode);
}

int chmod(const char *path, mode_t mode) { return wasm_fpm_at_path(path, change_mode, &mode); }

/* Of open files they cannot be set: said to be, as programs would stop otherwise. */
int fchmod(int file, mode_t mode) {
  (void)file, (void)mode;
  return 0;
}

/* As for everybody but root: whose it is stays, and to say that it is so is no error. */
static int keep_owner(const struct stat *status, uid_t user, gid_t group) {
  bool is_kept = (user == (uid_t)-1 || user == status->st_uid) && (group == (gid_t)-1 || group == status->st_gid);
  if (!is_kept) errno = EPERM;
  return is_kept ? 0 : -1;
}

int chown(const char *path, uid_t user, gid_t group) {
  struct stat status;
  return stat(path, &status) == 0 ? keep_owner(&status, user, group) : -1;
}

int lchown(const char *path, uid_t user, gid_t group) {
  struct stat status;
  return lstat(path, &status) == 0 ? keep_owner(&status, user, group) : -1;
}

int fchown(int file, uid_t user, gid_t group) {
  struct stat status;
  return fstat(file, &status) == 0 ? keep_owner(&status, user, group) : -1;
}
