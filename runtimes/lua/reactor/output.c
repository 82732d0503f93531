/* What an application answers, gathered until it is worth a write, or has to go. */
#include "reactor.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define GATHERED_BYTES 65536

static char gathered[GATHERED_BYTES];
static size_t gathered_bytes;
static bool is_under_way;

static void write_all(lua_State *L, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t part = write(STDOUT_FILENO, bytes, size);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) luaL_error(L, "the answer cannot be sent: %s", strerror(errno));
    is_under_way = true;
    bytes += part;
    size -= part;
  }
}

/* flush() */
static int flush(lua_State *L) {
  size_t size = gathered_bytes;
  gathered_bytes = 0;
  write_all(L, gathered, size);
  return 0;
}

/* put(string, ...) */
static int put(lua_State *L) {
  int count = lua_gettop(L);
  for (int at = 1; at <= count; at++) {
    size_t size;
    const char *bytes = luaL_checklstring(L, at, &size);
    if (gathered_bytes + size > GATHERED_BYTES) flush(L);
    if (size > GATHERED_BYTES) {
      write_all(L, bytes, size);
    } else {
      memcpy(gathered + gathered_bytes, bytes, size);
      gathered_bytes += size;
    }
  }
  return 0;
}

/* Begins an answer: drops what is gathered of another. */
static int drop(lua_State *L) {
  (void)L;
  gathered_bytes = 0;
  return 0;
}

/* Whether a part of it has been sent, which cannot be taken back. */
static int get_under_way(lua_State *L) {
  lua_pushboolean(L, is_under_way);
  return 1;
}

static const luaL_Reg FUNCTIONS[] = {{"put", put}, {"flush", flush}, {"drop", drop}, {"is_under_way", get_under_way}, {NULL, NULL}};

void wasm_fpm_push_output(lua_State *L) {
  luaL_newlib(L, FUNCTIONS);
}
