#!/bin/sh -e
# The few lines of PHP's sources that must be others, in the folder it is called in. Each is looked for: a newer PHP may
# have it elsewhere.
change() { # file, what it says, what it is to say
  grep -q "$2" "$1" || {
    echo "error: $1 has no line \"$2\"" >&2
    exit 1
  }
  sed -i "s/$2/$3/g" "$1"
}

# Fibers: sapi/fibers.c. Of the stacks' parts in memory hardly anything is used; the rest is the machine's.
change configure 'as_fn_error .* "fibers not available on this platform".*' ':'
change Zend/zend_fibers.h '(4096 \* (((sizeof(void \*)) < 8) ? 256 : 512))' '(4096 * 64)'
change Zend/zend_fibers.c 'ZEND_ASSERT(context->handle != NULL && .*' \
  'if (!context->handle) { zend_fiber_stack_free(context->stack); zend_throw_exception(NULL, "Fiber stack allocate failed: there are too many fibers", 0); return false; }'
# Randomness by getrandom, which is ours, and not by a device.
change ext/random/random.c '^# if (defined(__linux__) && defined(SYS_getrandom)).*' '# if 1'
# Integers of 64 bits, where another condition than Zend's is asked for them.
change ext/date/lib/timelib.h '^#if (defined(__x86_64__)' '#if (defined(ZEND_ENABLE_ZVAL_LONG64)'
change ext/filter/logical_filters.c 'SIZEOF_LONG == 4' 'SIZEOF_ZEND_LONG == 4'
change ext/session/session.c '(zend_long)atol(' '(zend_long)atoll('
# Offsets and lengths, which have 64 bits, are compared with sizes, which have 32: not by what the one is as the other.
for file in Zend/zend_execute.c Zend/zend_compile.c ext/standard/string.c; do
  change $file '(size_t)' '(zend_ulong)'
done
change ext/iconv/iconv.c '(size_t)offset > ' '(zend_ulong)offset > '
change ext/iconv/iconv.c '(size_t)len > ' '(zend_ulong)len > '
change ext/mbstring/mbstring.c 'real_from = (size_t) from;' 'real_from = WASM_FPM_SIZE(from);'
change ext/mbstring/mbstring.c 'real_len = (size_t) len;' 'real_len = WASM_FPM_SIZE(len);'
# Of OpenSSL only what it computes: TLS is the host's, and so is randomness. Its configuration: sapi/secrets.c.
change ext/openssl/openssl.c 'OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL);' 'OPENSSL_init_crypto(OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_NO_LOAD_CONFIG, NULL);'
echo '/* TLS: the host */' >ext/openssl/xp_ssl.c
change ext/openssl/openssl.c 'SSL_get_ex_new_index(.*);' '0;'
change ext/openssl/openssl.c '^.*php_stream_xport_register(.*' ''
change ext/openssl/openssl.c '^.*php_register_url_stream_wrapper(.*' ''
change ext/openssl/openssl.c 'NCONF_load(' 'wasm_fpm_load_configuration('
change ext/openssl/openssl.c '^#include "php_openssl.h"' '&\nextern int wasm_fpm_load_configuration();'
# mail() without a program: sapi/mail.c.
change ext/standard/mail.c 'FILE \*sendmail;' 'smart_str *sendmail;'
change ext/standard/mail.c 'sendmail = popen(sendmail_cmd, "w");' 'sendmail = wasm_fpm_open_mail(sendmail_cmd);'
change ext/standard/mail.c 'fprintf(sendmail, ' 'smart_str_append_printf(sendmail, '
change ext/standard/mail.c 'pclose(sendmail)' 'wasm_fpm_send_mail(sendmail)'
change ext/standard/mail.c '^#include "php_mail.h"' '&\n#include "zend_smart_str.h"\nextern smart_str *wasm_fpm_open_mail(const char *);\nextern int wasm_fpm_send_mail(smart_str *);'
# Handlers call each other instead of returning to a loop: compat/include/zend-vm.h.
awk -f "${0%/*}/tail-calls.awk" Zend/zend_vm_execute.h >Zend/zend_vm_execute.h.new
touch -r Zend/zend_vm_execute.h Zend/zend_vm_execute.h.new
mv Zend/zend_vm_execute.h.new Zend/zend_vm_execute.h
echo '#include <zend-sizes.h>' >>Zend/zend_string.h
