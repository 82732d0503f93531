/*
 * What requests of an application would do again and again is done once, before its memory becomes what they begin with:
 * its files are compiled, and requests are run. Of these nothing may be left but what php-fpm would keep from one request to the
 * next, and less of it: what has been opened is not open any more.
 */
#include "sapi.h"

#include <stdlib.h>
#include <unistd.h>

#include "ext/opcache/ZendAccelerator.h"
#include "php_main.h"

/* Paths looked up by requests that are run here are kept no longer than they are under way, in seconds. */
#define PATH_SECONDS 1
/* And those of loaded files for much longer than this. */
#define MUCH_LATER (365 * 24 * 3600)

static void each_line(const char *lines, void (*take)(const char *line)) {
  while (lines != NULL && *lines != '\0') {
    size_t length = strcspn(lines, "\n");
    char *line = estrndup(lines, length);
    if (length > 0) take(line);
    efree(line);
    lines += length + (lines[length] == '\n');
  }
}

/* What cannot be compiled is left for the request that needs it. */
static void load(const char *files) {
  wasm_fpm_apply_settings();
  wasm_fpm_unfix_settings();
  SG(request_info).no_headers = 1;
  SG(server_context) = NULL;
  if (php_request_startup() == FAILURE) _exit(1);
  SG(headers_sent) = 1;
  each_line(files, wasm_fpm_compile_script);
  php_request_shutdown(NULL);
  SG(request_info).no_headers = 0;
  /* What the compiler had to say, where display_errors is on. */
  wasm_fpm_discard_output();
}

/* What a request has looked up may be of folders that change. */
static void forget_new_paths(time_t now) {
  for (size_t index = 0; index < sizeof CWDG(realpath_cache) / sizeof *CWDG(realpath_cache); index++) {
    realpath_cache_bucket *bucket = CWDG(realpath_cache)[index];
    while (bucket != NULL) {
      realpath_cache_bucket *next = bucket->next;
      if (bucket->expires < now + MUCH_LATER) realpath_cache_del(bucket->path, bucket->path_len);
      bucket = next;
    }
  }
}

/* As wasm_fpm_handle, and then the whole end of a request. */
static void rehearse(void) {
  zend_long ttl = CWDG(realpath_cache_ttl);
  zend_long most = ZCG(accel_directives).max_file_size;
  wasm_fpm_read_request();
  wasm_fpm_apply_settings();
  if (php_request_startup() == FAILURE) _exit(70);
  CWDG(realpath_cache_ttl) = PATH_SECONDS;
  /* What has not been loaded by its name nobody will look at again: it must not be kept. */
  ZCG(accel_directives).max_file_size = 1;
  EG(exit_status) = 0;
  zend_first_try { wasm_fpm_run_script(); }
  zend_end_try();
  int code = EG(exit_status);
  php_request_shutdown(NULL);
  wasm_fpm_drain();
  if (code != 0) _exit(code);
  zend_destroy_rsrc_list(&EG(persistent_list));
  zend_init_rsrc_plist();
  forget_new_paths(time(NULL));
  CWDG(realpath_cache_ttl) = ttl;
  ZCG(accel_directives).max_file_size = most;
  wasm_fpm_reopen_output();
}

/*
 * WASM_FPM_WARM: files to compile, one a line. Without: the environment is that of a request.
 */
EXPORT("wasm_fpm_warm") void wasm_fpm_warm(void) {
  __wasilibc_initialize_environ();
  wasm_fpm_take_back_start();
  const char *files = getenv("WASM_FPM_WARM");
  if (files == NULL) rehearse();
  else load(files);
  wasm_fpm_take_back_settings();
  wasm_fpm_start_early();
  wasm_fpm_forget_randomness();
  wasm_fpm_fill_heap();
}
