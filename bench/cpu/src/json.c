// Parses a JSON text by recursive descent and adds up what it finds.
static char text[1 << 16];
static int length;
static const char *at;
static void put(const char *s) {
  while (*s) text[length++] = *s++;
}
static void make(void) {
  length = 0;
  put("[");
  for (int i = 0; length < 60000; i++) {
    put(i ? ",{\"id\":" : "{\"id\":");
    char digits[8];
    int n = 0;
    for (int v = i * 7919 % 100000 + 1; v; v /= 10) digits[n++] = '0' + v % 10;
    while (n) text[length++] = digits[--n];
    put(",\"name\":\"item \\u0041 of \\\"many\\\"\",\"tags\":[\"one\",\"two\",[true,false,null]],\"deep\":{\"x\":-1.5e3,\"y\":0.25}}");
  }
  put("]");
  text[length] = 0;
}
static void space(void) {
  while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') at++;
}
static int string(void) {
  int sum = 0;
  at++;
  while (*at != '"') {
    if (*at == '\\') {
      at++;
      if (*at == 'u') {
        int code = 0;
        for (int i = 1; i <= 4; i++) code = code * 16 + (at[i] <= '9' ? at[i] - '0' : (at[i] | 32) - 'a' + 10);
        at += 4;
        sum += code;
      }
    }
    sum = sum * 31 + *at++;
  }
  at++;
  return sum;
}
static int number(void) {
  double value = 0, scale = 1;
  int negative = *at == '-';
  if (negative) at++;
  while (*at >= '0' && *at <= '9') value = value * 10 + (*at++ - '0');
  if (*at == '.')
    for (at++; *at >= '0' && *at <= '9'; at++) value += (*at - '0') * (scale /= 10);
  if (*at == 'e') {
    int exponent = 0;
    for (at++; *at >= '0' && *at <= '9'; at++) exponent = exponent * 10 + (*at - '0');
    while (exponent--) value *= 10;
  }
  return (int)(negative ? -value : value);
}
static int value(void) {
  int sum = 0;
  space();
  switch (*at) {
  case '{':
    for (at++; *at != '}';) {
      sum ^= string();
      at++;
      sum += value();
      if (*at == ',') at++;
    }
    at++;
    return sum;
  case '[':
    for (at++; *at != ']';) {
      sum += value();
      if (*at == ',') at++;
    }
    at++;
    return sum;
  case '"':
    return string();
  case 't':
  case 'n':
    at += 4;
    return 1;
  case 'f':
    at += 5;
    return 0;
  default:
    return number();
  }
}
__attribute__((export_name("run"))) int run(int rounds) {
  int sum = 0;
  make();
  for (int round = 0; round < rounds; round++) {
    at = text;
    sum += value();
  }
  return sum;
}
