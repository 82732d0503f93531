/* Lua's libraries, and those that are built in, for want of machine code that could be loaded: require "lpeg" and so on. */
#include "reactor.h"

int luaopen_lpeg(lua_State *L);
int luaopen_cjson(lua_State *L);
int luaopen_cjson_safe(lua_State *L);
int luaopen_lfs(lua_State *L);

/* LPeg's module in Lua. */
static const char RE[] = {
#embed "re.lua"
};

static int open_re(lua_State *L) {
  if (luaL_loadbuffer(L, RE, sizeof RE, "=re.lua") != LUA_OK) return lua_error(L);
  lua_pushliteral(L, "re");
  lua_call(L, 1, 1);
  return 1;
}

static const luaL_Reg BUILT_IN[] = {
    {"lpeg", luaopen_lpeg}, {"re", open_re}, {"cjson", luaopen_cjson}, {"cjson.safe", luaopen_cjson_safe}, {"lfs", luaopen_lfs}, {NULL, NULL}};

void wasm_fpm_open_libraries(lua_State *L) {
  luaL_openlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, BUILT_IN, 0);
  lua_pop(L, 1);
}
