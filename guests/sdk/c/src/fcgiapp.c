/* Requests and their streams. */
#include "fcgiapp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

#include "host.h"

#define BUFFER_BYTES 8192

struct FCGX_Stream {
  FCGX_Request *request;
  int fd;
  bool is_reader;
  bool is_open;
  bool has_ended;
  int error;
  /* Of a reader: what has come and was not taken; of a writer: what was given and has not gone. From `first` to `end`. */
  size_t first;
  size_t end;
  unsigned char buffer[BUFFER_BYTES];
};

/* There is one request at a time, and so one of each. */
static FCGX_Stream streams[3];
static FCGX_Request *current;
static FCGX_Request own;
static bool is_shutting_down;

/* The variables of the request: kept until the next one. */
static char **variables;
static char *texts;

static int fill(FCGX_Stream *stream) {
  if (!stream->is_reader || !stream->is_open || stream->has_ended) return EOF;
  const __wasi_iovec_t piece = {stream->buffer, sizeof stream->buffer};
  __wasi_size_t count = 0;
  const int error = __wasi_fd_read(stream->fd, &piece, 1, &count);
  if (error == 0 && count > 0) {
    stream->first = 0;
    stream->end = count;
    return 0;
  }
  /* The byte before can still be given back. */
  if (error != 0) stream->error = error;
  stream->has_ended = true;
  return EOF;
}

static int send(FCGX_Stream *stream, const unsigned char *bytes, size_t length) {
  while (length > 0) {
    const __wasi_ciovec_t piece = {bytes, length};
    __wasi_size_t count = 0;
    const int error = __wasi_fd_write(stream->fd, &piece, 1, &count);
    if (error != 0) {
      stream->error = error;
      return EOF;
    }
    bytes += count;
    length -= count;
  }
  return 0;
}

static bool can_write(const FCGX_Stream *stream) {
  return stream != NULL && !stream->is_reader && stream->is_open;
}

static void open_stream(int fd, FCGX_Request *request) {
  FCGX_Stream *stream = &streams[fd];
  stream->request = request;
  stream->fd = fd;
  stream->is_reader = fd == 0;
  stream->is_open = true;
  stream->has_ended = false;
  stream->error = 0;
  stream->first = 0;
  stream->end = 0;
}

static int read_variables(void) {
  __wasi_size_t count, bytes;
  if (__wasi_environ_sizes_get(&count, &bytes) != 0) return FCGX_PARAMS_ERROR;
  char **pointers = realloc(variables, (count + 1) * sizeof *pointers);
  if (pointers != NULL) variables = pointers;
  char *space = realloc(texts, bytes + 1);
  if (space != NULL) texts = space;
  if (pointers == NULL || space == NULL) return FCGX_PARAMS_ERROR;
  if (__wasi_environ_get((uint8_t **)pointers, (uint8_t *)space) != 0) return FCGX_PARAMS_ERROR;
  pointers[count] = NULL;
  return 0;
}

static int role_of(FCGX_ParamArray envp) {
  const char *role = FCGX_GetParam("FCGI_ROLE", envp);
  if (role != NULL && strcmp(role, "AUTHORIZER") == 0) return FCGI_AUTHORIZER;
  if (role != NULL && strcmp(role, "FILTER") == 0) return FCGI_FILTER;
  return FCGI_RESPONDER;
}

int FCGX_IsCGI(void) { return 0; }

int FCGX_Init(void) { return 0; }

int FCGX_OpenSocket(const char *path, int backlog) {
  (void)path;
  (void)backlog;
  errno = ENOTSUP;
  return -1;
}

int FCGX_InitRequest(FCGX_Request *request, int sock, int flags) {
  (void)flags;
  memset(request, 0, sizeof *request);
  if (sock == 0) return 0;
  errno = EBADF;
  return -1;
}

void FCGX_ShutdownPending(void) { is_shutting_down = true; }

/* A program that exits in the middle of an answer has answered so far. */
static void finish_at_exit(void) {
  if (current != NULL) FCGX_FFlush(current->err), FCGX_FFlush(current->out);
}

static void finish_current(void) {
  static bool is_registered;
  if (!is_registered) is_registered = atexit(finish_at_exit) == 0;
  FCGX_Finish_r(current);
}

int FCGX_Accept_r(FCGX_Request *request) {
  if (request == NULL) return FCGX_CALL_SEQ_ERROR;
  finish_current();
  if (is_shutting_down) {
    errno = EINTR;
    return -1;
  }
  fcgi_wait_for_request();
  const int error = read_variables();
  if (error != 0) {
    wasm_fpm_finish_request(1);
    return error;
  }
  wasm_fpm_filter_input(0);
  for (int fd = 0; fd < 3; fd += 1) open_stream(fd, request);
  current = request;
  request->requestId = 1;
  request->role = role_of(variables);
  request->in = &streams[0];
  request->out = &streams[1];
  request->err = &streams[2];
  request->envp = variables;
  request->appStatus = 0;
  return 0;
}

void FCGX_Finish_r(FCGX_Request *request) {
  if (request == NULL || request != current) return;
  FCGX_FClose(request->err);
  FCGX_FClose(request->out);
  request->in->is_open = false;
  wasm_fpm_finish_request(request->appStatus);
  request->requestId = 0;
  request->in = NULL;
  request->out = NULL;
  request->err = NULL;
  request->envp = NULL;
  current = NULL;
}

void FCGX_Free(FCGX_Request *request, int close) {
  (void)close;
  FCGX_Finish_r(request);
}

