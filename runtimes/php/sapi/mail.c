/*
 * mail(): what PHP would give to a program on its standard input goes to the SMTP server (RFC 5321) that the settings SMTP and smtp_port
 * name, as on Windows: there are no programs. As sendmail -t does, it takes those who are to get it from the headers.
 */
#include "sapi.h"

#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "ext/date/php_date.h"
#include "ext/random/php_random.h"
#include "ext/standard/file.h"
#include "php_network.h"
#include "zend_smart_str.h"

#define MOST_RECIPIENTS 100
/* Without its end (RFC 5321, 4.5.3.1.5). */
#define MOST_REPLY_BYTES 510
#define DATE "D, d M Y H:i:s O"
#define ID_BYTES 16
#define BLANKS " \t"

/* Of the mail that is being written: one at a time. In Zend's memory, whose limit is the program's. */
static smart_str text;
static char *envelope_sender;

struct dialog {
  php_stream *stream;
  /* What the server has said last. */
  char reply[MOST_REPLY_BYTES + 3];
};

/* An address of the options -f or -r; NULL: none. */
static char *sender_of(const char *command) {
  const char *option = strstr(command, " -f");
  if (option == NULL) option = strstr(command, " -r");
  if (option == NULL) return NULL;
  option += 3 + strspn(option + 3, " '\"");
  size_t length = strcspn(option, " '\"");
  return length == 0 ? NULL : estrndup(option, length);
}

static const char *text_end(void) { return ZSTR_VAL(text.s) + ZSTR_LEN(text.s); }

/* Stands in for popen: what is appended to the answer is kept until wasm_fpm_send_mail. */
smart_str *wasm_fpm_open_mail(const char *command) {
  text = (smart_str){0};
  envelope_sender = sender_of(command);
  return &text;
}

/* The line that begins at `from`, without its end, and where the next one begins. A lone CR ends one, too: to servers it may. */
static const char *next_line(const char *from, const char *end, size_t *length) {
  const char *at = from;
  while (at < end && *at != '\r' && *at != '\n') at++;
  *length = at - from;
  if (at < end && *at == '\r' && at + 1 < end && at[1] == '\n') at++;
  return at < end ? at + 1 : end;
}

/* The value of a header, its further lines with it; the caller's to free. NULL: there is none. `at` goes on behind it. */
static char *next_header(const char **at, const char *name) {
  const char *end = text_end();
  size_t length, name_length = strlen(name);
  for (const char *line = *at; line < end;) {
    const char *next = next_line(line, end, &length);
    if (length == 0) break;
    bool is_it = length > name_length && line[name_length] == ':' && strncasecmp(line, name, name_length) == 0;
    smart_str value = {0};
    if (is_it) smart_str_appendl(&value, line + name_length + 1, length - name_length - 1);
    while (next < end && (*next == ' ' || *next == '\t')) {
      const char *more = next_line(next, end, &length);
      if (is_it) smart_str_appendl(&value, next, length);
      next = more;
    }
    *at = next;
    if (is_it) {
      smart_str_0(&value);
      char *copy = estrdup(value.s == NULL ? "" : ZSTR_VAL(value.s));
      smart_str_free(&value);
      return copy;
    }
    line = next;
  }
  return NULL;
}

static char *header(const char *name) {
  const char *at = ZSTR_VAL(text.s);
  return next_header(&at, name);
}

static bool has_header(const char *name) {
  char *found = header(name);
  if (found != NULL) efree(found);
  return found != NULL;
}

/* A copy without blanks at its ends; NULL: there is nothing else. */
static char *trimmed(const char *from) {
  from += strspn(from, BLANKS);
  size_t length = strlen(from);
  while (length > 0 && strchr(BLANKS, from[length - 1]) != NULL) length--;
  return length == 0 ? NULL : estrndup(from, length);
}

/* Whether it can stand between < and >: blanks and these are for what is quoted. */
static bool is_address(const char *address) {
  bool is_quoted = false;
  for (const char *at = address; *at != '\0'; at++) {
    if (iscntrl((unsigned char)*at)) return false;
    if (*at == '\\' && at[1] != '\0') at++;
    else if (*at == '"') is_quoted = !is_quoted;
    else if (!is_quoted && strchr(" <>", *at) != NULL) return false;
  }
  return !is_quoted;
}

