/*
 * libfcgi's standard streams, over wasm-fpm: what a CGI program prints and reads is the request's, once FCGI_Accept has answered.
 * Without NO_FCGI_DEFINES, the names of <stdio.h> mean these functions. Include it instead of <stdio.h>, or after it.
 */
#ifndef WASM_FPM_FCGI_STDIO_H
#define WASM_FPM_FCGI_STDIO_H

#include <stdio.h>
#include <sys/types.h>

#include "fcgiapp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One of the two is there; neither: it is closed. */
typedef struct FCGI_FILE {
  FILE *stdio_stream;
  FCGX_Stream *fcgx_stream;
} FCGI_FILE;

extern FCGI_FILE _fcgi_sF[];

#define FCGI_stdin (&_fcgi_sF[0])
#define FCGI_stdout (&_fcgi_sF[1])
#define FCGI_stderr (&_fcgi_sF[2])

#define FCGI_ToFILE(file) ((file)->stdio_stream)
#define FCGI_ToFcgiStream(file) ((file)->fcgx_stream)

/* As FCGX_Accept; the request's variables are the environment then. */
int FCGI_Accept(void);
void FCGI_Finish(void);
int FCGI_StartFilterData(void);
void FCGI_SetExitStatus(int status);

/* As their namesakes. Of the request's streams none can be sought in, or have another buffer: EOF (-1). */
void FCGI_perror(const char *text);
FCGI_FILE *FCGI_OpenFromFILE(FILE *stream);
FCGI_FILE *FCGI_fopen(const char *path, const char *mode);
FCGI_FILE *FCGI_freopen(const char *path, const char *mode, FCGI_FILE *file);
FCGI_FILE *FCGI_fdopen(int fd, const char *mode);
FCGI_FILE *FCGI_tmpfile(void);
int FCGI_fclose(FCGI_FILE *file);
int FCGI_fflush(FCGI_FILE *file);
int FCGI_fileno(FCGI_FILE *file);
int FCGI_setvbuf(FCGI_FILE *file, char *buffer, int mode, size_t size);
void FCGI_setbuf(FCGI_FILE *file, char *buffer);
int FCGI_fseek(FCGI_FILE *file, long offset, int whence);
long FCGI_ftell(FCGI_FILE *file);
void FCGI_rewind(FCGI_FILE *file);
int FCGI_fgetpos(FCGI_FILE *file, fpos_t *position);
int FCGI_fsetpos(FCGI_FILE *file, const fpos_t *position);
int FCGI_fgetc(FCGI_FILE *file);
int FCGI_getchar(void);
int FCGI_ungetc(int c, FCGI_FILE *file);
char *FCGI_fgets(char *line, int size, FCGI_FILE *file);
/* NULL: nobody can call it safely. */
char *FCGI_gets(char *line);
int FCGI_fputc(int c, FCGI_FILE *file);
int FCGI_putchar(int c);
int FCGI_fputs(const char *text, FCGI_FILE *file);
int FCGI_puts(const char *text);
int FCGI_fprintf(FCGI_FILE *file, const char *format, ...);
int FCGI_printf(const char *format, ...);
int FCGI_vfprintf(FCGI_FILE *file, const char *format, va_list arguments);
int FCGI_vprintf(const char *format, va_list arguments);
size_t FCGI_fread(void *into, size_t size, size_t count, FCGI_FILE *file);
size_t FCGI_fwrite(const void *from, size_t size, size_t count, FCGI_FILE *file);
int FCGI_feof(FCGI_FILE *file);
int FCGI_ferror(FCGI_FILE *file);
void FCGI_clearerr(FCGI_FILE *file);
/* NULL and errno ENOTSUP, -1: there are no processes. */
FCGI_FILE *FCGI_popen(const char *command, const char *type);
int FCGI_pclose(FCGI_FILE *file);

#ifdef __cplusplus
}
#endif

#ifndef NO_FCGI_DEFINES

#undef FILE
#undef stdin
#undef stdout
#undef stderr
#undef getc
#undef putc
#undef getchar
#undef putchar
#undef feof
#undef ferror
#undef clearerr
#undef fileno

#define FILE FCGI_FILE
#define stdin FCGI_stdin
#define stdout FCGI_stdout
#define stderr FCGI_stderr

#define perror FCGI_perror
#define fopen FCGI_fopen
#define freopen FCGI_freopen
#define fdopen FCGI_fdopen
#define tmpfile FCGI_tmpfile
#define fclose FCGI_fclose
#define fflush FCGI_fflush
#define fileno FCGI_fileno
#define setvbuf FCGI_setvbuf
#define setbuf FCGI_setbuf
#define fseek FCGI_fseek
#define ftell FCGI_ftell
#define rewind FCGI_rewind
#define fgetpos FCGI_fgetpos
#define fsetpos FCGI_fsetpos
#define fgetc FCGI_fgetc
#define getc FCGI_fgetc
#define getchar FCGI_getchar
#define ungetc FCGI_ungetc
#define fgets FCGI_fgets
#define gets FCGI_gets
#define fputc FCGI_fputc
#define putc FCGI_fputc
#define putchar FCGI_putchar
#define fputs FCGI_fputs
#define puts FCGI_puts
#define fprintf FCGI_fprintf
#define printf FCGI_printf
#define vfprintf FCGI_vfprintf
#define vprintf FCGI_vprintf
#define fread FCGI_fread
#define fwrite FCGI_fwrite
#define feof FCGI_feof
#define ferror FCGI_ferror
#define clearerr FCGI_clearerr
#define popen FCGI_popen
#define pclose FCGI_pclose

#endif
#endif
