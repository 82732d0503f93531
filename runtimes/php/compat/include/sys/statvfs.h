/* How much room there is (compat/space.c). */
#ifndef _SYS_STATVFS_H
#define _SYS_STATVFS_H

struct statvfs {
  unsigned long f_bsize, f_frsize;
  unsigned long long f_blocks, f_bfree, f_bavail;
  unsigned long long f_files, f_ffree, f_favail;
  unsigned long f_fsid, f_flag, f_namemax;
};

int statvfs(const char *path, struct statvfs *room);

#endif
