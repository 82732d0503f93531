/* The standard library is data of the module, in the order and with the names that library.py has made. */
#include "reactor.h"

static const unsigned char library[] = {
#embed "library.bin"
};

const struct _frozen wasm_fpm_library[] = {
#include "table.h"
    {NULL, NULL, 0, 0, NULL},
};