/* Takes the next address off a list of mailboxes (RFC 5322, 3.4): NULL at its end. */
static char *next_address(char **list) {
  char *from = *list;
  while (*from != '\0') {
    smart_str plain = {0}, inside = {0};
    bool is_quoted = false, is_inside = false, has_inside = false;
    int comments = 0;
    char *at = from;
    for (; *at != '\0'; at++) {
      if (*at == '\\' && (is_quoted || comments > 0) && at[1] != '\0') {
        if (comments == 0) smart_str_appendl(is_inside ? &inside : &plain, at, 2);
        at++;
        continue;
      }
      if (*at == '"' && comments == 0) is_quoted = !is_quoted;
      if (!is_quoted) {
        if (*at == '(') { comments++; continue; }
        if (*at == ')' && comments > 0) { comments--; continue; }
        if (comments > 0) continue;
        if (*at == '<') { is_inside = has_inside = true; continue; }
        if (*at == '>') { is_inside = false; continue; }
        if ((*at == ',' || *at == ';') && !is_inside) break;
        if (*at == ':' && !is_inside) { smart_str_free(&plain); continue; } /* the name of a group */
      }
      if (comments == 0) smart_str_appendc(is_inside ? &inside : &plain, *at);
    }
    from = *list = *at == '\0' ? at : at + 1;
    smart_str *found = has_inside ? &inside : &plain;
    smart_str_0(found);
    char *address = found->s == NULL ? NULL : trimmed(ZSTR_VAL(found->s));
    smart_str_free(&plain);
    smart_str_free(&inside);
    if (address != NULL) return address;
  }
  return NULL;
}

/* It is our side that cannot go on. Answers false. */
static bool fails(struct dialog *dialog, const char *why) {
  strcpy(dialog->reply, why);
  return false;
}

/* Reads an answer of one or more lines: whether it begins with `wanted`. */
static bool hears(struct dialog *dialog, char wanted) {
  do {
    if (php_stream_get_line(dialog->stream, dialog->reply, sizeof dialog->reply, NULL) == NULL) {
      return fails(dialog, "none");
    }
  } while (strlen(dialog->reply) > 3 && dialog->reply[3] == '-');
  dialog->reply[strcspn(dialog->reply, "\r\n")] = '\0';
  return dialog->reply[0] == wanted;
}

static bool says(struct dialog *dialog, char wanted, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  zend_string *line = zend_vstrpprintf(0, format, arguments);
  va_end(arguments);
  php_stream_write(dialog->stream, ZSTR_VAL(line), ZSTR_LEN(line));
  zend_string_release(line);
  return hears(dialog, wanted);
}

/* All of them, each once told to the server. */
static bool tell_recipients(struct dialog *dialog) {
  static const char *const HEADERS[] = {"To", "Cc", "Bcc"};
  int count = 0;
  for (size_t index = 0; index < sizeof HEADERS / sizeof *HEADERS; index++) {
    const char *at = ZSTR_VAL(text.s);
    for (char *value; (value = next_header(&at, HEADERS[index])) != NULL; efree(value)) {
      char *list = value;
      for (char *address; (address = next_address(&list)) != NULL; efree(address)) {
        if (++count > MOST_RECIPIENTS) return fails(dialog, "too many recipients");
        if (!is_address(address)) return fails(dialog, "not asked, an address is none");
        if (!says(dialog, '2', "RCPT TO:<%s>\r\n", address)) return false;
      }
    }
  }
  return count > 0 || fails(dialog, "nobody is to get it");
}

/* What sendmail adds where it is missing. */
static void add_missing(smart_str *mail, const char *sender) {
  if (!has_header("From")) smart_str_append_printf(mail, "From: %s\r\n", sender);
  if (!has_header("Date")) {
    zend_string *date = php_format_date(DATE, strlen(DATE), time(NULL), 1);
    smart_str_append_printf(mail, "Date: %s\r\n", ZSTR_VAL(date));
    zend_string_release(date);
  }
  if (has_header("Message-ID")) return;
  unsigned char id[ID_BYTES] = {0};
  php_random_bytes_silent(id, sizeof id);
  smart_str_appends(mail, "Message-ID: <");
  for (size_t index = 0; index < sizeof id; index++) smart_str_append_printf(mail, "%02x", id[index]);
  const char *at_sign = strrchr(sender, '@');
  smart_str_append_printf(mail, "@%s>\r\n", at_sign == NULL ? "localhost" : at_sign + 1);
}

