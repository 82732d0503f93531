# Makes Zend/zend_vm_execute.h the machine of compat/include/zend-vm.h. Says which of the changes it did not find a place for.
/^typedef ZEND_OPCODE_HANDLER_RET \(ZEND_FASTCALL \*opcode_handler_t\)/ { done["type"] = 1; next }
# After the last of the definitions that it replaces.
/^#define ZEND_VM_INTERRUPT\(\)/ { done["definitions"] = 1; getline following; print; print following; print "#include <zend-vm.h>"; next }
/^# *define ZEND_VM_(LOOP_INTERRUPT|DISPATCH)/ && done["definitions"] { print; next }
# Functions that have arguments of their own, or are called by execute_ex.
/ZEND_FASTCALL .*_helper_SPEC.*ZEND_OPCODE_HANDLER_ARGS_DC\)$/ || /ZEND_FASTCALL zend_interrupt_helper_SPEC\(ZEND_OPCODE_HANDLER_ARGS\)$/ {
  print "#define WASM_FPM_RETURNS\n#include <zend-vm.h>"
  returns = 1
  done["helpers"] = 1
}
returns && sub(/ZEND_VM_TAIL_CALL\(zend_leave_helper_SPEC\(ZEND_OPCODE_HANDLER_ARGS_PASSTHRU\)\)/, "WASM_FPM_RETURN(WASM_FPM_LEAVE)") { done["leave"] = 1 }
returns && /^}/ { print; print "#undef WASM_FPM_RETURNS\n#include <zend-vm.h>"; returns = 0; next }
sub(/ZEND_VM_TAIL_CALL\(/, "&") && /ZEND_OPCODE_HANDLER_ARGS_PASSTHRU_CC\)\)/ { sub(/ZEND_VM_TAIL_CALL\(/, "return ("); done["calls"] = 1 }
# An argument is missing: an error with a line.
/zend_missing_arg_helper_SPEC\(ZEND_OPCODE_HANDLER_ARGS\)$/ { isMissing = 1 }
isMissing && sub(/^#ifdef ZEND_VM_IP_GLOBAL_REG/, "#if 1") { done["missing"] = 1; isMissing = 0 }
# execute_ex, and its twin for a single instruction, which nobody calls.
sub(/zend_execute_data \*execute_data = ex;/, "&\n\tconst zend_op *opline;") { done["instruction"] = 1 }
/^\t\t\t\texecute_data = EG\(current_execute_data\);/ {
  print "\t\t\t\twhile (ret == WASM_FPM_LEAVE) {"
  print "\t\t\t\t\texecute_data = EG(current_execute_data);"
  print "\t\t\t\t\tLOAD_OPLINE();"
  print "\t\t\t\t\tret = zend_leave_helper_SPEC(ZEND_OPCODE_HANDLER_ARGS_PASSTHRU);"
  print "\t\t\t\t\tif (ret < 0) return;"
  print "\t\t\t\t}"
  done["loop"] += 1
}
{ print }
END {
  count = split("type definitions helpers leave calls missing instruction loop", wanted)
  for (each = 1; each <= count; each++)
    if (done[wanted[each]] != 1) {
      print "error: Zend/zend_vm_execute.h is not as expected: " wanted[each] >"/dev/stderr"
      exit 1
    }
}
