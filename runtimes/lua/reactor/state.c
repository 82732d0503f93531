/*
 * What must not be the same in all requests though all begin with the same memory: seeds, and what addresses look like. And the
 * collector, which would write to all of this memory when it looks for what nobody needs.
 */
#include "reactor.h"

#include <stdbool.h>
#include <stdint.h>

#include "lgc.h"
#include "lobject.h"
#include "lstate.h"
#include "lstring.h"
#include "ltable.h"

/* What a request makes before the collector begins with its memory. */
#define RESTING_BYTES (8 * 1024 * 1024)

static int seed_function;
/* 0 in the lowest bits: addresses look like addresses. */
static uintptr_t disguise;

const void *__real_lua_topointer(lua_State *L, int index);

/* What %p shows: programs take tostring({}) for something that no other request has. */
const void *__wrap_lua_topointer(lua_State *L, int index) {
  uintptr_t at = (uintptr_t)__real_lua_topointer(L, index);
  return (const void *)(at == 0 ? 0 : at ^ disguise);
}

static lua_Integer draw_integer(void) {
  return (lua_Integer)((uint64_t)wasm_fpm_draw() << 32 | wasm_fpm_draw());
}

/* math.randomseed(): without a number it takes the second it is, and an address. */
static int seed(lua_State *L) {
  if (lua_isnone(L, 1)) {
    lua_pushinteger(L, draw_integer());
    lua_pushinteger(L, draw_integer());
  }
  int count = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, count, LUA_MULTRET);
  return lua_gettop(L);
}

void wasm_fpm_replace_seed(lua_State *L) {
  lua_getglobal(L, LUA_MATHLIBNAME);
  lua_getfield(L, -1, "randomseed");
  lua_pushcclosure(L, seed, 1);
  lua_pushvalue(L, -1);
  seed_function = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_setfield(L, -2, "randomseed");
  lua_pop(L, 1);
}

static void each_object(global_State *g, void (*visit)(lua_State *L, GCObject *object), lua_State *L) {
  GCObject *lists[] = {g->allgc, g->finobj, g->tobefnz};
  for (size_t list = 0; list < sizeof lists / sizeof *lists; list++)
    for (GCObject *object = lists[list]; object != NULL; object = object->next) visit(L, object);
}

static void forget_hash(lua_State *L, GCObject *object) {
  if (object->tt != LUA_VLNGSTR) return;
  TString *string = gco2ts(object);
  string->hash = G(L)->seed;
  string->extra = 0;
}

static bool has_strings(const Table *table) {
  if (isdummy(table)) return false;
  for (int at = 0; at < sizenode(table); at++) {
    const Node *node = gnode(table, at);
    if (keyisshrstr(node) || keytt(node) == ctb(LUA_VLNGSTR)) return true;
  }
  return false;
}

static void place_anew(lua_State *L, GCObject *object) {
  if (object->tt != LUA_VTABLE) return;
  Table *table = gco2t(object);
  if (has_strings(table)) luaH_resize(L, table, luaH_realasize(table), sizenode(table));
}

/* The order of tables, and which strings collide in them. */
static void draw_hashes(lua_State *L) {
  global_State *g = G(L);
  stringtable *strings = &g->strt;
  TString *all = NULL;
  for (int at = 0; at < strings->size; at++) {
    for (TString *string = strings->hash[at], *next; string != NULL; string = next) {
      next = string->u.hnext;
      string->u.hnext = all;
      all = string;
    }
    strings->hash[at] = NULL;
  }
  g->seed = wasm_fpm_draw();
  for (TString *next; all != NULL; all = next) {
    next = all->u.hnext;
    all->hash = luaS_hash(getstr(all), all->shrlen, g->seed);
    TString **place = &strings->hash[lmod(all->hash, strings->size)];
    all->u.hnext = *place;
    *place = all;
  }
  each_object(g, forget_hash, L);
  each_object(g, place_anew, L);
}

void wasm_fpm_draw_anew(lua_State *L) {
  disguise = wasm_fpm_draw() & ~(uintptr_t)15;
  draw_hashes(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, seed_function);
  lua_call(L, 0, 0);
}

void wasm_fpm_rest_collector(lua_State *L) {
  luaE_setdebt(G(L), -(l_mem)RESTING_BYTES);
}

/* On the stack is what all files of Lua have as their metatable. */
static void close_file(lua_State *L, GCObject *object) {
  if (object->tt != LUA_VUSERDATA || gco2u(object)->metatable != hvalue(s2v(L->top - 1))) return;
  luaL_Stream *stream = (luaL_Stream *)getudatamem(gco2u(object));
  if (stream->closef == NULL || stream->f == stdin || stream->f == stdout || stream->f == stderr) return;
  fclose(stream->f);
  stream->closef = NULL;
}

void wasm_fpm_close_files(lua_State *L) {
  luaL_getmetatable(L, LUA_FILEHANDLE);
  each_object(G(L), close_file, L);
  lua_pop(L, 1);
}
