/*
 * What is the same at the beginning of every request of an application is done once, before its memory becomes what they begin
 * with: settings, Zend's tables, the output layer, each extension's beginning. Then a request adds what is its own. Nothing of what
 * is done ahead looks at a request, draws a random number, or is kept from the clock.
 *
 * Where a request must begin otherwise, because its settings are others, what was done ahead is taken back.
 */
#include "sapi.h"

#include <stdlib.h>

#include "ext/opcache/ZendAccelerator.h"
#include "php_ini.h"
#include "php_main.h"
#include "php_variables.h"

/* The settings that the beginning was made with, as the environment had them. */
static char *values, *admin_values;
static bool is_started;

static const char *settings_of(const char *variable) {
  const char *settings = getenv(variable);
  return settings == NULL ? "" : settings;
}

/* These make the beginning of a request depend on what it asks for. */
static bool depends_on_request(void) {
  const char *handler = PG(output_handler);
  return INI_BOOL("session.auto_start") || INI_BOOL("zlib.output_compression") || (handler != NULL && *handler != '\0');
}

/* No request is under way; its settings are not applied. */
void wasm_fpm_start_early(void) {
  wasm_fpm_apply_settings();
  if (depends_on_request()) return wasm_fpm_take_back_settings();
  values = strdup(settings_of("PHP_VALUE"));
  admin_values = strdup(settings_of("PHP_ADMIN_VALUE"));
  if (values == NULL || admin_values == NULL) _exit(1);
  memset(&SG(request_info), 0, sizeof SG(request_info));
  SG(server_context) = NULL;
  if (php_request_startup() == FAILURE) _exit(1);
  is_started = true;
}

/* As if nothing had been done ahead. */
void wasm_fpm_take_back_start(void) {
  if (!is_started) return;
  is_started = false;
  free(values);
  free(admin_values);
  SG(request_info).no_headers = 1;
  SG(headers_sent) = 1;
  php_request_shutdown(NULL);
  SG(request_info).no_headers = 0;
  wasm_fpm_discard_output();
  wasm_fpm_take_back_settings();
}

/* What php_request_startup does with a request itself. */
static void start_rest(void) {
  zend_first_try {
    sapi_activate();
    ZCG(request_time) = (time_t)sapi_get_request_time();
    /* Otherwise that of the script is set when it begins. */
    if (PG(max_input_time) == -1) zend_set_timeout(EG(timeout_seconds), 1);
    if (PG(expose_php)) sapi_add_header(SAPI_PHP_VERSION_HEADER, sizeof SAPI_PHP_VERSION_HEADER - 1, 1);
    php_hash_environment();
  }
  zend_catch { _exit(70); }
  zend_end_try();
}

void wasm_fpm_start_request(void) {
  bool is_early = is_started && strcmp(values, settings_of("PHP_VALUE")) == 0 &&
                  strcmp(admin_values, settings_of("PHP_ADMIN_VALUE")) == 0 && !wasm_fpm_has_user_settings();
  if (!is_early) wasm_fpm_take_back_start();
  wasm_fpm_read_request();
  if (is_early) return start_rest();
  wasm_fpm_apply_settings();
  if (php_request_startup() == FAILURE) _exit(70);
}
