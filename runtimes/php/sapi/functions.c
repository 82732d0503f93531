/* What a program may call: php-fpm's functions. */
#include "sapi.h"

#include <unistd.h>

#include "ext/standard/head.h"
#include "ext/standard/info.h"
#include "php_main.h"

extern char **environ;

/* Sends everything and ends the answer; the program goes on. */
ZEND_FUNCTION(fastcgi_finish_request) {
  ZEND_PARSE_PARAMETERS_NONE();
  if (wasm_fpm_is_output_closed()) RETURN_FALSE;
  php_output_end_all();
  php_header();
  wasm_fpm_close_output();
  while (close(STDOUT_FILENO) == 0) continue; /* the program may have copies of it */
  RETURN_TRUE;
}

/* The headers of the request; also called getallheaders. */
ZEND_FUNCTION(apache_request_headers) {
  ZEND_PARSE_PARAMETERS_NONE();
  array_init(return_value);
  for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
    char *equals = strchr(*variable, '=');
    if (equals == NULL) continue;
    char *name = estrndup(*variable, equals - *variable);
    sapi_add_request_header(name, equals - *variable, equals + 1, strlen(equals + 1), return_value);
    efree(name);
  }
}

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(finish_arguments, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()
ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(headers_arguments, 0, 0, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

static const zend_function_entry FUNCTIONS[] = {
    ZEND_FE(fastcgi_finish_request, finish_arguments)
    ZEND_FE(apache_request_headers, headers_arguments)
    ZEND_FALIAS(getallheaders, apache_request_headers, headers_arguments)
    ZEND_FE_END,
};

static PHP_MINIT_FUNCTION(wasm_fpm) {
  wasm_fpm_register_transports();
  wasm_fpm_register_timer();
  return SUCCESS;
}

static PHP_MINFO_FUNCTION(wasm_fpm) {
  php_info_print_table_start();
  php_info_print_table_row(2, "wasm-fpm", "active");
  php_info_print_table_end();
}

/* Its name is that of php-fpm's: programs ask for it. */
zend_module_entry wasm_fpm_module = {
    STANDARD_MODULE_HEADER, "cgi-fcgi", FUNCTIONS, PHP_MINIT(wasm_fpm), NULL, NULL, NULL, PHP_MINFO(wasm_fpm), PHP_VERSION,
    STANDARD_MODULE_PROPERTIES,
};
