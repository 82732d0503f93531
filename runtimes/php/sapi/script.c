/* The file that a request runs. */
#include "sapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "php_main.h"
#include "zend_exceptions.h"

extern char *__wasilibc_cwd;

static zend_stat_t status;

/* opcache asks for this instead of the file system. */
zend_stat_t *wasm_fpm_script_status(void) {
  return &status;
}

static void answer(int code, const char *text) {
  zend_try {
    SG(sapi_headers).http_response_code = code;
    PUTS(text);
  }
  zend_end_try();
}

/*
 * Where the script is, as CGI has it, and as the kernel tells it: without links. The folder is there as it is, which Zend mostly knows
 * already; libc would ask the host about it once more.
 */
static void enter_folder(const char *path) {
  char folder[MAXPATHLEN], real[MAXPATHLEN];
  size_t length = MAX(strrchr(path, '/') - path, 1);
  if (length >= sizeof folder) return;
  memcpy(folder, path, length);
  folder[length] = '\0';
  if (tsrm_realpath(folder, real) == NULL) return;
  char *kept = strdup(real);
  if (kept != NULL) __wasilibc_cwd = kept;
}

void wasm_fpm_run_script(void) {
  const char *path = SG(request_info).path_translated;
  if (path == NULL) return answer(404, "File not found.\n");
  if (VCWD_STAT(path, &status) != 0) {
    return errno == EACCES ? answer(403, "Access denied.\n") : answer(404, "File not found.\n");
  }
  if (!S_ISREG(status.st_mode)) return answer(403, "Access denied.\n");
  if (*path == '/') enter_folder(path);
  SG(options) |= SAPI_OPTION_NO_CHDIR;
  zend_file_handle file;
  zend_stream_init_filename(&file, path);
  file.primary_script = true;
  php_execute_script(&file);
  if (!file.in_list) zend_destroy_file_handle(&file);
}

void wasm_fpm_compile_script(const char *path) {
  uint32_t options = CG(compiler_options);
  /* Classes and functions of a file that is not run are nobody's. */
  CG(compiler_options) |= ZEND_COMPILE_WITHOUT_EXECUTION;
  zend_file_handle file;
  zend_stream_init_filename(&file, path);
  zend_try {
    zend_op_array *code = zend_compile_file(&file, ZEND_INCLUDE);
    if (code != NULL) {
      destroy_op_array(code);
      efree_size(code, sizeof *code);
    }
    if (EG(exception)) zend_clear_exception();
  }
  zend_end_try();
  CG(compiler_options) = options;
  zend_destroy_file_handle(&file);
}

/* The kernel knows a folder, and tells its path without links; this libc keeps the path that it was told. Linked with --wrap. */
int __real_chdir(const char *path);

int __wrap_chdir(const char *path) {
  char real[MAXPATHLEN];
  return __real_chdir(tsrm_realpath(path, real) != NULL ? real : path);
}
