/*
 * Lua starts once (wasm_fpm_boot), an application is loaded, and requests are run ahead (wasm_fpm_warm), and each request starts from
 * the memory as these have left it (wasm_fpm_handle). What a request is, is said in Lua: library/requests.lua.
 */
#include "reactor.h"

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define OUTPUT_BYTES 65536

/* Of wasi-libc: reads the environment anew, which is another one in each run. */
void __wasilibc_initialize_environ(void);

static const char REQUESTS[] = {
#embed "requests.lua"
};

static lua_State *L;
static char output[OUTPUT_BYTES];
/* What requests.lua answers. */
static int functions;

/* An error with the way to it. */
static int tell(lua_State *state) {
  const char *message = lua_tostring(state, 1);
  if (message == NULL && luaL_callmeta(state, 1, "__tostring")) message = lua_tostring(state, -1);
  if (message == NULL) message = lua_pushfstring(state, "(error object is a %s value)", luaL_typename(state, 1));
  luaL_traceback(state, state, message, 1);
  return 1;
}

static _Noreturn void give_up(void) {
  fprintf(stderr, "lua: %s\n", lua_tostring(L, -1));
  _exit(1);
}

/* Calls the function of requests.lua, with the arguments that are on the stack. Answers its code. */
static int call(const char *name, int arguments) {
  int at = lua_gettop(L) - arguments + 1;
  lua_pushcfunction(L, tell);
  lua_insert(L, at);
  lua_rawgeti(L, LUA_REGISTRYINDEX, functions);
  lua_getfield(L, -1, name);
  lua_replace(L, -2);
  lua_insert(L, at + 1);
  if (lua_pcall(L, arguments, 1, at) != LUA_OK) give_up();
  int code = (int)lua_tointeger(L, -1);
  lua_settop(L, at - 1);
  return code;
}

static int run_protected(lua_CFunction function) {
  lua_pushcfunction(L, tell);
  lua_pushcfunction(L, function);
  if (lua_pcall(L, 0, 0, -2) != LUA_OK) give_up();
  lua_settop(L, 0);
  return 0;
}

static int change_folder(lua_State *state) {
  const char *folder = luaL_checkstring(state, 1);
  if (chdir(folder) != 0) return luaL_error(state, "cannot go to %s: %s", folder, strerror(errno));
  return 0;
}

static int start(lua_State *state) {
  wasm_fpm_open_libraries(state);
  wasm_fpm_replace_seed(state);
  if (luaL_loadbuffer(state, REQUESTS, sizeof REQUESTS, "=requests.lua") != LUA_OK) lua_error(state);
  wasm_fpm_push_output(state);
  lua_pushcfunction(state, tell);
  lua_pushcfunction(state, change_folder);
  lua_call(state, 3, 1);
  functions = luaL_ref(state, LUA_REGISTRYINDEX);
  return 0;
}

/* The next thing is a request. */
static int settle(lua_State *state) {
  fflush(NULL);
  wasm_fpm_close_files(state);
  __fpurge(stdout);
  lua_gc(state, LUA_GCCOLLECT);
  lua_gc(state, LUA_GCCOLLECT);
  wasm_fpm_rest_collector(state);
  return 0;
}

static int begin(lua_State *state) {
  __wasilibc_initialize_environ();
  __fpurge(stdin);
  clearerr(stdin);
  wasm_fpm_draw_anew(state);
  return 0;
}

EXPORT("wasm_fpm_boot") void wasm_fpm_boot(void) {
  setvbuf(stdout, output, _IOFBF, sizeof output);
  L = luaL_newstate();
  if (L == NULL) abort();
  run_protected(start);
  run_protected(settle);
}

static void push_variable(const char *name) {
  const char *value = getenv(name);
  lua_pushstring(L, value == NULL ? "" : value);
}

/* With WASM_FPM_WARM in the environment it loads the application that WASM_FPM_APP names, or these files; without, it runs a request. */
EXPORT("wasm_fpm_warm") void wasm_fpm_warm(void) {
  run_protected(begin);
  if (getenv("WASM_FPM_WARM") == NULL) {
    if (call("rehearse", 0) != 0) _exit(1);
  } else if (getenv("WASM_FPM_APP") != NULL) {
    push_variable("WASM_FPM_APP");
    push_variable("WASM_FPM_ROOT");
    call("load_application", 2);
  } else {
    push_variable("WASM_FPM_WARM");
    call("load_scripts", 1);
  }
  run_protected(settle);
}

EXPORT("wasm_fpm_handle") void wasm_fpm_handle(void) {
  run_protected(begin);
  int code = call("answer", 0);
  fflush(NULL);
  /* What has been sent is not all, and nothing else says so: a program that ends, with whatever code, has said what it wanted. */
  if (code == 2) __builtin_trap();
  if (code != 0) _exit(code);
}
