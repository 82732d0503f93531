// A backtracking matcher for . * + ? [a-z] ^ $ searching a text.
static char text[1 << 14];
static int matchHere(const char *p, const char *s);
static int one(const char *p, char c) {
  if (*p == '.') return 1;
  if (*p != '[') return *p == c;
  for (p++; *p != ']'; p++) {
    if (p[1] == '-') {
      if (c >= p[0] && c <= p[2]) return 1;
      p += 2;
    } else if (*p == c) return 1;
  }
  return 0;
}
static const char *after(const char *p) {
  if (*p == '[')
    while (*p != ']') p++;
  return p + 1;
}
static int repeat(const char *p, const char *rest, const char *s, int least, int most) {
  const char *end = s;
  while (most-- && *end && one(p, *end)) end++;
  for (; end >= s + least; end--)
    if (matchHere(rest, end)) return 1;
  return 0;
}
static int matchHere(const char *p, const char *s) {
  if (!*p) return 1;
  if (*p == '$' && !p[1]) return !*s;
  const char *next = after(p);
  if (*next == '*') return repeat(p, next + 1, s, 0, -1);
  if (*next == '+') return repeat(p, next + 1, s, 1, -1);
  if (*next == '?') return repeat(p, next + 1, s, 0, 1);
  return *s && one(p, *s) && matchHere(next, s + 1);
}
__attribute__((export_name("run"))) int run(int rounds) {
  static const char words[] = "the quick brown fox jumps over 13 lazy dogs at foo.bar@example.org; ";
  static const char *patterns[] = {"[a-z]+@[a-z]+.org", "q[aeiou]+[a-z]*k", "[0-9][0-9]? lazy", "j.*s over", "zz+", "o.*g$"};
  int found = 0;
  for (int i = 0; i < (1 << 14) - 1; i++) text[i] = i % 97 == 96 ? '\n' : words[i % (sizeof words - 1)];
  for (int i = 96; i < 1 << 14; i += 97) text[i] = 0;
  for (int round = 0; round < rounds; round++)
    for (int p = 0; p < 6; p++)
      for (int line = 0; line + 97 < 1 << 14; line += 97)
        for (int s = line; s < line + 96; s++) found += matchHere(patterns[p], text + s);
  return found;
}