int FCGX_Accept(FCGX_Stream **in, FCGX_Stream **out, FCGX_Stream **err, FCGX_ParamArray *envp) {
  const int error = FCGX_Accept_r(&own);
  *in = own.in;
  *out = own.out;
  *err = own.err;
  *envp = own.envp;
  return error;
}

void FCGX_Finish(void) { FCGX_Finish_r(&own); }

int FCGX_Attach(FCGX_Request *request) {
  (void)request;
  return 0;
}

int FCGX_Detach(FCGX_Request *request) {
  (void)request;
  return 0;
}

int FCGX_StartFilterData(FCGX_Stream *in) {
  if (in == NULL || !in->is_reader || !in->is_open || wasm_fpm_filter_input(1) != 0)
    return FCGX_CALL_SEQ_ERROR;
  open_stream(in->fd, in->request);
  return 0;
}

void FCGX_SetExitStatus(int status, FCGX_Stream *stream) {
  if (stream != NULL && stream->is_open) stream->request->appStatus = status;
}

char *FCGX_GetParam(const char *name, FCGX_ParamArray envp) {
  if (name == NULL || envp == NULL) return NULL;
  const size_t length = strlen(name);
  for (; *envp != NULL; envp += 1)
    if (strncmp(*envp, name, length) == 0 && (*envp)[length] == '=') return *envp + length + 1;
  return NULL;
}

int FCGX_GetChar(FCGX_Stream *stream) {
  if (stream == NULL || !stream->is_reader || !stream->is_open) return EOF;
  if (stream->first == stream->end && fill(stream) == EOF) return EOF;
  return stream->buffer[stream->first++];
}

int FCGX_UnGetChar(int c, FCGX_Stream *stream) {
  if (c == EOF || stream == NULL || !stream->is_reader || !stream->is_open || stream->first == 0)
    return EOF;
  stream->first -= 1;
  stream->buffer[stream->first] = (unsigned char)c;
  return c;
}

int FCGX_GetStr(char *str, int n, FCGX_Stream *stream) {
  if (stream == NULL || !stream->is_reader || !stream->is_open) return 0;
  int done = 0;
  while (done < n) {
    if (stream->first == stream->end && fill(stream) == EOF) break;
    const size_t there = stream->end - stream->first;
    const size_t count = there < (size_t)(n - done) ? there : (size_t)(n - done);
    memcpy(str + done, stream->buffer + stream->first, count);
    stream->first += count;
    done += (int)count;
  }
  return done;
}

char *FCGX_GetLine(char *str, int n, FCGX_Stream *stream) {
  int done = 0;
  while (done < n - 1) {
    const int c = FCGX_GetChar(stream);
    if (c == EOF) break;
    str[done++] = (char)c;
    if (c == '\n') break;
  }
  if (done == 0) return NULL;
  str[done] = '\0';
  return str;
}

int FCGX_HasSeenEOF(FCGX_Stream *stream) {
  return stream == NULL || !stream->is_open || (stream->has_ended && stream->first == stream->end)
             ? EOF
             : 0;
}

int FCGX_PutChar(int c, FCGX_Stream *stream) {
  const char byte = (char)c;
  return FCGX_PutStr(&byte, 1, stream) == 1 ? (unsigned char)c : EOF;
}

int FCGX_PutStr(const char *str, int n, FCGX_Stream *stream) {
  if (!can_write(stream) || n < 0) return EOF;
  const size_t length = (size_t)n;
  if (length > sizeof stream->buffer - stream->end && FCGX_FFlush(stream) == EOF) return EOF;
  if (length >= sizeof stream->buffer)
    return send(stream, (const unsigned char *)str, length) == EOF ? EOF : n;
  memcpy(stream->buffer + stream->end, str, length);
  stream->end += length;
  return n;
}

int FCGX_PutS(const char *str, FCGX_Stream *stream) {
  return FCGX_PutStr(str, (int)strlen(str), stream);
}

int FCGX_FPrintF(FCGX_Stream *stream, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int count = FCGX_VFPrintF(stream, format, arguments);
  va_end(arguments);
  return count;
}

int FCGX_VFPrintF(FCGX_Stream *stream, const char *format, va_list arguments) {
  char small[512];
  va_list again;
  va_copy(again, arguments);
  const int length = vsnprintf(small, sizeof small, format, arguments);
  int count = EOF;
  if (length >= 0 && (size_t)length < sizeof small) count = FCGX_PutStr(small, length, stream);
  else if (length >= 0) {
    char *large = malloc((size_t)length + 1);
    if (large != NULL) {
      vsnprintf(large, (size_t)length + 1, format, again);
      count = FCGX_PutStr(large, length, stream);
      free(large);
    }
  }
  va_end(again);
  return count;
}

int FCGX_FFlush(FCGX_Stream *stream) {
  if (stream != NULL && stream->is_reader) return 0;
  if (!can_write(stream)) return EOF;
  const size_t length = stream->end;
  stream->end = 0;
  return send(stream, stream->buffer, length);
}

int FCGX_FClose(FCGX_Stream *stream) {
  if (stream == NULL || !stream->is_open) return 0;
  const int result = FCGX_FFlush(stream);
  stream->is_open = false;
  return result;
}

int FCGX_GetError(FCGX_Stream *stream) { return stream == NULL ? 0 : stream->error; }

void FCGX_ClearError(FCGX_Stream *stream) {
  if (stream != NULL) stream->error = 0;
}

FCGX_Stream *FCGX_CreateWriter(int socket, int requestId, int bufflen, int streamType) {
  (void)socket;
  (void)requestId;
  (void)bufflen;
  (void)streamType;
  errno = ENOTSUP;
  return NULL;
}

void FCGX_FreeStream(FCGX_Stream **stream) { *stream = NULL; }
