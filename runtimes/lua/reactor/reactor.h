/* Lua as a reactor of wasm-fpm: what its files have of each other. */
#ifndef WASM_FPM_REACTOR_H
#define WASM_FPM_REACTOR_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* output.c: functions of what is answered, as a table on the stack. */
void wasm_fpm_push_output(lua_State *L);

/* state.c: math.randomseed() of our own. */
void wasm_fpm_replace_seed(lua_State *L);
/* Whatever depends on chance or on addresses is another one from now on. */
void wasm_fpm_draw_anew(lua_State *L);
/* The collector has nothing to do until a request has made much. */
void wasm_fpm_rest_collector(lua_State *L);
/* Files that Lua code has opened: whoever uses them is told that they are closed. */
void wasm_fpm_close_files(lua_State *L);

/* libraries.c */
void wasm_fpm_open_libraries(lua_State *L);

#endif
