/*
 * libfcgi's names for requests and their streams, over wasm-fpm. A program has one request at a time: FCGX_Accept_r ends the one
 * before, whichever FCGX_Request that is in.
 */
#ifndef WASM_FPM_FCGIAPP_H
#define WASM_FPM_FCGIAPP_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Roles. */
#define FCGI_RESPONDER 1
#define FCGI_AUTHORIZER 2
#define FCGI_FILTER 3

/* Flag of FCGX_InitRequest; accepted, and of no meaning here. */
#define FCGI_FAIL_ACCEPT_ON_INTR 1

/* What functions answer besides errno values. */
#define FCGX_UNSUPPORTED_VERSION -2
#define FCGX_PROTOCOL_ERROR -3
#define FCGX_PARAMS_ERROR -4
#define FCGX_CALL_SEQ_ERROR -5

typedef struct FCGX_Stream FCGX_Stream;

/* `NAME=value` each, NULL behind the last. */
typedef char **FCGX_ParamArray;

typedef struct FCGX_Request {
  int requestId; /* 1 while there is a request, else 0 */
  int role;
  FCGX_Stream *in;
  FCGX_Stream *out;
  FCGX_Stream *err;
  FCGX_ParamArray envp;
  int appStatus;
} FCGX_Request;

/* 0: this is never run as a plain CGI program. */
int FCGX_IsCGI(void);
/* 0. */
int FCGX_Init(void);
/* -1 and errno ENOTSUP: sockets are the server's. */
int FCGX_OpenSocket(const char *path, int backlog);
/* 0. `sock` has to be 0, what the server listens at; else -1 and errno EBADF. */
int FCGX_InitRequest(FCGX_Request *request, int sock, int flags);

/*
 * Waits for the next request: 0, or FCGX_CALL_SEQ_ERROR before FCGX_InitRequest. What follows the first call runs for every request
 * (docs/abi.md). The last request is finished first.
 */
int FCGX_Accept_r(FCGX_Request *request);
/* Ends the answer; the program may go on. A second time, and without a request: nothing. */
void FCGX_Finish_r(FCGX_Request *request);
/* As FCGX_Finish_r, which gives everything back. */
void FCGX_Free(FCGX_Request *request, int close);

/* The same over a request of the library's own. */
int FCGX_Accept(FCGX_Stream **in, FCGX_Stream **out, FCGX_Stream **err, FCGX_ParamArray *envp);
void FCGX_Finish(void);

/* Goes over from FCGI_STDIN to FCGI_DATA: 0, or FCGX_CALL_SEQ_ERROR where the request is no Filter's, or the second time. */
int FCGX_StartFilterData(FCGX_Stream *in);
/* What the request is ended with (the application status of FCGI_END_REQUEST). `stream`: any of the request. */
void FCGX_SetExitStatus(int status, FCGX_Stream *stream);

/* The value of a variable; NULL: there is none of that name. */
char *FCGX_GetParam(const char *name, FCGX_ParamArray envp);

/* Reading. EOF (-1) is the end of input, or an error. */
int FCGX_GetChar(FCGX_Stream *stream);
/* Gives the byte that was read last back: `c`, or EOF where there is none. */
int FCGX_UnGetChar(int c, FCGX_Stream *stream);
/* How many bytes there were: fewer than `n` at the end. */
int FCGX_GetStr(char *str, int n, FCGX_Stream *stream);
/* A line with its newline, at most `n` - 1 bytes; NULL at the end. */
char *FCGX_GetLine(char *str, int n, FCGX_Stream *stream);
/* EOF once the end has been read, else 0. */
int FCGX_HasSeenEOF(FCGX_Stream *stream);

/* Writing. EOF (-1): an error, or the stream is closed. */
int FCGX_PutChar(int c, FCGX_Stream *stream);
int FCGX_PutStr(const char *str, int n, FCGX_Stream *stream);
int FCGX_PutS(const char *str, FCGX_Stream *stream);
int FCGX_FPrintF(FCGX_Stream *stream, const char *format, ...);
int FCGX_VFPrintF(FCGX_Stream *stream, const char *format, va_list arguments);
int FCGX_FFlush(FCGX_Stream *stream);

int FCGX_FClose(FCGX_Stream *stream);
/* An errno value, or FCGX_...; 0: none. */
int FCGX_GetError(FCGX_Stream *stream);
void FCGX_ClearError(FCGX_Stream *stream);

/* NULL: there are no other connections to write to. */
FCGX_Stream *FCGX_CreateWriter(int socket, int requestId, int bufflen, int streamType);
void FCGX_FreeStream(FCGX_Stream **stream);

/* From here on FCGX_Accept_r answers -1, and errno is EINTR. */
void FCGX_ShutdownPending(void);
/* 0: connections are the server's. */
int FCGX_Attach(FCGX_Request *request);
int FCGX_Detach(FCGX_Request *request);

#ifdef __cplusplus
}
#endif

#endif
