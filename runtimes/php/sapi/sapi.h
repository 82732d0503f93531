/* The parts of the server interface: engine.c starts it and handles requests; the others are what it is made of. */
#ifndef WASM_FPM_SAPI_H
#define WASM_FPM_SAPI_H

#include "php.h"

#include "SAPI.h"

#define EXPORT(name) __attribute__((export_name(name)))

/* Of libc: reads the environment anew. */
void __wasilibc_initialize_environ(void);

/* engine.c: what is left of Zend's memory is made ready for a request. */
void wasm_fpm_fill_heap(void);

/* early-start.c: the beginning of requests, as far as it is the same for all of them. */
void wasm_fpm_start_early(void);
void wasm_fpm_take_back_start(void);
/* Begins the request that the environment is of. */
void wasm_fpm_start_request(void);

/* output.c: everything that leaves the guest by its standard output. */
size_t wasm_fpm_write(const char *bytes, size_t size);
void wasm_fpm_flush(void *context);
int wasm_fpm_send_headers(sapi_headers_struct *headers);
/* Sends what is still held back. */
void wasm_fpm_drain(void);
/* Forgets it: it is nobody's answer. */
void wasm_fpm_discard_output(void);
/* What is written from now on goes nowhere. */
void wasm_fpm_close_output(void);
bool wasm_fpm_is_output_closed(void);
/* What is written from now on is of another request. */
void wasm_fpm_reopen_output(void);

/* request.c: what the environment says of a request, and the settings that come with it. */
void wasm_fpm_start_variables(void);
void wasm_fpm_read_request(void);
/* Whether the request has a .user.ini; if not, none is looked for when it begins. */
bool wasm_fpm_has_user_settings(void);
int wasm_fpm_activate(void);
size_t wasm_fpm_read_post(char *bytes, size_t size);
char *wasm_fpm_read_cookies(void);
void wasm_fpm_register_variables(zval *variables);
char *wasm_fpm_getenv(const char *name, size_t length);
void wasm_fpm_apply_settings(void);
void wasm_fpm_take_back_settings(void);
void wasm_fpm_unfix_settings(void);

/* script.c: the file that a request runs. */
zend_stat_t *wasm_fpm_script_status(void);
/* Runs it, or answers for it when it cannot be run. */
void wasm_fpm_run_script(void);
/* Compiles a file into the cache, without running it. */
void wasm_fpm_compile_script(const char *path);

/* settings.c: what php.ini is elsewhere. */
char *wasm_fpm_settings(void);

/* randomness.c: what must be another in each request. */
void wasm_fpm_start_randomness(void);
void wasm_fpm_start_secrets(void);
/* Whatever was seeded is seeded anew when it is used next. */
void wasm_fpm_forget_randomness(void);

/* transports.c: streams that the host speaks TLS for. */
void wasm_fpm_register_transports(void);

/* timer.c: max_execution_time. */
void wasm_fpm_register_timer(void);

/* functions.c: what a program may call. */
extern zend_module_entry wasm_fpm_module;

#endif
