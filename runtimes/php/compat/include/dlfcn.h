/* There is nothing to load; but only with these does PHP register extensions such as opcache, which is linked in. */
#ifndef WASM_FPM_DLFCN_H
#define WASM_FPM_DLFCN_H
#define RTLD_LAZY 1
#define RTLD_NOW 2
#define RTLD_GLOBAL 4
void *dlopen(const char *, int), *dlsym(void *, const char *);
int dlclose(void *);
char *dlerror(void);
#endif
