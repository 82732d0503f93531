;; What zeroperl.wasm imports beside WASI: functions of a host, which it does not have here.
(module
  (func (export "call_host_function") (param i32 i32 i32) (result i32) (unreachable)))
