/* What the environment says of a request (CGI), and the settings that come with it. */
#include "sapi.h"

#include <stdlib.h>
#include <unistd.h>

#include "php_ini.h"
#include "php_main.h"
#include "php_variables.h"
#include "zend_ini_scanner.h"

/* As many settings as a tenant may have when it is loaded; what are more stay. */
#define MOST_BEFORE 256

extern char **environ;

void wasm_fpm_read_request(void) {
  sapi_request_info *request = &SG(request_info);
  const char *length = getenv("CONTENT_LENGTH");
  char *type = getenv("CONTENT_TYPE");
  request->request_method = getenv("REQUEST_METHOD");
  request->query_string = getenv("QUERY_STRING");
  request->path_translated = getenv("SCRIPT_FILENAME");
  /* Zend's word for what php-fpm makes PHP_SELF of. */
  request->request_uri = getenv("SCRIPT_NAME");
  request->content_type = type == NULL ? "" : type;
  request->content_length = length == NULL ? 0 : strtoll(length, NULL, 10);
  request->proto_num = 1000;
  SG(sapi_headers).http_response_code = 200;
  SG(server_context) = (void *)request;
  php_handle_auth_data(getenv("HTTP_AUTHORIZATION"));
}

size_t wasm_fpm_read_post(char *bytes, size_t size) {
  size_t left = SG(request_info).content_length - SG(read_post_bytes);
  size_t got = 0;
  if (size > left) size = left;
  while (got < size) {
    ssize_t part = read(STDIN_FILENO, bytes + got, size - got);
    if (part <= 0) break;
    got += part;
  }
  return got;
}

char *wasm_fpm_read_cookies(void) {
  return getenv("HTTP_COOKIE");
}

char *wasm_fpm_getenv(const char *name, size_t length) {
  (void)length;
  return getenv(name);
}

/* By the filter, which keeps what filter_input() gives. */
static void import(zval *variables) {
  bool is_env = Z_ARR_P(variables) == Z_ARR(PG(http_globals)[TRACK_VARS_ENV]);
  for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
    const char *equals = strchr(*variable, '=');
    if (equals == NULL) continue;
    char *name = estrndup(*variable, equals - *variable);
    char *value = estrdup(equals + 1);
    size_t length;
    if (sapi_module.input_filter(is_env ? PARSE_ENV : PARSE_SERVER, name, &value, strlen(value), &length))
      php_register_variable_safe(name, value, length, variables);
    efree(value);
    efree(name);
  }
}

void wasm_fpm_start_variables(void) {
  /* What getenv() gives is as it is. */
  php_load_environment_variables = php_import_environment_variables;
  php_import_environment_variables = import;
}

void wasm_fpm_register_variables(zval *variables) {
  import(variables);
  const char *script = SG(request_info).request_uri;
  const char *info = getenv("PATH_INFO");
  char *self;
  size_t length = spprintf(&self, 0, "%s%s", script == NULL ? "" : script, info == NULL ? "" : info);
  if (sapi_module.input_filter(PARSE_SERVER, "PHP_SELF", &self, length, &length))
    php_register_variable_safe("PHP_SELF", self, length, variables);
  efree(self);
}

static void disable_classes(const char *names) {
  while (*(names += strspn(names, ", ")) != '\0') {
    size_t length = strcspn(names, ", ");
    zend_disable_class(names, length);
    names += length;
  }
}

/* What settings were before, while an application is loaded: they are not those of every request that begins there. */
static struct {
  zend_ini_entry *entry;
  zend_string *value;
  int modifiable;
} before[MOST_BEFORE];
static size_t before_count;

static void remember(zend_ini_entry *entry) {
  for (size_t index = 0; index < before_count; index++)
    if (before[index].entry == entry) return;
  if (before_count == MOST_BEFORE) return;
  before[before_count].entry = entry;
  before[before_count].value = entry->value;
  before[before_count++].modifiable = entry->modifiable;
}

/* For the compiler, which takes a setting that nobody may change for a constant. */
void wasm_fpm_unfix_settings(void) {
  for (size_t index = 0; index < before_count; index++) before[index].entry->modifiable = before[index].modifiable;
}

void wasm_fpm_take_back_settings(void) {
  /* As before a first request: with these, settings would be taken for late ones. */
  SG(headers_sent) = 0;
  PG(modules_activated) = 0;
  while (before_count > 0) {
    before_count--;
    zend_ini_entry *entry = before[before_count].entry;
    zend_string *value = before[before_count].value;
    if (entry->on_modify != NULL)
      entry->on_modify(entry, value, entry->mh_arg1, entry->mh_arg2, entry->mh_arg3, ZEND_INI_STAGE_ACTIVATE);
    entry->value = value;
    entry->modifiable = before[before_count].modifiable;
  }
}

