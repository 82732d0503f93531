/*
 * //TRANSLIT and //IGNORE, which this libc's iconv does not know, and an error for what cannot be written, where it writes
 * a star. Each character goes by way of its code point. Linked with --wrap for the three functions.
 */
#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FAILED ((size_t)-1)
#define INTERMEDIATE "UCS-4LE"

iconv_t __real_iconv_open(const char *to, const char *from);
size_t __real_iconv(iconv_t conversion, char **in, size_t *in_left, char **out, size_t *out_left);
int __real_iconv_close(iconv_t conversion);

struct conversion {
  iconv_t in, out;
  bool is_lenient, transliterates;
};

/* What stands for the letters from U+00C0 to U+017F in ASCII; 0: looked for among the others. */
static const char LATIN[] =
    "AAAAAA\0CEEEEIIII\0NOOOOO\0\0UUUUY\0\0aaaaaa\0ceeeeiiii\0nooooo\0\0uuuuy\0y"
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi\0\0JjKk\0LlLlLlLlLlNnNnNn\0\0\0OoOoOo\0\0RrRrRrSsSsSsSs"
    "TtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static const struct {
  uint32_t character;
  const char *text;
} OTHERS[] = {
    {0xa0, " "}, {0xa9, "(C)"}, {0xab, "<<"}, {0xad, "-"}, {0xae, "(R)"}, {0xb5, "u"}, {0xb8, ","}, {0xbb, ">>"},
    {0xc6, "AE"}, {0xd7, "x"}, {0xd8, "O"}, {0xdf, "ss"}, {0xe6, "ae"}, {0xf8, "o"}, {0x132, "IJ"}, {0x133, "ij"},
    {0x138, "q"}, {0x149, "'n"}, {0x14a, "N"}, {0x14b, "n"}, {0x152, "OE"}, {0x153, "oe"}, {0x2010, "-"}, {0x2011, "-"},
    {0x2012, "-"}, {0x2013, "-"}, {0x2014, "-"}, {0x2018, "'"}, {0x2019, "'"}, {0x201a, ","}, {0x201c, "\""},
    {0x201d, "\""}, {0x201e, ",,"}, {0x2022, "o"}, {0x2026, "..."}, {0x202f, " "}, {0x2039, "<"}, {0x203a, ">"},
    {0x20ac, "EUR"}, {0x2122, "TM"},
};

static const char *transliterate(uint32_t character, char letter[2]) {
  if (character >= 0xc0 && character < 0xc0 + sizeof LATIN - 1 && LATIN[character - 0xc0] != '\0') {
    letter[0] = LATIN[character - 0xc0];
    letter[1] = '\0';
    return letter;
  }
  for (size_t index = 0; index < sizeof OTHERS / sizeof *OTHERS; index++)
    if (OTHERS[index].character == character) return OTHERS[index].text;
  return "?";
}

iconv_t __wrap_iconv_open(const char *to, const char *from) {
  char target[64], source[64];
  size_t length = strcspn(to, "/");
  size_t source_length = strcspn(from, "/");
  if (length >= sizeof target || source_length >= sizeof source) {
    errno = EINVAL;
    return (iconv_t)-1;
  }
  memcpy(target, to, length);
  target[length] = '\0';
  memcpy(source, from, source_length);
  source[source_length] = '\0';
  struct conversion *made = malloc(sizeof *made);
  if (made == NULL) return (iconv_t)-1;
  made->transliterates = strcasestr(to, "//TRANSLIT") != NULL;
  made->is_lenient = strcasestr(to, "//IGNORE") != NULL;
  made->in = __real_iconv_open(INTERMEDIATE, source);
  made->out = made->in == (iconv_t)-1 ? made->in : __real_iconv_open(target, INTERMEDIATE);
  if (made->out != (iconv_t)-1) return made;
  if (made->in != (iconv_t)-1) __real_iconv_close(made->in);
  free(made);
  errno = EINVAL;
  return (iconv_t)-1;
}

int __wrap_iconv_close(iconv_t handle) {
  struct conversion *conversion = handle;
  __real_iconv_close(conversion->in);
  __real_iconv_close(conversion->out);
  free(conversion);
  return 0;
}

/* Whether it could be written as it is; false with E2BIG or EILSEQ. */
static bool put(struct conversion *conversion, uint32_t character, char **out, size_t *left) {
  char *at = (char *)&character;
  size_t bytes = sizeof character, left_before = *left;
  char *before = *out;
  size_t replaced = __real_iconv(conversion->out, &at, &bytes, out, left);
  if (replaced == 0) return true;
  *out = before;
  *left = left_before;
  if (replaced != FAILED) errno = EILSEQ;
  return false;
}

static bool put_text(struct conversion *conversion, const char *text, char **out, size_t *left) {
  for (; *text != '\0'; text++)
    if (!put(conversion, (unsigned char)*text, out, left)) return false;
  return true;
}

/* What cannot be written: left out, written as something like it, or an error. */
static bool put_other(struct conversion *conversion, uint32_t character, char **out, size_t *left) {
  char letter[2];
  if (errno != EILSEQ) return false;
  if (conversion->transliterates)
    return put_text(conversion, transliterate(character, letter), out, left);
  return conversion->is_lenient;
}

size_t __wrap_iconv(iconv_t handle, char **in, size_t *in_left, char **out, size_t *out_left) {
  struct conversion *conversion = handle;
  if (in == NULL || *in == NULL) {
    __real_iconv(conversion->in, NULL, NULL, NULL, NULL);
    return __real_iconv(conversion->out, NULL, NULL, out, out_left);
  }
  while (*in_left > 0) {
    char *before = *in, *out_before = *out;
    size_t left_before = *in_left, out_left_before = *out_left;
    uint32_t character;
    char *place = (char *)&character;
    size_t room = sizeof character;
    /* Room for one: it ends with E2BIG when there are more. */
    size_t result = __real_iconv(conversion->in, in, in_left, &place, &room);
    if (room == sizeof character) {
      if (result != FAILED) continue; /* a change of state */
      if (errno != EILSEQ || !conversion->is_lenient) return FAILED;
      (*in)++;
      (*in_left)--;
      continue;
    }
    if (put(conversion, character, out, out_left) || put_other(conversion, character, out, out_left)) continue;
    *in = before;
    *in_left = left_before;
    *out = out_before;
    *out_left = out_left_before;
    return FAILED;
  }
  return 0;
}
