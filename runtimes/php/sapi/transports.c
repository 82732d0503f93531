/* tls:// and ssl://, and https:// with them: the host speaks TLS, and checks certificates, for whoever opens /dev/tls. */
#include "sapi.h"

#include "ext/standard/php_fopen_wrappers.h"
#include "php_network.h"

extern bool wasm_fpm_is_next_tls;

static php_stream *make(bool is_tls, const char *proto, size_t proto_length, const char *name, size_t name_length,
                        const char *persistent_id, int options, int flags, struct timeval *timeout,
                        php_stream_context *context STREAMS_DC) {
  php_stream *stream = php_stream_generic_socket_factory(proto, proto_length, name, name_length, persistent_id, options,
                                                         flags, timeout, context STREAMS_REL_CC);
  /* The socket is made when it is connected, which comes next. */
  wasm_fpm_is_next_tls = is_tls;
  return stream;
}

static php_stream *make_tcp(const char *proto, size_t proto_length, const char *name, size_t name_length,
                            const char *persistent_id, int options, int flags, struct timeval *timeout,
                            php_stream_context *context STREAMS_DC) {
  return make(false, proto, proto_length, name, name_length, persistent_id, options, flags, timeout,
              context STREAMS_REL_CC);
}

static php_stream *make_tls(const char *proto, size_t proto_length, const char *name, size_t name_length,
                            const char *persistent_id, int options, int flags, struct timeval *timeout,
                            php_stream_context *context STREAMS_DC) {
  return make(true, "tcp", 3, name, name_length, persistent_id, options, flags, timeout, context STREAMS_REL_CC);
}

void wasm_fpm_register_transports(void) {
  php_stream_xport_register("tcp", make_tcp);
  php_stream_xport_register("unix", make_tcp);
  /* Which version it is, the host finds out with its peer. */
  static const char *const TLS[] = {"ssl", "tls", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3"};
  for (size_t index = 0; index < sizeof TLS / sizeof *TLS; index++) php_stream_xport_register(TLS[index], make_tls);
  php_register_url_stream_wrapper("https", &php_stream_http_wrapper);
}
