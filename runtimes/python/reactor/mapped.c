/*
 * Python's module mmap, over files that cannot be mapped: what is mapped is read when it is mapped, and where it is shared and may be written, what has
 * changed is written back by flush(), by close(), and when it is forgotten.
 */
#define Py_BUILD_CORE_BUILTIN 1
#include "reactor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <internal/pycore_fileutils.h>

/* Descriptors that can be kept are below this. */
#define MOST_FILES 4096
/* What has changed is found by so many bytes. */
#define BLOCK_BYTES 4096

struct mapping {
  struct mapping *next;
  char *bytes;
  /* What the file has, as far as is known here; NULL: nothing is written back. */
  char *written;
  size_t size;
  off_t offset;
  /* -1: it was mapped before the snapshot, and is not open any more. */
  int file;
};
static struct mapping *mappings;

/*
 * Preview 1 cannot give a file a second descriptor. So the module keeps the one that it was given, which is closed
 * when both have closed it.
 */
static struct {
  uint16_t keepers;
  bool is_closed;
} files[MOST_FILES];

int __real_close(int file);

int __wrap_close(int file) {
  if (file < 0 || file >= MOST_FILES || files[file].keepers == 0) return __real_close(file);
  if (files[file].is_closed) {
    errno = EBADF;
    return -1;
  }
  files[file].is_closed = true;
  return 0;
}

static int keep_file(int file) {
  struct stat status;
  if (fstat(file, &status) != 0) return -1;
  if (file >= MOST_FILES || files[file].keepers == UINT16_MAX) {
    errno = EMFILE;
    return -1;
  }
  files[file].keepers++;
  return file;
}

static int drop_file(int file) {
  if (file < 0 || files[file].keepers == 0 || --files[file].keepers > 0 || !files[file].is_closed) return 0;
  files[file].is_closed = false;
  return __real_close(file);
}

static int keep_file_or_raise(int file) {
  if (keep_file(file) >= 0) return file;
  PyErr_SetFromErrno(PyExc_OSError);
  return -1;
}

static bool read_all(struct mapping *mapping, int file) {
  for (size_t done = 0; done < mapping->size;) {
    ssize_t part = pread(file, mapping->bytes + done, mapping->size - done, mapping->offset + done);
    if (part < 0) return false;
    if (part == 0) break;
    done += part;
  }
  return true;
}

static bool write_block(struct mapping *mapping, size_t at, size_t size) {
  if (memcmp(mapping->bytes + at, mapping->written + at, size) == 0) return true;
  for (size_t done = 0; done < size;) {
    ssize_t part = pwrite(mapping->file, mapping->bytes + at + done, size - done, mapping->offset + at + done);
    if (part < 0) return false;
    done += part;
  }
  memcpy(mapping->written + at, mapping->bytes + at, size);
  return true;
}

static bool write_back(struct mapping *mapping, size_t from, size_t end) {
  if (mapping->written == NULL) return true;
  for (size_t at = from; at < end; at += BLOCK_BYTES)
    if (!write_block(mapping, at, end - at < BLOCK_BYTES ? end - at : BLOCK_BYTES)) return false;
  return true;
}

static void discard(struct mapping *mapping) {
  if (mapping->file >= 0) drop_file(mapping->file);
  PyMem_RawFree(mapping->bytes);
  PyMem_RawFree(mapping->written);
  PyMem_RawFree(mapping);
}

/* Of a file that is mapped shared, to be written. */
static bool prepare_to_write(struct mapping *mapping, int file) {
  mapping->written = PyMem_RawMalloc(mapping->size);
  if (mapping->written == NULL) {
    errno = ENOMEM;
    return false;
  }
  if ((fcntl(file, F_GETFL) & O_ACCMODE) != O_RDWR) {
    errno = EACCES;
    return false;
  }
  memcpy(mapping->written, mapping->bytes, mapping->size);
  mapping->file = keep_file(file);
  return mapping->file >= 0;
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  (void)address;
  if (size == 0) {
    errno = EINVAL;
    return MAP_FAILED;
  }
  struct mapping *mapping = PyMem_RawCalloc(1, sizeof *mapping);
  char *bytes = PyMem_RawCalloc(1, size);
  if (mapping == NULL || bytes == NULL) {
    PyMem_RawFree(mapping), PyMem_RawFree(bytes);
    errno = ENOMEM;
    return MAP_FAILED;
  }
  *mapping = (struct mapping){.next = mappings, .bytes = bytes, .size = size, .offset = offset, .file = -1};
  bool is_written = (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0;
  if ((flags & MAP_ANON) == 0 && (!read_all(mapping, file) || (is_written && !prepare_to_write(mapping, file)))) {
    int error = errno;
    discard(mapping);
    errno = error;
    return MAP_FAILED;
  }
  mappings = mapping;
  return bytes;
}

static struct mapping **place_of(const char *bytes) {
  struct mapping **place = &mappings;
  while (*place != NULL && !(bytes >= (*place)->bytes && bytes < (*place)->bytes + (*place)->size)) place = &(*place)->next;
  return place;
}

int msync(void *bytes, size_t size, int flags) {
  (void)flags;
  struct mapping *mapping = *place_of(bytes);
  if (mapping == NULL) return 0;
  size_t from = (char *)bytes - mapping->bytes;
  return write_back(mapping, from, from + size) ? 0 : -1;
}

int munmap(void *bytes, size_t size) {
  (void)size;
  struct mapping **place = place_of(bytes), *mapping = *place;
  if (mapping == NULL) return 0;
  bool is_done = write_back(mapping, 0, mapping->size);
  *place = mapping->next;
  discard(mapping);
  return is_done ? 0 : -1;
}

void wasm_fpm_forget_files(void) {
  for (struct mapping *mapping = mappings; mapping != NULL; mapping = mapping->next) {
    write_back(mapping, 0, mapping->size);
    mapping->file = -1;
  }
  memset(files, 0, sizeof files);
}

#define _Py_dup keep_file_or_raise
#define close drop_file
#include "mmapmodule.c"
