// The handler of ../README.md in C++: a CGI program.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace {

using std::optional;
using std::string;
using std::string_view;
using Fields = std::map<string, string, std::less<>>;

/// Most that a greeting's body may have, in bytes.
constexpr size_t BODY_BYTES = 65536;

/// A variable of the request, or "" when it has none of that name.
string_view variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

bool starts_with(string_view text, string_view start) { return text.substr(0, start.size()) == start; }

/// So many hexadecimal digits at the beginning of `in`, which are taken.
optional<uint32_t> take_hex(string_view &in, size_t digits) {
  if (in.size() < digits) return {};
  uint32_t value = 0;
  for (char digit : in.substr(0, digits)) {
    if (!std::isxdigit(static_cast<unsigned char>(digit))) return {};
    value = value << 4 | static_cast<uint32_t>(digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10);
  }
  in.remove_prefix(digits);
  return value;
}

string utf8(uint32_t point) {
  static constexpr unsigned char FIRST[] = {0, 0xc0, 0xe0, 0xf0};
  int more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  string bytes(1, static_cast<char>(FIRST[more] | point >> (6 * more)));
  while (more-- > 0) bytes += static_cast<char>(0x80 | (point >> (6 * more) & 0x3f));
  return bytes;
}

/// JSON: one object, whose values are texts (RFC 8259).
class JsonReader {
 public:
  explicit JsonReader(string_view text) : in(text) {}

  optional<Fields> read() {
    Fields fields;
    if (!take('{')) return {};
    do {
      auto name = read_text();
      if (!name || !take(':')) return {};
      auto value = read_text();
      if (!value) return {};
      fields[*name] = *value;
    } while (take(','));
    if (!take('}')) return {};
    skip_space();
    if (!in.empty()) return {};
    return fields;
  }

 private:
  string_view in;

  void skip_space() { in.remove_prefix(std::min(in.find_first_not_of(" \t\r\n"), in.size())); }

  bool take(char wanted) {
    skip_space();
    if (in.empty() || in.front() != wanted) return false;
    in.remove_prefix(1);
    return true;
  }

  optional<string> read_text() {
    if (!take('"')) return {};
    string text;
    while (!in.empty() && in.front() != '"') {
      char byte = in.front();
      in.remove_prefix(1);
      if (static_cast<unsigned char>(byte) < 0x20) return {};
      auto part = byte == '\\' ? read_escape() : string(1, byte);
      if (!part) return {};
      text += *part;
    }
    return take('"') ? optional(text) : std::nullopt;
  }

  optional<string> read_escape() {
    static constexpr string_view NAMES = "\"\\/bfnrt", MEANT = "\"\\/\b\f\n\r\t";
    if (in.empty()) return {};
    char escape = in.front();
    in.remove_prefix(1);
    if (escape != 'u') {
      size_t found = NAMES.find(escape);
      return found == NAMES.npos ? std::nullopt : optional(string(1, MEANT[found]));
    }
    auto point = take_hex(in, 4);
    if (!point) return {};
    if (*point >= 0xd800 && *point < 0xdc00 && starts_with(in, "\\u")) {
      string_view rest = in.substr(2);
      auto low = take_hex(rest, 4);
      if (low && *low >= 0xdc00 && *low < 0xe000) {
        in = rest;
        return utf8(0x10000 + ((*point - 0xd800) << 10) + (*low - 0xdc00));
      }
    }
    return utf8(*point >= 0xd800 && *point < 0xe000 ? 0xfffd : *point);
  }
};

string decoded(string_view text) {
  string bytes;
  while (!text.empty()) {
    char byte = text.front();
    text.remove_prefix(1);
    auto escaped = byte == '%' ? take_hex(text, 2) : std::nullopt;
    bytes += escaped ? static_cast<char>(*escaped) : byte == '+' ? ' ' : byte;
  }
  return bytes;
}

