/* Where the program is, for the log of slow requests: the host asks, while this stands still somewhere (docs/abi.md). */
#include "sapi.h"

#include <stdint.h>
#include <stdio.h>

#define MOST_BYTES 8192
/* Below what is suspended: a function that calls no other may keep so much there without saying so. */
#define RED_ZONE 256

__asm__(".globaltype __stack_pointer, i32\n");

static char text[MOST_BYTES];

static const char *text_of(const zend_string *string, const char *otherwise) {
  return string == NULL ? otherwise : ZSTR_VAL(string);
}

/* As debug_backtrace has it; code of a file that is not in a function has no name. */
static int put_frame(char *at, size_t room, const zend_execute_data *frame) {
  const zend_function *function = frame->func;
  const char *name = text_of(function->common.function_name, NULL);
  const zend_class_entry *scope = function->common.scope;
  bool is_object = scope != NULL && Z_TYPE(frame->This) == IS_OBJECT;
  const char *class = scope == NULL || name == NULL ? "" : ZSTR_VAL(scope->name);
  const char *between = *class == '\0' ? "" : is_object ? "->" : "::";
  if (!ZEND_USER_CODE(function->type)) return snprintf(at, room, "%s%s%s()\n", class, between, text_of(function->common.function_name, "?"));
  int line = frame->opline == NULL ? 0 : (int)frame->opline->lineno;
  const char *file = text_of(function->op_array.filename, "?");
  if (name == NULL) return snprintf(at, room, "%s:%d\n", file, line);
  return snprintf(at, room, "%s%s%s() %s:%d\n", class, between, name, file, line);
}

static __attribute__((noinline)) const char *write_frames(uint32_t depth) {
  size_t used = 0;
  const zend_execute_data *frame = EG(current_execute_data);
  for (uint32_t count = 0; frame != NULL && count < depth; frame = frame->prev_execute_data) {
    if (frame->func == NULL) continue;
    int size = put_frame(text + used, sizeof text - used, frame);
    if (size < 0 || (size_t)size >= sizeof text - used) break;
    used += size;
    count++;
  }
  text[used] = '\0';
  return text;
}

/* It must not touch memory before there is room for that. */
__attribute__((export_name("wasm_fpm_trace"))) const char *wasm_fpm_trace(uint32_t depth) {
  void *at;
  __asm__ volatile("global.get __stack_pointer\nlocal.set %0" : "=r"(at));
  __asm__ volatile("local.get %0\nglobal.set __stack_pointer" ::"r"((char *)at - RED_ZONE));
  const char *frames = write_frames(depth);
  __asm__ volatile("local.get %0\nglobal.set __stack_pointer" ::"r"(at));
  return frames;
}
