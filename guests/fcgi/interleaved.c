/* The names of fcgiapp.h, over requests of the program's own: two of them, in turns, and one that is given up. */
#include <stdlib.h>
#include <string.h>

#include "fcgiapp.h"

int main(void) {
  FCGX_Request requests[2];
  FCGX_Request elsewhere;
  FCGX_Init();
  FCGX_InitRequest(&requests[0], 0, 0);
  FCGX_InitRequest(&requests[1], 0, FCGI_FAIL_ACCEPT_ON_INTR);
  const int refused = FCGX_OpenSocket(":9000", 5) < 0 && FCGX_InitRequest(&elsewhere, 7, 0) < 0;
  for (int turn = 0; FCGX_Accept_r(&requests[turn % 2]) >= 0; turn += 1) {
    FCGX_Request *request = &requests[turn % 2];
    FCGX_Request *other = &requests[(turn + 1) % 2];
    const char *method = FCGX_GetParam("REQUEST_METHOD", request->envp);
    FCGX_PutS("Content-Type: text/plain\r\n\r\n", request->out);
    FCGX_FPrintF(request->out, "turn %d, role %d, method %s, cgi %d, refused %d, other %d %d\n", turn,
                 request->role, method, FCGX_IsCGI(), refused, other->out == NULL,
                 FCGX_PutS("nowhere", other->out));
    char text[40000];
    const int count = FCGX_GetStr(text, sizeof text, request->in);
    FCGX_PutStr(text, count, request->out);
    FCGX_FPrintF(request->out, "\n%d bytes, at the end %d, error %d\n", count,
                 FCGX_HasSeenEOF(request->in), FCGX_GetError(request->out));
    FCGX_SetExitStatus(turn, request->out);
    if (strcmp(method, "PUT") == 0) FCGX_Finish_r(request);
    if (strcmp(method, "DELETE") == 0) FCGX_ShutdownPending();
  }
  return 0;
}
