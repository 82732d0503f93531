/*
 * Zend's functions that take sizes of 32 bits are given numbers of 64 by scripts, as they are or cut to 32: what is too large is no
 * small size, but one that cannot be had. Included at the end of zend_string.h, which includes zend_alloc.h.
 */
#ifndef WASM_FPM_ZEND_SIZES_H
#define WASM_FPM_ZEND_SIZES_H

/* With a header and rounded up to pages and chunks it is still no small one. */
#define WASM_FPM_MOST (SIZE_MAX - (4u << 20))
#define WASM_FPM_SIZE(number) \
  ({ \
    __auto_type number_ = (number); \
    (unsigned long long)number_ > WASM_FPM_MOST ? WASM_FPM_MOST : (size_t)number_; \
  })

#undef safe_emalloc
#define safe_emalloc(count, size, more) _safe_emalloc(WASM_FPM_SIZE(count), WASM_FPM_SIZE(size), WASM_FPM_SIZE(more))
#undef safe_erealloc
#define safe_erealloc(old, count, size, more) \
  _safe_erealloc((old), WASM_FPM_SIZE(count), WASM_FPM_SIZE(size), WASM_FPM_SIZE(more))
#undef ecalloc
#define ecalloc(count, size) _ecalloc(WASM_FPM_SIZE(count), WASM_FPM_SIZE(size))

#define zend_string_alloc(size, persistent) zend_string_alloc(WASM_FPM_SIZE(size), persistent)
#define zend_string_safe_alloc(count, size, more, persistent) \
  zend_string_safe_alloc(WASM_FPM_SIZE(count), WASM_FPM_SIZE(size), WASM_FPM_SIZE(more), persistent)
#define zend_string_realloc(old, size, persistent) zend_string_realloc(old, WASM_FPM_SIZE(size), persistent)
#define zend_string_extend(old, size, persistent) zend_string_extend(old, WASM_FPM_SIZE(size), persistent)
#define zend_string_safe_realloc(old, count, size, more, persistent) \
  zend_string_safe_realloc(old, WASM_FPM_SIZE(count), WASM_FPM_SIZE(size), WASM_FPM_SIZE(more), persistent)

#endif
