/* Before the sources of opcache: one segment of memory, and neither locks nor a file for them. */
#ifndef WASM_FPM_OPCACHE_H
#define WASM_FPM_OPCACHE_H
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>
#define USE_MMAP 1
#define HAVE_SHM_MMAP_ANON 1
#define ZEND_ENABLE_STATIC_TSRMLS_CACHE 1
#define fcntl(...) 0
#define mkstemp(template) 99
#define unlink(path) 0
#endif
