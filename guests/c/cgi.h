/* What the C guests share: reading QUERY_STRING and the header of a plain answer (RFC 3875 §4.1.7, §6). */
#ifndef WASM_FPM_GUESTS_CGI_H
#define WASM_FPM_GUESTS_CGI_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** The bytes a guest moves at a time. */
#define CHUNK_BYTES 65536

/** An environment variable, or `otherwise` when it is not set. */
static inline const char *env_or(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value ? value : otherwise;
}

/** Where the value of `name` starts in QUERY_STRING, or NULL. Nothing is decoded. */
static inline const char *query(const char *name) {
  const char *at = env_or("QUERY_STRING", "");
  size_t length = strlen(name);
  while (*at) {
    if (strncmp(at, name, length) == 0 && at[length] == '=') return at + length + 1;
    at = strchr(at, '&');
    if (!at) return NULL;
    at++;
  }
  return NULL;
}

/** The number `name` in QUERY_STRING, or `otherwise` when it is missing. */
static inline uint64_t query_number(const char *name, uint64_t otherwise) {
  const char *value = query(name);
  return value ? strtoull(value, NULL, 10) : otherwise;
}

/** Whether `name` in QUERY_STRING is exactly `wanted`. */
static inline int query_is(const char *name, const char *wanted) {
  const char *value = query(name);
  size_t length = strlen(wanted);
  return value && strncmp(value, wanted, length) == 0 && (value[length] == 0 || value[length] == '&');
}

/** The value of `name` in QUERY_STRING, copied into `into` and cut to fit; "" when it is missing. */
static inline const char *query_text(const char *name, char *into, size_t bytes) {
  const char *value = query(name);
  size_t length = value ? strcspn(value, "&") : 0;
  if (length > bytes - 1) length = bytes - 1;
  if (length) memcpy(into, value, length);
  into[length] = 0;
  return into;
}

/** Prints the header of a plain text answer. */
static inline void text_header(void) {
  printf("Content-Type: text/plain; charset=utf-8\r\n\r\n");
}

#endif
