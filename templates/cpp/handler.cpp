// Answers one request: CGI (RFC 3875) in, CGI out.
#include <cstdio>
#include <cstdlib>
#include <string>

// A variable of the request, or "" when it has none of that name.
static std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

// Reads the whole body.
static std::string read_body() {
  std::string body;
  char chunk[65536];
  for (size_t count; (count = std::fread(chunk, 1, sizeof chunk, stdin)) > 0;) body.append(chunk, count);
  return body;
}

int main() {
  std::string body = read_body();
  std::string answer = "Content-Type: text/plain; charset=utf-8\r\n\r\n";
  answer += "Hello from {{name}}!\n";
  answer += variable("REQUEST_METHOD") + " " + variable("SCRIPT_NAME") + variable("PATH_INFO") + "\n";
  answer += "query: " + variable("QUERY_STRING") + "\n";
  answer += "body: " + std::to_string(body.size()) + " bytes\n";
  std::fwrite(answer.data(), 1, answer.size(), stdout);
}
