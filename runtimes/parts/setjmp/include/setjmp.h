/* setjmp by WebAssembly exceptions: what clang makes of it with -wasm-enable-sjlj, see ../setjmp.c. */
#ifndef WASM_FPM_SETJMP_H
#define WASM_FPM_SETJMP_H

struct wasm_fpm_jump {
  void *invocation;
  unsigned label;
  struct {
    void *env;
    int value;
  } thrown;
};
typedef struct wasm_fpm_jump jmp_buf[1];
typedef jmp_buf sigjmp_buf;

int setjmp(jmp_buf) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf, int);

#define sigsetjmp(env, mask) setjmp(env)
#define siglongjmp longjmp

#endif
