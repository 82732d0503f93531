/*
 * CPython 3.11 puts another instruction in the place of one that has always met the same types, and where it cannot, tries again ever more seldom: it counts in
 * the code itself. So each request would write to the pages of what it runs, count on from the same numbers, and fail again. Once requests have been
 * run ahead, the instructions that have failed are those that do not count.
 */
#define Py_BUILD_CORE 1
#include "reactor.h"

#include <stdlib.h>

#include <internal/pycore_code.h>
#include <internal/pycore_opcode.h>

/* All that last. */
static PyCodeObject **codes;
static size_t code_count, code_room;

void wasm_fpm_note_code(PyCodeObject *code) {
  if (code_count == code_room) {
    size_t room = code_room == 0 ? 1024 : 2 * code_room;
    PyCodeObject **wider = realloc(codes, room * sizeof *codes);
    if (wider == NULL) return;
    codes = wider;
    code_room = room;
  }
  codes[code_count++] = code;
}

/* An instruction is followed by what it keeps, and that begins with the number: 0 until it has failed. */
static void settle(PyCodeObject *code) {
  _Py_CODEUNIT *instructions = _PyCode_CODE(code);
  for (Py_ssize_t at = 0; at < Py_SIZE(code); at++) {
    uint8_t opcode = _Py_OPCODE(instructions[at]), plain = _PyOpcode_Deopt[opcode];
    if (opcode != plain && opcode == _PyOpcode_Adaptive[plain] && instructions[at + 1] != 0) {
      _Py_SET_OPCODE(instructions[at], plain);
      instructions[at + 1] = 0;
    }
    at += _PyOpcode_Caches[plain];
  }
}

void wasm_fpm_settle_codes(void) {
  for (size_t at = 0; at < code_count; at++)
    if (codes[at]->co_warmup == 0) settle(codes[at]);
}
