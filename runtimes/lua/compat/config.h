/* What Lua's luaconf.h leaves to those who build it, and what this libc lacks of C. See system.c. */
#ifndef WASM_FPM_LUA_CONFIG_H
#define WASM_FPM_LUA_CONFIG_H

#include <stdio.h>
#include <sys/types.h>

/* As Debian has it. */
#define LUA_COMPAT_5_3

/* Lua's own draws from the clock and from addresses, which are the same everywhere here. */
unsigned wasm_fpm_draw(void);
#define luai_makeseed(L) wasm_fpm_draw()

#define LUA_TMPNAMBUFSIZE 32
int wasm_fpm_name_file(char *name);
#define lua_tmpnam(name, failed) ((failed) = wasm_fpm_name_file(name))

/* print() flushes elsewhere, for terminals; nginx sends no more of a request's body once its answer has begun. */
#define lua_writestring(text, size) fwrite((text), sizeof(char), (size), stdout)
#define lua_writeline() ((void)fputc('\n', stdout))

/* Positions of 64 bits. */
#define l_fseek(file, offset, whence) fseeko(file, offset, whence)
#define l_ftell(file) ftello(file)
#define l_seeknum off_t

FILE *tmpfile(void);
int system(const char *command);

#endif
