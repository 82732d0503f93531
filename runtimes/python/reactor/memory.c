/*
 * Where a request's objects lie: behind one another, in memory that is zeros when it begins. In the holes that the application's own have left, a
 * few hundred objects would lie on as many pages, each of which has to be put back. What does not fit goes where it always did.
 *
 *     place: 4 bytes its class | 4 bytes nothing | what was asked for, and up to the end of its class | the next place
 *
 * Classes: multiples of 8 up to SMALL_BYTES, then four for each power of two.
 */
#include "reactor.h"

#include <stdbool.h>
#include <string.h>

#define PLACE_BYTES (1024 * 1024)
#define STEP_BYTES 8
#define SMALL_BYTES 512
#define SMALL_CLASSES (SMALL_BYTES / STEP_BYTES)
/* From SMALL_BYTES to MOST_BYTES. */
#define MOST_BYTES 16384
#define CLASSES (SMALL_CLASSES + 4 * 5)

struct block {
  uint32_t class;
  uint32_t nothing;
  /* Of what is free: of the same class. */
  struct block *next;
};
#define HEAD_BYTES offsetof(struct block, next)

/* Nothing is written here but by a request, and what it always writes to comes first. */
static struct {
  bool is_on;
  size_t taken_bytes;
  struct block *freed[CLASSES];
  _Alignas(STEP_BYTES) char places[PLACE_BYTES];
} own __attribute__((aligned(4096)));

static const PyMemAllocatorDomain domains[] = {PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};
#define DOMAINS (sizeof domains / sizeof domains[0])
/* Python's own. */
static PyMemAllocatorEx usual[DOMAINS];

static bool is_here(const void *memory) {
  return (uintptr_t)memory - (uintptr_t)own.places < PLACE_BYTES;
}

static struct block *block_of(void *memory) {
  return (struct block *)((char *)memory - HEAD_BYTES);
}

/* Of 1 to MOST_BYTES bytes. */
static unsigned class_of(size_t bytes) {
  if (bytes <= SMALL_BYTES) return (unsigned)((bytes - 1) / STEP_BYTES);
  /* The two bits behind the highest one tell the four apart. */
  unsigned high = 31 - (unsigned)__builtin_clz((unsigned)bytes - 1);
  return SMALL_CLASSES + 4 * (high - 9) + (((unsigned)bytes - 1) >> (high - 2) & 3);
}

static size_t bytes_of(unsigned class) {
  if (class < SMALL_CLASSES) return (class + 1) * STEP_BYTES;
  unsigned above = class - SMALL_CLASSES;
  return (size_t)(5 + above % 4) << (7 + above / 4);
}

/* NULL: there is no place. */
static void *take(size_t bytes) {
  unsigned class = class_of(bytes == 0 ? 1 : bytes);
  struct block *block = own.freed[class];
  if (block != NULL) {
    own.freed[class] = block->next;
    return &block->next;
  }
  size_t all = HEAD_BYTES + bytes_of(class);
  if (!own.is_on || all > PLACE_BYTES - own.taken_bytes) return NULL;
  block = (struct block *)(own.places + own.taken_bytes);
  own.taken_bytes += all;
  block->class = class;
  return &block->next;
}

static void give_back(void *memory) {
  struct block *block = block_of(memory);
  block->next = own.freed[block->class];
  own.freed[block->class] = block;
}

static void *allocate(void *context, size_t bytes) {
  void *memory = bytes <= MOST_BYTES ? take(bytes) : NULL;
  if (memory != NULL) return memory;
  const PyMemAllocatorEx *other = context;
  return other->malloc(other->ctx, bytes);
}

static void *allocate_zeros(void *context, size_t count, size_t each) {
  if (each == 0 || count <= MOST_BYTES / each) {
    void *memory = take(count * each);
    if (memory != NULL) return memset(memory, 0, count * each);
  }
  const PyMemAllocatorEx *other = context;
  return other->calloc(other->ctx, count, each);
}

static void release(void *context, void *memory) {
  if (is_here(memory)) {
    give_back(memory);
    return;
  }
  const PyMemAllocatorEx *other = context;
  other->free(other->ctx, memory);
}

static void *reallocate(void *context, void *memory, size_t bytes) {
  const PyMemAllocatorEx *other = context;
  if (memory == NULL) return allocate(context, bytes);
  if (!is_here(memory)) return other->realloc(other->ctx, memory, bytes);
  size_t had = bytes_of(block_of(memory)->class);
  if (bytes <= had && bytes > had / 2) return memory;
  void *moved = allocate(context, bytes);
  if (moved == NULL) return NULL;
  memcpy(moved, memory, bytes < had ? bytes : had);
  give_back(memory);
  return moved;
}

void wasm_fpm_start_memory(void) {
  for (size_t at = 0; at < DOMAINS; at++) {
    PyMem_GetAllocator(domains[at], &usual[at]);
    PyMemAllocatorEx here = {&usual[at], allocate, allocate_zeros, reallocate, release};
    PyMem_SetAllocator(domains[at], &here);
  }
}

void wasm_fpm_use_own_memory(void) {
  own.is_on = true;
}
