/*
 * What clang calls for setjmp and longjmp (-mllvm -wasm-enable-sjlj). A longjmp throws the exception with the number 1;
 * each function with a setjmp catches it, and asks whether it is one of its own.
 */
#include <setjmp.h>
#include <stdint.h>

void __wasm_setjmp(void *env, uint32_t label, void *invocation) {
  struct wasm_fpm_jump *buffer = env;
  buffer->invocation = invocation;
  buffer->label = label;
}

/* Which setjmp of this call of a function `env` is of: 0 for none. */
uint32_t __wasm_setjmp_test(void *env, void *invocation) {
  struct wasm_fpm_jump *buffer = env;
  return buffer->invocation == invocation ? buffer->label : 0;
}

_Noreturn void __wasm_longjmp(void *env, int value) {
  struct wasm_fpm_jump *buffer = env;
  buffer->thrown.env = env;
  buffer->thrown.value = value == 0 ? 1 : value;
  __builtin_wasm_throw(1, &buffer->thrown);
}
