/* Python as a reactor of wasm-fpm: what its files have of each other. */
#ifndef WASM_FPM_REACTOR_H
#define WASM_FPM_REACTOR_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define EXPORT(name) __attribute__((export_name(name)))

/* Of wasi-libc: reads the environment anew, which is another one in each run. */
void __wasilibc_initialize_environ(void);

/* engine.c: says the exception that there is on standard error. */
void wasm_fpm_say_exception(void);

/* library.c: the standard library. */
extern const struct _frozen wasm_fpm_library[];

/* settled.c: code that lasts, and what becomes of it after requests have been run ahead. */
void wasm_fpm_note_code(PyCodeObject *code);
void wasm_fpm_settle_codes(void);

/* memory.c: from its beginning on what a request allocates lies together. */
void wasm_fpm_start_memory(void);
void wasm_fpm_use_own_memory(void);

/* mapped.c: what is open when a snapshot is taken is not open in requests. */
void wasm_fpm_forget_files(void);

/* sqlite.c */
void wasm_fpm_start_sqlite(void);
void wasm_fpm_forget_randomness(void);

/* wsgi.c */
void wasm_fpm_start_wsgi(void);
/* Ends as the answer has: 0, or 1 when it has broken off. */
int wasm_fpm_answer(PyObject *application, PyObject *constants);

#endif
