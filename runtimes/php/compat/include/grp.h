#ifndef WASM_FPM_GRP_H
#define WASM_FPM_GRP_H
#include <sys/types.h>
struct group {
  char *gr_name, *gr_passwd;
  gid_t gr_gid;
  char **gr_mem;
};
struct group *getgrnam(const char *), *getgrgid(gid_t);
#endif
