/*
 * PHP as a reactor of wasm-fpm: the engine starts once (wasm_fpm_boot), an application may be made warm (wasm_fpm_warm, in
 * warm.c), and each request starts from the memory as these left it (wasm_fpm_handle).
 */
#include "sapi.h"

#include <stdlib.h>
#include <unistd.h>

#include "ext/standard/basic_functions.h"
#include "php_main.h"
#include "rfc1867.h"
#include "zend_alloc_sizes.h"
#include "zend_extensions.h"
#include "zend_inheritance.h"

extern zend_extension zend_extension_entry;

static int start(sapi_module_struct *module) {
  return php_module_startup(module, &wasm_fpm_module);
}

/* After Zend has started, before its extensions are: opcache is one, and linked in. */
static void register_extensions(HashTable *configuration) {
  (void)configuration;
  zend_register_extension(&zend_extension_entry, NULL);
}

static void log_message(const char *message, int priority) {
  (void)priority;
  char *line;
  size_t size = spprintf(&line, 0, "PHP message: %s\n", message);
  write(STDERR_FILENO, line, size);
  efree(line);
}

static sapi_module_struct sapi = {
    /* The name is php-fpm's: programs and opcache know it. */
    .name = "fpm-fcgi",
    .pretty_name = "wasm-fpm",
    .startup = start,
    .shutdown = php_module_shutdown_wrapper,
    .activate = wasm_fpm_activate,
    .ub_write = wasm_fpm_write,
    .flush = wasm_fpm_flush,
    .get_stat = wasm_fpm_script_status,
    .getenv = wasm_fpm_getenv,
    .sapi_error = php_error,
    .send_headers = wasm_fpm_send_headers,
    .read_post = wasm_fpm_read_post,
    .read_cookies = wasm_fpm_read_cookies,
    .register_server_variables = wasm_fpm_register_variables,
    .log_message = log_message,
    .ini_defaults = register_extensions,
    .php_ini_ignore = 1,
};

/*
 * Zend makes its list of what is free of a size when a request first wants some, in all pages of the size: made here, it is there
 * when a request begins, which then writes to the pages that it uses, and to no others.
 */
void wasm_fpm_fill_heap(void) {
#define SIZE(number, size, elements, pages, x, y) size,
  static const size_t SIZES[] = {ZEND_MM_BINS_INFO(SIZE, 0, 0)};
#undef SIZE
  for (size_t index = 0; index < sizeof SIZES / sizeof *SIZES; index++) efree(emalloc(SIZES[index]));
}

EXPORT("wasm_fpm_boot") void wasm_fpm_boot(void) {
  __wasilibc_initialize_environ();
  wasm_fpm_start_secrets();
  sapi_startup(&sapi);
  /* After sapi_startup, which clears it; its memory is not Zend's. */
  sapi.ini_entries = wasm_fpm_settings();
  if (sapi.startup(&sapi) == FAILURE) _exit(1);
  wasm_fpm_start_randomness();
  wasm_fpm_start_variables();
  wasm_fpm_fill_heap();
}

/*
 * The end of a request as far as anybody outside can see it: shutdown functions, destructors, output, the session, files
 * that are open, uploads nobody took. The rest of Zend's own end is about memory, which is put back as it was.
 */
static void end_request(void) {
  EG(flags) |= EG_FLAGS_IN_SHUTDOWN;
  EG(current_execute_data) = NULL;
  php_call_shutdown_functions();
  zend_try { zend_call_destructors(); }
  zend_end_try();
  zend_try { php_output_end_all(); }
  zend_end_try();
  zend_deactivate_modules();
  zend_try { php_output_deactivate(); }
  zend_end_try();
  wasm_fpm_drain();
  zend_try { zend_shutdown_executor_values(true); }
  zend_end_try();
  if (SG(rfc1867_uploaded_files)) destroy_uploaded_files_hash();
}

/* What a request would keep of linked classes for later ones goes with its memory: making it costs more than they do. */
static zend_class_entry *keep_no_class(zend_class_entry *linked, zend_class_entry *unlinked, zend_class_entry *parent,
                                       zend_class_entry **others, HashTable *dependencies) {
  (void)linked, (void)unlinked, (void)parent, (void)others, (void)dependencies;
  return NULL;
}

EXPORT("wasm_fpm_handle") void wasm_fpm_handle(void) {
  zend_inheritance_cache_add = keep_no_class;
  __wasilibc_initialize_environ();
  wasm_fpm_start_request();
  EG(exit_status) = 0;
  zend_first_try { wasm_fpm_run_script(); }
  zend_end_try();
  int code = EG(exit_status);
  end_request();
  wasm_fpm_drain();
  if (code != 0) _exit(code);
}
