/* GLOB_BRACE, which this libc's glob does not know: `{a,b}` is one pattern after the other. Linked with --wrap. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>

int __real_glob(const char *pattern, int flags, int (*on_error)(const char *, int), glob_t *found);

/* Where a part of a brace ends: at its comma, or at the end of the brace. NULL: the brace has no end. */
static const char *part_end(const char *at) {
  for (int depth = 0; *at != '\0'; at++) {
    if (*at == '\\' && at[1] != '\0') at++;
    else if (depth == 0 && (*at == ',' || *at == '}')) return at;
    else if (*at == '{') depth++;
    else if (*at == '}') depth--;
  }
  return NULL;
}

/* The first brace, if it has an end. */
static const char *first_brace(const char *pattern) {
  for (const char *at = pattern; *at != '\0'; at++) {
    if (*at == '\\' && at[1] != '\0') at++;
    else if (*at == '{' && at[1] == '}') at++; /* "{}" is a name */
    else if (*at == '{') return at;
  }
  return NULL;
}

int __wrap_glob(const char *pattern, int flags, int (*on_error)(const char *, int), glob_t *found) {
  const char *open = flags & GLOB_BRACE ? first_brace(pattern) : NULL;
  const char *close = open;
  do close = close == NULL ? NULL : part_end(close + 1);
  while (close != NULL && *close == ',');
  if (close == NULL) return __real_glob(pattern, flags & ~GLOB_BRACE, on_error, found);
  char *one = malloc(strlen(pattern) + 1);
  if (one == NULL) return GLOB_NOSPACE;
  size_t before = open - pattern;
  int result = GLOB_NOMATCH;
  for (const char *from = open; from != close; flags |= GLOB_APPEND) {
    const char *to = part_end(++from);
    memcpy(one, pattern, before);
    memcpy(one + before, from, to - from);
    strcpy(one + before + (to - from), close + 1);
    int more = __wrap_glob(one, flags, on_error, found);
    if (more != GLOB_NOMATCH) result = more;
    if (more == GLOB_NOSPACE || more == GLOB_ABORTED) break;
    from = to;
  }
  free(one);
  return result;
}
