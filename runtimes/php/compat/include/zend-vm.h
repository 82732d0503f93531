/*
 * Zend's machine by tail calls: a handler leaves by a call of the next one, with the frame and the instruction as its arguments,
 * instead of returning to a loop. change-sources.sh has zend_vm_execute.h include it once, and again around each function that
 * cannot end in such a call because it has arguments of its own (WASM_FPM_RETURNS): this returns to execute_ex, which goes on
 * where EG(current_execute_data) is. What handlers have to load and to save for it Zend's sources say for machines that keep both
 * in registers.
 */
#ifndef WASM_FPM_LEAVE
/* What execute_ex is told to do: go on, or leave the function first. */
#define WASM_FPM_GO_ON 1
#define WASM_FPM_LEAVE 2

#undef ZEND_OPCODE_HANDLER_ARGS
#undef ZEND_OPCODE_HANDLER_ARGS_PASSTHRU
#define ZEND_OPCODE_HANDLER_ARGS zend_execute_data *execute_data, const zend_op *opline
#define ZEND_OPCODE_HANDLER_ARGS_PASSTHRU execute_data, opline
typedef ZEND_OPCODE_HANDLER_RET(ZEND_FASTCALL *opcode_handler_t)(ZEND_OPCODE_HANDLER_ARGS);

#undef OPLINE
#undef USE_OPLINE
#undef LOAD_OPLINE
#undef LOAD_OPLINE_EX
#undef LOAD_NEXT_OPLINE
#undef SAVE_OPLINE
#define OPLINE opline
#define USE_OPLINE
#define LOAD_OPLINE() opline = EX(opline)
#define LOAD_OPLINE_EX() LOAD_OPLINE()
#define LOAD_NEXT_OPLINE() opline = EX(opline) + 1
#define SAVE_OPLINE() EX(opline) = opline

/* A stack that cannot grow is an error with a line. */
#undef _zend_vm_stack_push_call_frame_ex
#undef _zend_vm_stack_push_call_frame
#define _zend_vm_stack_push_call_frame_ex(...) (SAVE_OPLINE(), zend_vm_stack_push_call_frame_ex(__VA_ARGS__))
#define _zend_vm_stack_push_call_frame(...) (SAVE_OPLINE(), zend_vm_stack_push_call_frame(__VA_ARGS__))

#define WASM_FPM_RETURN(what) \
  do { \
    SAVE_OPLINE(); \
    return what; \
  } while (0)

/* In execute_ex, which has a frame and no instruction yet. */
#undef ZEND_VM_LOOP_INTERRUPT_CHECK
#define ZEND_VM_LOOP_INTERRUPT_CHECK() \
  do { \
    LOAD_OPLINE(); \
    if (UNEXPECTED(zend_atomic_bool_load_ex(&EG(vm_interrupt)))) { \
      zend_interrupt_helper_SPEC(ZEND_OPCODE_HANDLER_ARGS_PASSTHRU); \
      execute_data = EG(current_execute_data); \
      LOAD_OPLINE(); \
    } \
  } while (0)
#endif

#undef ZEND_VM_TAIL_CALL
#undef ZEND_VM_CONTINUE
#undef ZEND_VM_ENTER
#undef ZEND_VM_ENTER_EX
#undef ZEND_VM_LEAVE
#undef ZEND_VM_INTERRUPT
#define ZEND_VM_INTERRUPT() WASM_FPM_RETURN(WASM_FPM_GO_ON)
#ifdef WASM_FPM_RETURNS
#define ZEND_VM_CONTINUE() WASM_FPM_RETURN(WASM_FPM_GO_ON)
#define ZEND_VM_ENTER() return WASM_FPM_GO_ON
#else
#define ZEND_VM_TAIL_CALL(call) __attribute__((musttail)) return call
#define ZEND_VM_CONTINUE() ZEND_VM_TAIL_CALL(((opcode_handler_t)opline->handler)(ZEND_OPCODE_HANDLER_ARGS_PASSTHRU))
#define ZEND_VM_ENTER() \
  execute_data = EG(current_execute_data); \
  LOAD_OPLINE(); \
  ZEND_VM_ENTER_EX()
#define ZEND_VM_ENTER_EX() \
  ZEND_VM_INTERRUPT_CHECK(); \
  ZEND_VM_CONTINUE()
#define ZEND_VM_LEAVE() ZEND_VM_CONTINUE()
#endif
