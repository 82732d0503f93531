/*
 * What Zend's fibers stand on elsewhere in assembler (boost.context): stacks, and ways from one to another. A stack has two parts: its
 * memory, which Zend has taken (its top is what a fiber is known by here), and the one of the machine's, which the host keeps.
 */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "php.h"
#include "zend_fibers.h"

#define HOST(name) __attribute__((import_module("wasm_fpm"), import_name(#name)))
HOST(fiber_new) int wasm_fpm_fiber_new(uint32_t argument, uint32_t *number);
HOST(fiber_switch) int wasm_fpm_fiber_switch(uint32_t number);

/* Where the parts of a stack are that are in memory. */
__asm__(".globaltype __stack_pointer, i32\n");

static inline void *stack_pointer(void) {
  void *at;
  __asm__ volatile("global.get __stack_pointer\n"
                   "local.set %0"
                   : "=r"(at));
  return at;
}

static inline void set_stack_pointer(void *at) {
  __asm__ volatile("local.get %0\n"
                   "global.set __stack_pointer" ::"r"(at));
}

struct fiber;
/* As zend_fibers.c has it. */
struct transfer {
  struct fiber *from;
  zend_fiber_transfer *what;
};

/* Stands at the end of a stack. What has gone further has written over other memory. */
#define UNTOUCHED 0x5afe57acu

struct fiber {
  uint32_t *last;
  /* 0: what the request is run in. */
  uint32_t number;
  void (*function)(struct transfer);
  /* Where it ends, and who goes on then. */
  jmp_buf end;
  struct fiber *next;
};

static struct fiber first;
static struct fiber *current = &first;
static struct transfer passed;

/* NULL: the host says that there are too many. */
void *make_fcontext(void *top, size_t size, void (*function)(struct transfer)) {
  struct fiber *fiber = (struct fiber *)(((uintptr_t)top - sizeof(struct fiber)) & ~(uintptr_t)15);
  *fiber = (struct fiber){.last = (uint32_t *)((char *)top - size), .function = function};
  *fiber->last = UNTOUCHED;
  return wasm_fpm_fiber_new((uintptr_t)fiber, &fiber->number) == 0 ? fiber : NULL;
}

struct transfer jump_fcontext(struct fiber *to, zend_fiber_transfer *what) {
  struct fiber *from = current;
  if (from != &first && *from->last != UNTOUCHED) {
    fputs("PHP Fatal error: a fiber has used more of its stack than there is, wanted a larger fiber.stack_size\n", stderr);
    abort();
  }
  passed = (struct transfer){from, what};
  current = to;
  if (what->context->status == ZEND_FIBER_STATUS_DEAD) {
    from->next = to;
    longjmp(from->end, 1);
  }
  void *at = stack_pointer();
  if (wasm_fpm_fiber_switch(to->number) != 0) abort();
  set_stack_pointer(at);
  return passed;
}

static __attribute__((noinline)) uint32_t run(struct fiber *fiber) {
  if (setjmp(fiber->end) == 0) fiber->function(passed);
  return fiber->next->number;
}

/* It must not touch memory: its stack is still another one's. */
__attribute__((export_name("wasm_fpm_fiber"))) uint32_t wasm_fpm_fiber(struct fiber *fiber) {
  set_stack_pointer(fiber);
  return run(fiber);
}
