/* The standard streams of a request, and files beside them. */
#define NO_FCGI_DEFINES 1
#include "fcgi_stdio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* Before the first request: the program's own. */
FCGI_FILE _fcgi_sF[3];

__attribute__((constructor)) static void open_own_streams(void) {
  _fcgi_sF[0].stdio_stream = stdin;
  _fcgi_sF[1].stdio_stream = stdout;
  _fcgi_sF[2].stdio_stream = stderr;
}

int FCGI_Accept(void) {
  FCGX_ParamArray envp;
  FCGX_Stream *in, *out, *err;
  const int error = FCGX_Accept(&in, &out, &err, &envp);
  FCGX_Stream *const streams[] = {in, out, err};
  for (int index = 0; index < 3; index += 1) {
    _fcgi_sF[index].stdio_stream = NULL;
    _fcgi_sF[index].fcgx_stream = streams[index];
  }
  if (error == 0) environ = envp;
  return error;
}

void FCGI_Finish(void) {
  FCGX_Finish();
  for (int index = 0; index < 3; index += 1) _fcgi_sF[index].fcgx_stream = NULL;
}

int FCGI_StartFilterData(void) { return FCGX_StartFilterData(FCGI_stdin->fcgx_stream); }

void FCGI_SetExitStatus(int status) { FCGX_SetExitStatus(status, FCGI_stdin->fcgx_stream); }

void FCGI_perror(const char *text) {
  const char *reason = strerror(errno);
  if (text != NULL && *text != '\0') FCGI_fprintf(FCGI_stderr, "%s: ", text);
  FCGI_fprintf(FCGI_stderr, "%s\n", reason);
}

FCGI_FILE *FCGI_OpenFromFILE(FILE *stream) {
  if (stream == NULL) return NULL;
  FCGI_FILE *file = calloc(1, sizeof *file);
  if (file == NULL) fclose(stream);
  else file->stdio_stream = stream;
  return file;
}

FCGI_FILE *FCGI_fopen(const char *path, const char *mode) {
  return FCGI_OpenFromFILE(fopen(path, mode));
}

FCGI_FILE *FCGI_fdopen(int fd, const char *mode) { return FCGI_OpenFromFILE(fdopen(fd, mode)); }

FCGI_FILE *FCGI_tmpfile(void) {
  char name[64];
  for (int attempt = 0; attempt < 100; attempt += 1) {
    snprintf(name, sizeof name, "/tmp/fcgi-%d-%d", attempt, rand());
    FILE *stream = fopen(name, "w+x");
    if (stream == NULL) continue;
    unlink(name);
    return FCGI_OpenFromFILE(stream);
  }
  return NULL;
}

FCGI_FILE *FCGI_freopen(const char *path, const char *mode, FCGI_FILE *file) {
  if (file->fcgx_stream != NULL) {
    FCGX_FClose(file->fcgx_stream);
    file->fcgx_stream = NULL;
    file->stdio_stream = fopen(path, mode);
  } else if (file->stdio_stream != NULL) {
    file->stdio_stream = freopen(path, mode, file->stdio_stream);
  }
  return file->stdio_stream == NULL ? NULL : file;
}

static int is_standard(const FCGI_FILE *file) { return file >= _fcgi_sF && file < _fcgi_sF + 3; }

int FCGI_fclose(FCGI_FILE *file) {
  int result = EOF;
  if (file->fcgx_stream != NULL) result = FCGX_FClose(file->fcgx_stream);
  else if (file->stdio_stream != NULL) result = fclose(file->stdio_stream);
  file->fcgx_stream = NULL;
  file->stdio_stream = NULL;
  if (!is_standard(file)) free(file);
  return result;
}

int FCGI_fflush(FCGI_FILE *file) {
  if (file == NULL) {
    const int result = fflush(NULL);
    return FCGI_stdout->fcgx_stream == NULL ? result : FCGX_FFlush(FCGI_stdout->fcgx_stream);
  }
  if (file->fcgx_stream != NULL) return FCGX_FFlush(file->fcgx_stream);
  return file->stdio_stream == NULL ? EOF : fflush(file->stdio_stream);
}

int FCGI_fileno(FCGI_FILE *file) {
  return file->stdio_stream == NULL ? -1 : fileno(file->stdio_stream);
}

int FCGI_setvbuf(FCGI_FILE *file, char *buffer, int mode, size_t size) {
  return file->stdio_stream == NULL ? -1 : setvbuf(file->stdio_stream, buffer, mode, size);
}

void FCGI_setbuf(FCGI_FILE *file, char *buffer) {
  if (file->stdio_stream != NULL) setbuf(file->stdio_stream, buffer);
}

