/*
 * mmap of memory without a file, which is what Zend's allocator and opcache live on. A region of its own, so that chunks
 * of 2 MiB lie side by side: in malloc's heap each would cost its alignment once more. The memory is as large as it will
 * ever be when this is asked first, and pages that nobody has touched cost nothing; so the region is most of it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 65536u
/* What Zend's chunks are aligned to, in bytes. */
#define ALIGNMENT (2u << 20)
/* malloc keeps an eighth, at least this much: libraries, buffers, what lives as long as the engine. */
#define LEAST_FOR_MALLOC (8u << 20)
#define MOST_PAGES 65536u

static char *region;
static uint32_t region_pages;
/* Of each page of the region: never used, taken, or given back with what was in it. */
enum { FRESH, TAKEN, USED };
static uint8_t pages[MOST_PAGES];
/* No page before this one is free. */
static uint32_t first_free;

static void reserve(void) {
  static bool is_reserved;
  if (is_reserved) return;
  is_reserved = true;
  uint64_t memory = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
  uint64_t kept = memory / 8 < LEAST_FOR_MALLOC ? LEAST_FOR_MALLOC : memory / 8;
  extern char __heap_base;
  uint64_t used = (uintptr_t)&__heap_base + kept + ALIGNMENT;
  for (uint64_t bytes = memory > used ? memory - used : 0; bytes >= ALIGNMENT; bytes -= ALIGNMENT) {
    bytes -= bytes % ALIGNMENT;
    region = aligned_alloc(ALIGNMENT, bytes);
    if (region == NULL) continue;
    region_pages = bytes / PAGE;
    return;
  }
}

size_t wasm_fpm_region_bytes(void) {
  reserve();
  return (size_t)region_pages * PAGE;
}

static bool are_free(uint32_t from, uint32_t count) {
  if (from > region_pages || count > region_pages - from) return false;
  for (uint32_t page = from; page < from + count; page++)
    if (pages[page] == TAKEN) return false;
  return true;
}

/* Whoever maps memory counts on its being zero: Zend finds out from its chunks which of their pages are free. */
static void *take(uint32_t from, uint32_t count) {
  for (uint32_t page = from; page < from + count; page++) {
    if (pages[page] == USED) memset(region + (size_t)page * PAGE, 0, PAGE);
    pages[page] = TAKEN;
  }
  while (first_free < region_pages && pages[first_free] == TAKEN) first_free++;
  return region + (size_t)from * PAGE;
}

/* From the end of the region, where no chunk is in the way. What was in it does not matter. */
static void *take_stack(uint32_t count) {
  for (uint32_t end = region_pages; end >= count; end--) {
    uint32_t from = end - count;
    if (!are_free(from, count)) continue;
    memset(pages + from, TAKEN, count);
    return region + (size_t)from * PAGE;
  }
  errno = ENOMEM;
  return MAP_FAILED;
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  (void)protection, (void)offset;
  if (file >= 0 || bytes == 0) {
    errno = file >= 0 ? ENODEV : EINVAL;
    return MAP_FAILED;
  }
  reserve();
  uint32_t count = (bytes + PAGE - 1) / PAGE;
  if (flags & MAP_STACK) return take_stack(count);
  if (address != NULL) {
    /* A wish: what follows a block, to make it larger. */
    uintptr_t at = (char *)address - region;
    if ((char *)address >= region && at % PAGE == 0 && are_free(at / PAGE, count)) return take(at / PAGE, count);
    errno = ENOMEM;
    return MAP_FAILED;
  }
  uint32_t step = ALIGNMENT / PAGE;
  for (uint32_t from = first_free - first_free % step; from < region_pages; from += step)
    if (are_free(from, count)) return take(from, count);
  void *other = aligned_alloc(ALIGNMENT, (size_t)count * PAGE);
  if (other != NULL) return memset(other, 0, (size_t)count * PAGE);
  errno = ENOMEM;
  return MAP_FAILED;
}

int munmap(void *address, size_t bytes) {
  char *at = address;
  if (at < region || at >= region + wasm_fpm_region_bytes()) {
    /* Of malloc's heap: whole blocks only; the end of one that is made smaller stays with it. */
    if ((uintptr_t)at % ALIGNMENT == 0) free(at);
    return 0;
  }
  uint32_t from = (at - region) / PAGE;
  memset(pages + from, USED, (bytes + PAGE - 1) / PAGE);
  if (from < first_free) first_free = from;
  return 0;
}

int mprotect(void *address, size_t bytes, int protection) {
  (void)address, (void)bytes, (void)protection;
  return 0;
}

int madvise(void *address, size_t bytes, int advice) {
  (void)address, (void)bytes, (void)advice;
  return 0;
}
