/* Programs written for libfcgi ask this file what the machine has. */
#ifndef WASM_FPM_FCGI_CONFIG_H
#define WASM_FPM_FCGI_CONFIG_H

#define HAVE_UNISTD_H 1

#endif