int FCGI_fseek(FCGI_FILE *file, long offset, int whence) {
  if (file->stdio_stream != NULL) return fseek(file->stdio_stream, offset, whence);
  errno = ESPIPE;
  return -1;
}

long FCGI_ftell(FCGI_FILE *file) {
  if (file->stdio_stream != NULL) return ftell(file->stdio_stream);
  errno = ESPIPE;
  return -1;
}

void FCGI_rewind(FCGI_FILE *file) {
  if (file->stdio_stream != NULL) rewind(file->stdio_stream);
}

int FCGI_fgetpos(FCGI_FILE *file, fpos_t *position) {
  if (file->stdio_stream != NULL) return fgetpos(file->stdio_stream, position);
  errno = ESPIPE;
  return -1;
}

int FCGI_fsetpos(FCGI_FILE *file, const fpos_t *position) {
  if (file->stdio_stream != NULL) return fsetpos(file->stdio_stream, position);
  errno = ESPIPE;
  return -1;
}

int FCGI_fgetc(FCGI_FILE *file) {
  return file->stdio_stream == NULL ? FCGX_GetChar(file->fcgx_stream) : fgetc(file->stdio_stream);
}

int FCGI_getchar(void) { return FCGI_fgetc(FCGI_stdin); }

int FCGI_ungetc(int c, FCGI_FILE *file) {
  if (file->stdio_stream != NULL) return ungetc(c, file->stdio_stream);
  return FCGX_UnGetChar(c, file->fcgx_stream);
}

char *FCGI_fgets(char *line, int size, FCGI_FILE *file) {
  if (file->stdio_stream != NULL) return fgets(line, size, file->stdio_stream);
  return FCGX_GetLine(line, size, file->fcgx_stream);
}

char *FCGI_gets(char *line) {
  (void)line;
  errno = ENOTSUP;
  return NULL;
}

int FCGI_fputc(int c, FCGI_FILE *file) {
  if (file->stdio_stream != NULL) return fputc(c, file->stdio_stream);
  return FCGX_PutChar(c, file->fcgx_stream);
}

int FCGI_putchar(int c) { return FCGI_fputc(c, FCGI_stdout); }

int FCGI_fputs(const char *text, FCGI_FILE *file) {
  if (file->stdio_stream != NULL) return fputs(text, file->stdio_stream);
  return FCGX_PutS(text, file->fcgx_stream);
}

int FCGI_puts(const char *text) {
  return FCGI_fputs(text, FCGI_stdout) < 0 ? EOF : FCGI_putchar('\n');
}

int FCGI_vfprintf(FCGI_FILE *file, const char *format, va_list arguments) {
  if (file->stdio_stream != NULL) return vfprintf(file->stdio_stream, format, arguments);
  return FCGX_VFPrintF(file->fcgx_stream, format, arguments);
}

int FCGI_vprintf(const char *format, va_list arguments) {
  return FCGI_vfprintf(FCGI_stdout, format, arguments);
}

int FCGI_fprintf(FCGI_FILE *file, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int count = FCGI_vfprintf(file, format, arguments);
  va_end(arguments);
  return count;
}

int FCGI_printf(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int count = FCGI_vprintf(format, arguments);
  va_end(arguments);
  return count;
}

size_t FCGI_fread(void *into, size_t size, size_t count, FCGI_FILE *file) {
  if (file->stdio_stream != NULL) return fread(into, size, count, file->stdio_stream);
  if (size == 0 || count == 0) return 0;
  return (size_t)FCGX_GetStr(into, (int)(size * count), file->fcgx_stream) / size;
}

size_t FCGI_fwrite(const void *from, size_t size, size_t count, FCGI_FILE *file) {
  if (file->stdio_stream != NULL) return fwrite(from, size, count, file->stdio_stream);
  if (size == 0 || count == 0) return 0;
  return FCGX_PutStr(from, (int)(size * count), file->fcgx_stream) < 0 ? 0 : count;
}

int FCGI_feof(FCGI_FILE *file) {
  if (file->stdio_stream != NULL) return feof(file->stdio_stream);
  return FCGX_HasSeenEOF(file->fcgx_stream);
}

int FCGI_ferror(FCGI_FILE *file) {
  if (file->stdio_stream != NULL) return ferror(file->stdio_stream);
  return FCGX_GetError(file->fcgx_stream);
}

void FCGI_clearerr(FCGI_FILE *file) {
  if (file->stdio_stream != NULL) clearerr(file->stdio_stream);
  else FCGX_ClearError(file->fcgx_stream);
}

FCGI_FILE *FCGI_popen(const char *command, const char *type) {
  (void)command;
  (void)type;
  errno = ENOTSUP;
  return NULL;
}

int FCGI_pclose(FCGI_FILE *file) {
  (void)file;
  return -1;
}