static void set(const char *name, const char *value, int mode) {
  zend_ini_entry *entry = zend_hash_str_find_ptr(EG(ini_directives), name, strlen(name));
  if (entry == NULL) return;
  remember(entry);
  zend_string *fresh = zend_string_init(value, strlen(value), true);
  if (entry->on_modify != NULL && entry->on_modify(entry, fresh, entry->mh_arg1, entry->mh_arg2, entry->mh_arg3,
                                                   ZEND_INI_STAGE_ACTIVATE) != SUCCESS) {
    zend_string_release_ex(fresh, true);
    return;
  }
  entry->value = fresh;
  /* php_value: may be changed by .user.ini and ini_set; php_admin_value: may not. */
  if (mode == ZEND_INI_SYSTEM) entry->modifiable = mode;
  if (strcmp(name, "disable_functions") == 0 && *value != '\0') zend_disable_functions(value);
  if (strcmp(name, "disable_classes") == 0) disable_classes(value);
}

/* Of display_errors, while settings are applied. */
static zend_uchar display;

static void take_setting(zval *name, zval *value, zval *index, int kind, void *mode) {
  (void)index;
  if (kind != ZEND_INI_PARSER_ENTRY || name == NULL || value == NULL || Z_STRLEN_P(name) == 0) return;
  set(Z_STRVAL_P(name), Z_STRVAL_P(value), *(int *)mode);
  if (strcmp(Z_STRVAL_P(name), "display_errors") != 0) return;
  display = PG(display_errors);
  PG(display_errors) = 0;
}

static void apply(const char *variable, int mode) {
  const char *settings = getenv(variable);
  if (settings == NULL || *settings == '\0') return;
  char *lines;
  spprintf(&lines, 0, "%s\n", settings);
  zend_parse_ini_string(lines, true, ZEND_INI_SCANNER_NORMAL, take_setting, &mode);
  efree(lines);
}

/* What is wrong with them is logged, and not shown: there is no answer yet to show it in. */
void wasm_fpm_apply_settings(void) {
  display = PG(display_errors);
  PG(display_errors) = 0;
  apply("PHP_VALUE", ZEND_INI_USER);
  apply("PHP_ADMIN_VALUE", ZEND_INI_SYSTEM);
  PG(display_errors) = display;
}

/*
 * The folders whose .user.ini counts, with a slash at their ends: each from the document root to the script's, or the script's alone outside of it.
 * False: there is none for which `visit` says so.
 */
static bool any_folder(const char *script, const char *root, bool (*visit)(const char *folder, void *context), void *context) {
  size_t root_length = root == NULL ? 0 : strlen(root);
  if (root_length > 0 && root[root_length - 1] == '/') root_length--;
  const char *slash = strrchr(script, '/');
  if (slash == NULL) return false;
  bool is_found = false;
  char *folder = estrndup(script, slash - script + 1);
  if (root_length > 0 && strncmp(folder, root, root_length) == 0 && folder[root_length] == '/') {
    for (char *end = folder + root_length; !is_found && (end = strchr(end, '/')) != NULL; end++) {
      *end = '\0';
      is_found = visit(folder, context);
      *end = '/';
    }
  } else {
    is_found = visit(folder, context);
  }
  efree(folder);
  return is_found;
}

static bool has_settings(const char *folder, void *context) {
  (void)context;
  char path[MAXPATHLEN];
  zend_stat_t status;
  snprintf(path, sizeof path, "%s/%s", folder, PG(user_ini_filename));
  return VCWD_STAT(path, &status) == 0;
}

static bool read_settings(const char *folder, void *settings) {
  php_parse_user_ini_file(folder, PG(user_ini_filename), settings);
  return false;
}

/* Set where it has been looked already, and there are none. */
static bool has_no_user_settings;

bool wasm_fpm_has_user_settings(void) {
  const char *script = getenv("SCRIPT_FILENAME");
  const char *name = PG(user_ini_filename);
  bool is_looked_for = script != NULL && name != NULL && *name != '\0';
  has_no_user_settings = !is_looked_for || !any_folder(script, getenv("DOCUMENT_ROOT"), has_settings, NULL);
  return !has_no_user_settings;
}

int wasm_fpm_activate(void) {
  const char *script = SG(request_info).path_translated;
  const char *name = PG(user_ini_filename);
  if (has_no_user_settings || script == NULL || name == NULL || *name == '\0') return SUCCESS;
  HashTable settings;
  zend_hash_init(&settings, 8, NULL, config_zval_dtor, true);
  any_folder(script, getenv("DOCUMENT_ROOT"), read_settings, &settings);
  php_ini_activate_config(&settings, PHP_INI_PERDIR, PHP_INI_STAGE_HTACCESS);
  zend_hash_destroy(&settings);
  return SUCCESS;
}