string encoded(string_view text) {
  string bytes;
  for (unsigned char byte : text) {
    static constexpr string_view PLAIN = "-_.~";
    char escaped[4];
    std::snprintf(escaped, sizeof escaped, "%%%02X", byte);
    bool is_plain = std::isalnum(byte) || PLAIN.find(static_cast<char>(byte)) != PLAIN.npos;
    bytes += is_plain ? string(1, static_cast<char>(byte)) : escaped;
  }
  return bytes;
}

/// Pairs of a form or of cookies; of a name that is there twice the first counts.
Fields read_pairs(string_view text, char separator) {
  Fields fields;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    size_t equals = pair.find('=');
    if (equals != pair.npos) fields.emplace(decoded(pair.substr(0, equals)), decoded(pair.substr(equals + 1)));
  }
  return fields;
}

string json_text(string_view text) {
  string out = "\"";
  for (char byte : text) {
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned char>(byte));
    if (byte == '"' || byte == '\\') out += '\\';
    out += static_cast<unsigned char>(byte) < 0x20 ? escaped : string(1, byte);
  }
  return out + '"';
}

void print(string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void refuse(string_view status, string_view why) {
  print("Status: " + string(status) + "\r\nContent-Type: application/json\r\n\r\n{\"error\":\"" + string(why) + "\"}\n");
}

void greet(string_view name) { print("Content-Type: application/json\r\n\r\n{\"hello\":" + json_text(name) + "}\n"); }

void greeting() {
  Fields cookies = read_pairs(variable("HTTP_COOKIE"), ';');
  auto name = cookies.find("name");
  greet(name == cookies.end() ? "stranger" : name->second);
}

void remember() {
  string_view type = variable("CONTENT_TYPE");
  bool is_json = starts_with(type, "application/json");
  if (!is_json && !starts_with(type, "application/x-www-form-urlencoded"))
    return refuse("415 Unsupported Media Type", "wanted JSON or a form");
  string body(BODY_BYTES + 1, '\0');
  body.resize(std::fread(body.data(), 1, body.size(), stdin));
  if (body.size() > BODY_BYTES) return refuse("413 Content Too Large", "too long");
  auto fields = is_json ? JsonReader(body).read() : read_pairs(body, '&');
  auto name = fields ? fields->find("name") : Fields::iterator();
  if (!fields || name == fields->end()) return refuse("400 Bad Request", "wanted a name");
  print("Set-Cookie: name=" + encoded(name->second) + "; Path=/; HttpOnly; SameSite=Lax\r\n");
  greet(name->second);
}

void upload() {
  static unsigned char chunk[65536];
  uint64_t bytes = 0;
  uint32_t sum = 2166136261u;
  for (size_t count; (count = std::fread(chunk, 1, sizeof chunk, stdin)) > 0; bytes += count)
    for (size_t i = 0; i < count; i++) sum = (sum ^ chunk[i]) * 16777619u;
  std::printf("Content-Type: application/json\r\n\r\n{\"bytes\":%llu,\"fnv1a\":\"%08x\"}\n", static_cast<unsigned long long>(bytes), static_cast<unsigned>(sum));
}

/// Line by line: each goes out when it has come.
void stream() {
  print("Content-Type: text/plain\r\n\r\n");
  for (int byte; (byte = std::getchar()) != EOF;) {
    std::putchar(std::toupper(byte));
    if (byte == '\n') std::fflush(stdout);
  }
}

const std::map<string_view, std::map<string_view, void (*)()>> ROUTES = {
  {"/greeting", {{"GET", greeting}, {"POST", remember}}},
  {"/upload", {{"POST", upload}}},
  {"/stream", {{"POST", stream}}},
};

}  // namespace

int main() {
  auto route = ROUTES.find(variable("PATH_INFO"));
  if (route == ROUTES.end()) return refuse("404 Not Found", "no such route"), 0;
  auto answer = route->second.find(variable("REQUEST_METHOD"));
  if (answer == route->second.end()) return refuse("405 Method Not Allowed", "no such method"), 0;
  answer->second();
}
