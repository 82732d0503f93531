/*
 * How a program waits in Accept: its stack is written into its memory (by the code that `wasm-opt --asyncify` adds), and all calls
 * return. So the memory is all there is of it, which the server copies, puts back and gives to other instances; and a request goes
 * on from there.
 *
 *     wasm_fpm_boot: _start ... Accept, unwind            once
 *     wasm_fpm_handle: rewind ... Accept answers ... Accept, unwind       for each request
 */
#include <stdlib.h>
#include <wasi/api.h>

#include "host.h"

/* What the calls between main and Accept keep: a trap when it is more. */
#define STACK_BYTES 65536

IMPORT("asyncify", "start_unwind") void start_unwind(void *stack);
IMPORT("asyncify", "stop_unwind") void stop_unwind(void);
IMPORT("asyncify", "start_rewind") void start_rewind(void *stack);
IMPORT("asyncify", "stop_rewind") void stop_rewind(void);

/* As long as somebody names the constructors, the linker does not put calls of them, and of what belongs to the end, around exports. */
void __wasm_call_ctors(void);
void _start(void);

/* Of Asyncify: where it goes on to write or read, and the end of the space. */
static struct {
  char *next;
  char *end;
} stack;
static char space[STACK_BYTES];

static enum { RUNS, WAITS, GOES_ON } state;

/* Called once to wait, and once more, by its caller on the way back, to go on. */
__attribute__((noinline)) static void wait_or_go_on(void) {
  if (state == GOES_ON) {
    state = RUNS;
    stop_rewind();
    return;
  }
  state = WAITS;
  stack.next = space;
  stack.end = space + sizeof space;
  start_unwind(&stack);
}

void fcgi_wait_for_request(void) {
  wait_or_go_on();
  /* Nobody comes here before there is a request, unless what Asyncify adds is missing. */
  if (state == WAITS) __builtin_trap();
}

/* The program has ended, or waits. */
static void stop(void) {
  if (state == WAITS) {
    stop_unwind();
    return;
  }
  exit(0);
}

__attribute__((export_name("wasm_fpm_boot"))) void fcgi_boot(void) {
  __wasm_call_ctors();
  _start();
  if (state != WAITS) {
    static const char text[] = "the program has ended before it has called FCGI_Accept\n";
    const __wasi_ciovec_t piece = {(const uint8_t *)text, sizeof text - 1};
    __wasi_size_t written;
    (void)__wasi_fd_write(2, &piece, 1, &written);
    __wasi_proc_exit(1);
  }
  stop();
}

__attribute__((export_name("wasm_fpm_handle"))) void fcgi_handle(void) {
  state = GOES_ON;
  start_rewind(&stack);
  _start();
  stop();
}