/* As it goes over the wire: lines end with CRLF, a dot that one begins with is doubled (RFC 5321, 4.5.2), and nobody sees a Bcc. */
static void put_text(smart_str *mail) {
  const char *end = text_end();
  bool is_head = true, is_hidden = false;
  size_t length;
  for (const char *line = ZSTR_VAL(text.s); line < end;) {
    const char *next = next_line(line, end, &length);
    if (length == 0) is_head = false;
    bool goes_on = length > 0 && (*line == ' ' || *line == '\t');
    if (is_head && !goes_on) is_hidden = length > 3 && strncasecmp(line, "Bcc:", 4) == 0;
    if (!is_head || !is_hidden) {
      if (length > 0 && *line == '.') smart_str_appendc(mail, '.');
      smart_str_appendl(mail, line, length);
      smart_str_appends(mail, "\r\n");
    }
    line = next;
  }
}

static bool converse(struct dialog *dialog, const char *sender) {
  if (!hears(dialog, '2')) return false;
  const char *name = getenv("SERVER_NAME");
  if (name == NULL || *name == '\0' || strpbrk(name, " \t\r\n") != NULL) name = "localhost";
  if (!says(dialog, '2', "EHLO %s\r\n", name) && !says(dialog, '2', "HELO %s\r\n", name)) return false;
  if (!says(dialog, '2', "MAIL FROM:<%s>\r\n", sender)) return false;
  if (!tell_recipients(dialog) || !says(dialog, '3', "DATA\r\n")) return false;
  smart_str mail = {0};
  add_missing(&mail, sender);
  put_text(&mail);
  smart_str_appends(&mail, ".\r\n");
  smart_str_0(&mail);
  php_stream_write(dialog->stream, ZSTR_VAL(mail.s), ZSTR_LEN(mail.s));
  smart_str_free(&mail);
  bool is_taken = hears(dialog, '2');
  php_stream_write_string(dialog->stream, "QUIT\r\n");
  return is_taken;
}

/* -f, the setting sendmail_from, or who the mail says that it is from. */
static char *find_sender(void) {
  if (envelope_sender != NULL) return estrdup(envelope_sender);
  char *from = INI_STR("sendmail_from");
  char *list = from != NULL && *from != '\0' ? estrdup(from) : header("From");
  char *rest = list, *address = list == NULL ? NULL : next_address(&rest);
  if (list != NULL) efree(list);
  return address;
}

static bool deliver(const char *sender) {
  struct dialog dialog = {0};
  const char *host = INI_STR("SMTP");
  zend_long port = INI_INT("smtp_port");
  char *address;
  size_t length = spprintf(&address, 0, strchr(host, ':') == NULL ? "tcp://%s:" ZEND_LONG_FMT : "tcp://[%s]:" ZEND_LONG_FMT, host, port);
  struct timeval timeout = {.tv_sec = (time_t)FG(default_socket_timeout)};
  zend_string *why = NULL;
  dialog.stream = php_stream_xport_create(address, length, 0, STREAM_XPORT_CLIENT | STREAM_XPORT_CONNECT, NULL, &timeout, NULL,
                                          &why, NULL);
  efree(address);
  if (dialog.stream == NULL) {
    php_error_docref(NULL, E_WARNING,
                     "Failed to connect to mailserver at \"%s\" port " ZEND_LONG_FMT
                     ", verify your \"SMTP\" and \"smtp_port\" setting in php.ini or use ini_set() (%s)",
                     host, port, why == NULL ? "unknown" : ZSTR_VAL(why));
    if (why != NULL) zend_string_release(why);
    return false;
  }
  bool is_sent = converse(&dialog, sender);
  if (!is_sent) php_error_docref(NULL, E_WARNING, "SMTP server response: %s", dialog.reply);
  php_stream_close(dialog.stream);
  return is_sent;
}

/* Stands in for pclose: 0, or not 0, and a warning says why. */
int wasm_fpm_send_mail(smart_str *mail) {
  smart_str_0(mail);
  char *sender = find_sender();
  bool is_whole = sender != NULL && is_address(sender);
  if (!is_whole) {
    php_error_docref(NULL, E_WARNING, "\"sendmail_from\" not set in php.ini or custom \"From:\" header missing");
  }
  bool is_sent = is_whole && deliver(sender);
  if (sender != NULL) efree(sender);
  if (envelope_sender != NULL) efree(envelope_sender);
  envelope_sender = NULL;
  smart_str_free(&text);
  return is_sent ? 0 : 1;
}
