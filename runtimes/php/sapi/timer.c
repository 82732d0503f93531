/*
 * max_execution_time and set_time_limit: where PHP has a timer of the system, the host sets the byte that Zend's machine
 * looks at. It is linked with --wrap for the two functions.
 */
#include "sapi.h"

#define MOST_SECONDS 999999999
/* What an error says at least. */
#define LEAST_SECONDS 1

__attribute__((import_module("wasm_fpm"), import_name("alarm"))) int wasm_fpm_alarm(void *byte, uint32_t ms, uint32_t *given);

static bool is_set;
/* As much of what was asked for as limits.cpu leaves. */
static zend_long given_seconds;

static zend_long set_alarm(zend_long seconds) {
  uint32_t given = 0;
  is_set = seconds > 0 && seconds <= MOST_SECONDS;
  uint32_t ms = !is_set ? 0 : seconds > UINT32_MAX / 1000 ? UINT32_MAX : seconds * 1000;
  wasm_fpm_alarm(&EG(vm_interrupt), ms, &given);
  return MAX(LEAST_SECONDS, (given + 500) / 1000);
}

void __real_zend_set_timeout(zend_long seconds, bool reset_signals);
void __real_zend_unset_timeout(void);

void __wrap_zend_set_timeout(zend_long seconds, bool reset_signals) {
  __real_zend_set_timeout(seconds, reset_signals);
  given_seconds = set_alarm(seconds);
}

void __wrap_zend_unset_timeout(void) {
  __real_zend_unset_timeout();
  set_alarm(0);
}

static void interrupted(zend_execute_data *data) {
  (void)data;
  if (!is_set) return;
  EG(timeout_seconds) = MIN(EG(timeout_seconds), given_seconds);
  if (zend_on_timeout != NULL) zend_on_timeout(EG(timeout_seconds));
  /* Shutdown functions have so long. */
  set_alarm(EG(hard_timeout));
  zend_timeout();
}

void wasm_fpm_register_timer(void) {
  zend_interrupt_function = interrupted;
}
