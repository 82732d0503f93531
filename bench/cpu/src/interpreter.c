// A stack machine with a switch for its heart, running a nested loop.
enum { PUSH, LOAD, STORE, ADD, SUB, MUL, LESS, JUMP, JUMPZ, XOR, SHIFT, DUP, DROP, HALT };
static int code[64], count;
static int stack[64], locals[8];
static int emit(int word) { return code[count++] = word, count - 1; }
static void assemble(void) {
  count = 0;
  emit(PUSH), emit(0), emit(STORE), emit(0);
  int outer = count;
  emit(LOAD), emit(0), emit(PUSH), emit(1000), emit(LESS), emit(JUMPZ);
  int toEnd = emit(0);
  emit(PUSH), emit(0), emit(STORE), emit(1);
  int inner = count;
  emit(LOAD), emit(1), emit(PUSH), emit(100), emit(LESS), emit(JUMPZ);
  int toNext = emit(0);
  emit(LOAD), emit(2), emit(LOAD), emit(0), emit(LOAD), emit(1), emit(MUL), emit(ADD), emit(PUSH), emit(3), emit(XOR), emit(STORE), emit(2);
  emit(LOAD), emit(1), emit(PUSH), emit(1), emit(ADD), emit(STORE), emit(1), emit(JUMP), emit(inner);
  code[toNext] = count;
  emit(LOAD), emit(0), emit(PUSH), emit(1), emit(ADD), emit(STORE), emit(0), emit(JUMP), emit(outer);
  code[toEnd] = count;
  emit(HALT);
}
static __attribute__((noinline)) int execute(void) {
  int pc = 0, sp = 0;
  for (;;) {
    switch (code[pc++]) {
    case PUSH: stack[sp++] = code[pc++]; break;
    case LOAD: stack[sp++] = locals[code[pc++]]; break;
    case STORE: locals[code[pc++]] = stack[--sp]; break;
    case ADD: sp--, stack[sp - 1] += stack[sp]; break;
    case SUB: sp--, stack[sp - 1] -= stack[sp]; break;
    case MUL: sp--, stack[sp - 1] *= stack[sp]; break;
    case LESS: sp--, stack[sp - 1] = stack[sp - 1] < stack[sp]; break;
    case JUMP: pc = code[pc]; break;
    case JUMPZ: pc = stack[--sp] ? pc + 1 : code[pc]; break;
    case XOR: sp--, stack[sp - 1] ^= stack[sp]; break;
    case SHIFT: sp--, stack[sp - 1] >>= stack[sp]; break;
    case DUP: stack[sp] = stack[sp - 1], sp++; break;
    case DROP: sp--; break;
    default: return locals[2];
    }
  }
}
__attribute__((export_name("run"))) int run(int rounds) {
  int sum = 0;
  assemble();
  for (int round = 0; round < rounds; round++) sum += execute();
  return sum;
}
