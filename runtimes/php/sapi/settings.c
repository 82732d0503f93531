/*
 * What php.ini is elsewhere: Debian's php.ini for php-fpm, where it differs from what PHP has built in. The runtime changes
 * them with PHP_INI in its environment; a tenant with PHP_VALUE and PHP_ADMIN_VALUE in its own, and with .user.ini files.
 */
#define _GNU_SOURCE
#include "sapi.h"

#include <stdio.h>
#include <stdlib.h>

size_t wasm_fpm_region_bytes(void);

#define MEBIBYTE (1u << 20)
/* Of Zend's region, what opcache's memory may take. */
#define OPCACHE_PART 4
#define LEAST_OPCACHE_MEBIBYTES 8
#define MOST_OPCACHE_MEBIBYTES 64
#define MOST_LIMIT_MEBIBYTES 128

static const char SETTINGS[] =
    /* Off, and nothing, as ini_get tells them where a php.ini says so. */
    "short_open_tag=Off\nexpose_php=Off\ndisplay_errors=Off\ndisplay_startup_errors=Off\nregister_argc_argv=Off\n"
    "enable_dl=Off\nallow_url_include=Off\nignore_repeated_errors=Off\nignore_repeated_source=Off\nimplicit_flush=Off\n"
    "zlib.output_compression=Off\nmysqlnd.collect_memory_statistics=Off\nmail.add_x_header=Off\n"
    "mail.mixed_lf_and_crlf=Off\nsession.upload_progress.enabled=0\nsession.cookie_httponly=\nauto_prepend_file=\n"
    "auto_append_file=\nunserialize_callback_func=\nuser_dir=\nmysqli.default_host=\nmysqli.default_user=\nmysqli.default_pw=\n"
    "output_buffering=4096\nlog_errors=1\nerror_reporting=22527\nvariables_order=GPCS\nrequest_order=GP\n"
    "zend.exception_ignore_args=1\nzend.exception_string_param_max_len=0\nzend.assertions=-1\n"
    "max_input_time=60\ninclude_path=.:/usr/share/php\nsys_temp_dir=/tmp\n"
    "mysqli.default_socket=/var/run/mysqld/mysqld.sock\npdo_mysql.default_socket=/var/run/mysqld/mysqld.sock\n"
    "session.save_path=/var/lib/php/sessions\nsession.gc_probability=1\nsession.gc_divisor=1000\n"
    "session.sid_length=26\nsession.sid_bits_per_character=5\n"
    /* The host looks whether files that were loaded ahead have changed, for all requests at once. */
    "opcache.enable=1\nopcache.validate_timestamps=0\nopcache.file_update_protection=0\n"
    "opcache.interned_strings_buffer=4\nopcache.max_accelerated_files=4000\n"
    /* What has been looked up is kept with the snapshot: an age would make all of it old at once. */
    "realpath_cache_ttl=2147483647\n";

char *wasm_fpm_settings(void) {
  unsigned region = wasm_fpm_region_bytes() / MEBIBYTE;
  unsigned opcache = MAX(LEAST_OPCACHE_MEBIBYTES, MIN(MOST_OPCACHE_MEBIBYTES, region / OPCACHE_PART));
  /* The error of PHP, with file and line, should come before there is none left. */
  unsigned limit = MIN(MOST_LIMIT_MEBIBYTES, region > opcache + 4 ? region - opcache - 2 : 2);
  const char *own = getenv("PHP_INI");
  /* Zend has not started: by the functions of libc, whose memory these settings want to be in. */
  char *settings;
  int size = asprintf(&settings, "%sopcache.memory_consumption=%u\nmemory_limit=%uM\n%s\n", SETTINGS, opcache, limit,
                      own == NULL ? "" : own);
  return size < 0 ? NULL : settings;
}
