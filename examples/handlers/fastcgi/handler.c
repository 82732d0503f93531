/* The handler of ../README.md in C, for libfcgi: it loops on FCGI_Accept. */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi_stdio.h"

/** Most that a greeting's body may have, and so most that a name may have, in bytes. */
#define BODY_BYTES 65536

struct text {
  char bytes[BODY_BYTES];
  size_t length;
};

/** What is being read, and where the reader is. */
struct reader {
  const char *at;
  const char *end;
};

static struct text body, key, name;

/** A variable of the request, or "" when it has none of that name. */
static const char *variable(const char *wanted) {
  const char *value = getenv(wanted);
  return value ? value : "";
}

static bool starts_with(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

static void append(struct text *text, char byte) {
  if (text->length < BODY_BYTES) text->bytes[text->length++] = byte;
}

static void append_code_point(struct text *text, uint32_t point) {
  if (point < 0x80) return append(text, (char)point);
  int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  static const uint8_t FIRST[] = {0, 0xc0, 0xe0, 0xf0};
  append(text, (char)(FIRST[more] | point >> (6 * more)));
  while (more-- > 0) append(text, (char)(0x80 | (point >> (6 * more) & 0x3f)));
}

static bool is(const struct text *text, const char *wanted) {
  return text->length == strlen(wanted) && memcmp(text->bytes, wanted, text->length) == 0;
}

/** So many hexadecimal digits; -1 when something else is there. */
static int32_t hex(struct reader *in, int digits) {
  int32_t value = 0;
  if (in->end - in->at < digits) return -1;
  for (int i = 0; i < digits; i++) {
    const char *digit = isxdigit((unsigned char)in->at[i]) ? in->at + i : NULL;
    if (!digit) return -1;
    value = value << 4 | (*digit <= '9' ? *digit - '0' : (*digit | 32) - 'a' + 10);
  }
  in->at += digits;
  return value;
}

/* JSON: one object, whose values are texts (RFC 8259). */

static bool take(struct reader *in, char wanted) {
  while (in->at < in->end && (*in->at == ' ' || (*in->at >= '\t' && *in->at <= '\r'))) in->at++;
  if (in->at == in->end || *in->at != wanted) return false;
  in->at++;
  return true;
}

static bool read_escape(struct reader *in, struct text *into) {
  static const char NAMES[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
  if (in->at == in->end) return false;
  char escape = *in->at++;
  if (escape != 'u') {
    const char *found = escape ? strchr(NAMES, escape) : NULL;
    if (found) append(into, MEANT[found - NAMES]);
    return found != NULL;
  }
  int32_t point = hex(in, 4);
  if (point < 0) return false;
  if (point >= 0xd800 && point < 0xdc00 && in->end - in->at >= 6 && in->at[0] == '\\' && in->at[1] == 'u') {
    struct reader second = {in->at + 2, in->end};
    int32_t low = hex(&second, 4);
    if (low >= 0xdc00 && low < 0xe000) {
      *in = second;
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
  }
  append_code_point(into, point >= 0xd800 && point < 0xe000 ? 0xfffd : (uint32_t)point);
  return true;
}

static bool read_text(struct reader *in, struct text *into) {
  into->length = 0;
  if (!take(in, '"')) return false;
  while (in->at < in->end && *in->at != '"') {
    char byte = *in->at++;
    if ((unsigned char)byte < 0x20) return false;
    if (byte != '\\') append(into, byte);
    else if (!read_escape(in, into)) return false;
  }
  return in->at++ < in->end;
}

/** Whether the body is such an object with a `name`, which is put into `name`. */
static bool name_of_json(void) {
  static struct text value;
  struct reader in = {body.bytes, body.bytes + body.length};
  bool found = false;
  if (!take(&in, '{')) return false;
  do {
    if (!read_text(&in, &key) || !take(&in, ':') || !read_text(&in, &value)) return false;
    if (!is(&key, "name")) continue;
    name = value;
    found = true;
  } while (take(&in, ','));
  return take(&in, '}') && !take(&in, '\0') && in.at == in.end && found;
}

/* Forms and cookies: names and values with %XX. */

static void decode(struct reader in, struct text *into) {
  into->length = 0;
  while (in.at < in.end) {
    char byte = *in.at++;
    int32_t escaped = byte == '%' ? hex(&in, 2) : -1;
    append(into, escaped >= 0 ? (char)escaped : byte == '+' ? ' ' : byte);
  }
}

/** Whether a pair of that name is among `pairs`, which `separator` separates; its value is put into `name`. */
static bool name_of_pairs(struct reader pairs, char separator) {
  while (pairs.at < pairs.end) {
    while (pairs.at < pairs.end && *pairs.at == ' ') pairs.at++;
    const char *end = memchr(pairs.at, separator, (size_t)(pairs.end - pairs.at));
    struct reader value = {pairs.at, end ? end : pairs.end};
    if (value.end - value.at >= 5 && memcmp(value.at, "name=", 5) == 0) {
      value.at += 5;
      decode(value, &name);
      return true;
    }
    pairs.at = end ? end + 1 : pairs.end;
  }
  return false;
}

/* The answers. */

static void print_json_text(const struct text *text) {
  putchar('"');
  for (size_t i = 0; i < text->length; i++) {
    unsigned char byte = (unsigned char)text->bytes[i];
    if (byte == '"' || byte == '\\') printf("\\%c", byte);
    else if (byte < 0x20) printf("\\u%04x", byte);
    else putchar(byte);
  }
  putchar('"');
}

static void refuse(const char *status, const char *why) {
  printf("Status: %s\r\nContent-Type: application/json\r\n\r\n{\"error\":\"%s\"}\n", status, why);
}

static void greet(void) {
  printf("Content-Type: application/json\r\n\r\n{\"hello\":");
  print_json_text(&name);
  printf("}\n");
}

static void greeting(void) {
  const char *cookies = variable("HTTP_COOKIE");
  struct reader pairs = {cookies, cookies + strlen(cookies)};
  if (!name_of_pairs(pairs, ';')) {
    name.length = 0;
    for (const char *byte = "stranger"; *byte; byte++) append(&name, *byte);
  }
  greet();
}

static void remember(void) {
  const char *type = variable("CONTENT_TYPE");
  bool is_json = starts_with(type, "application/json");
  if (!is_json && !starts_with(type, "application/x-www-form-urlencoded"))
    return refuse("415 Unsupported Media Type", "wanted JSON or a form");
  body.length = fread(body.bytes, 1, BODY_BYTES, stdin);
  if (getchar() != EOF) return refuse("413 Content Too Large", "too long");
  struct reader pairs = {body.bytes, body.bytes + body.length};
  if (!(is_json ? name_of_json() : name_of_pairs(pairs, '&'))) return refuse("400 Bad Request", "wanted a name");
  printf("Set-Cookie: name=");
  for (size_t i = 0; i < name.length; i++) {
    unsigned char byte = (unsigned char)name.bytes[i];
    printf(isalnum(byte) || (byte && strchr("-_.~", byte)) ? "%c" : "%%%02X", byte);
  }
  printf("; Path=/; HttpOnly; SameSite=Lax\r\n");
  greet();
}

static void upload(void) {
  static unsigned char chunk[65536];
  uint64_t bytes = 0;
  uint32_t sum = 2166136261u;
  for (size_t count; (count = fread(chunk, 1, sizeof chunk, stdin)) > 0; bytes += count)
    for (size_t i = 0; i < count; i++) sum = (sum ^ chunk[i]) * 16777619u;
  printf("Content-Type: application/json\r\n\r\n{\"bytes\":%llu,\"fnv1a\":\"%08x\"}\n", (unsigned long long)bytes, sum);
}

/** Line by line: each goes out when it has come. */
static void stream(void) {
  printf("Content-Type: text/plain\r\n\r\n");
  for (int byte; (byte = getchar()) != EOF;) {
    putchar(toupper(byte));
    if (byte == '\n') fflush(stdout);
  }
}

static const struct route {
  const char *path;
  const char *method;
  void (*answer)(void);
} ROUTES[] = {
  {"/greeting", "GET", greeting},
  {"/greeting", "POST", remember},
  {"/upload", "POST", upload},
  {"/stream", "POST", stream},
};

static void answer(void) {
  bool is_there = false;
  for (size_t i = 0; i < sizeof ROUTES / sizeof *ROUTES; i++) {
    if (strcmp(variable("PATH_INFO"), ROUTES[i].path) != 0) continue;
    if (strcmp(variable("REQUEST_METHOD"), ROUTES[i].method) == 0) return ROUTES[i].answer();
    is_there = true;
  }
  if (is_there) refuse("405 Method Not Allowed", "no such method");
  else refuse("404 Not Found", "no such route");
}

int main(void) {
  while (FCGI_Accept() >= 0) answer();
  return 0;
}
