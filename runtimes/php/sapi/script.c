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

/* Where the script is, as CGI has it. Its folder is there as it is, and libc would ask the host about it once more. */
static void enter_folder(const char *path) {
  size_t length = strrchr(path, '/') - path;
  char *folder = strndup(path, MAX(length, 1));
  if (folder == NULL) return;
  bool is_plain = strstr(folder, "/.") == NULL && strstr(folder, "//") == NULL;
  if (is_plain) {
    __wasilibc_cwd = folder;
  } else {
    VCWD_CHDIR(folder);
    free(folder);
  }
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
