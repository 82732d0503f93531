/* Everything that leaves the guest by its standard output: the head of the answer, and what is printed. */
#include "sapi.h"

#include <errno.h>
#include <unistd.h>

#include "php_main.h"

/* As php-fpm names them, so that a front shows the same reason phrases. */
static const struct {
  int code;
  const char *reason;
} REASONS[] = {
    {100, "Continue"}, {101, "Switching Protocols"}, {200, "OK"}, {201, "Created"}, {202, "Accepted"},
    {203, "Non-Authoritative Information"}, {204, "No Content"}, {205, "Reset Content"}, {206, "Partial Content"},
    {208, "Already Reported"}, {300, "Multiple Choices"}, {301, "Moved Permanently"}, {302, "Found"},
    {303, "See Other"}, {304, "Not Modified"}, {305, "Use Proxy"}, {307, "Temporary Redirect"},
    {308, "Permanent Redirect"}, {400, "Bad Request"}, {401, "Unauthorized"}, {402, "Payment Required"},
    {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"}, {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"}, {408, "Request Timeout"}, {409, "Conflict"}, {410, "Gone"},
    {411, "Length Required"}, {412, "Precondition Failed"}, {413, "Request Entity Too Large"},
    {414, "Request-URI Too Long"}, {415, "Unsupported Media Type"}, {416, "Requested Range Not Satisfiable"},
    {417, "Expectation Failed"}, {426, "Upgrade Required"}, {428, "Precondition Required"}, {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"}, {451, "Unavailable For Legal Reasons"}, {500, "Internal Server Error"},
    {501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"}, {506, "Variant Also Negotiates"}, {511, "Network Authentication Required"},
};

#define STATUS "Status:"
#define CONTENT_TYPE "Content-Type:"

static char held[65536];
static size_t held_bytes;
static bool is_closed;

static bool send_all(const char *bytes, size_t size) {
  for (size_t sent = 0; sent < size;) {
    ssize_t part = write(STDOUT_FILENO, bytes + sent, size - sent);
    if (part <= 0 && errno != EINTR && errno != EAGAIN) return false;
    if (part > 0) sent += part;
  }
  return true;
}

void wasm_fpm_drain(void) {
  size_t size = held_bytes;
  held_bytes = 0;
  if (size == 0 || is_closed || send_all(held, size)) return;
  is_closed = true;
  php_handle_aborted_connection();
}

size_t wasm_fpm_write(const char *bytes, size_t size) {
  if (is_closed) return size;
  if (size > sizeof held - held_bytes) wasm_fpm_drain();
  if (size > sizeof held) {
    if (is_closed || send_all(bytes, size)) return size;
    is_closed = true;
    php_handle_aborted_connection();
    return 0;
  }
  memcpy(held + held_bytes, bytes, size);
  held_bytes += size;
  return size;
}

void wasm_fpm_flush(void *context) {
  (void)context;
  if (!SG(headers_sent)) sapi_send_headers();
  wasm_fpm_drain();
}

void wasm_fpm_close_output(void) {
  wasm_fpm_drain();
  is_closed = true;
}

void wasm_fpm_discard_output(void) {
  held_bytes = 0;
}

bool wasm_fpm_is_output_closed(void) {
  return is_closed;
}

void wasm_fpm_reopen_output(void) {
  held_bytes = 0;
  is_closed = false;
}

static void send_line(const char *line, size_t size) {
  wasm_fpm_write(line, size);
  wasm_fpm_write("\r\n", 2);
}

static bool is_header(const sapi_header_struct *header, const char *name, size_t length) {
  return header->header_len > length && strncasecmp(header->header, name, length) == 0;
}

/* The status of an answer that is not 200, unless the program has sent a "Status:" of its own. */
static void send_status(sapi_headers_struct *headers) {
  char line[1024];
  const char *own = SG(sapi_headers).http_status_line;
  const char *rest = own == NULL ? NULL : strchr(own, ' ');
  int size;
  if (rest != NULL && rest - own >= 5 && strncasecmp(own, "HTTP/", 5) == 0) {
    size = snprintf(line, sizeof line, STATUS "%s", rest);
  } else {
    const char *reason = "";
    for (size_t index = 0; index < sizeof REASONS / sizeof *REASONS; index++)
      if (REASONS[index].code == headers->http_response_code) reason = REASONS[index].reason;
    size = snprintf(line, sizeof line, STATUS " %d%s%s", headers->http_response_code, *reason ? " " : "", reason);
  }
  send_line(line, MIN((size_t)size, sizeof line - 1));
}

int wasm_fpm_send_headers(sapi_headers_struct *headers) {
  if (SG(request_info).no_headers) return SAPI_HEADER_SENT_SUCCESSFULLY;
  zend_llist_position at;
  sapi_header_struct *header;
  int code = headers->http_response_code;
  const char *line = SG(sapi_headers).http_status_line;
  bool has_status = false;
  if (code != 200 && line == NULL)
    for (header = zend_llist_get_first_ex(&headers->headers, &at); header != NULL;
         header = zend_llist_get_next_ex(&headers->headers, &at))
      has_status |= is_header(header, STATUS, sizeof STATUS - 1);
  bool is_status_sent = code != 200 && !has_status;
  if (is_status_sent) send_status(headers);
  for (header = zend_llist_get_first_ex(&headers->headers, &at); header != NULL;
       header = zend_llist_get_next_ex(&headers->headers, &at)) {
    if (header->header_len == 0) continue;
    if (is_header(header, STATUS, sizeof STATUS - 1)) {
      if (is_status_sent) continue;
      is_status_sent = true;
    } else if (code == 304 && is_header(header, CONTENT_TYPE, sizeof CONTENT_TYPE - 1)) {
      continue;
    }
    send_line(header->header, header->header_len);
  }
  wasm_fpm_write("\r\n", 2);
  return SAPI_HEADER_SENT_SUCCESSFULLY;
}
