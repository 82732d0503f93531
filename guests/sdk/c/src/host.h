/* What the library asks of the server (docs/abi.md), and its own parts of each other. */
#ifndef WASM_FPM_FCGI_HOST_H
#define WASM_FPM_FCGI_HOST_H

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))

/* Ends the answer: errno, 0 if it was not ended yet. */
IMPORT("wasm_fpm", "finish_request") int wasm_fpm_finish_request(int status);
/* Descriptor 0 is FCGI_STDIN alone (0), FCGI_DATA (1) from here on: errno. */
IMPORT("wasm_fpm", "filter_input") int wasm_fpm_filter_input(int input);

/* Answers when there is the next request. The stack of the program is kept in its memory until then; traps where it is not. */
void fcgi_wait_for_request(void);

#endif
