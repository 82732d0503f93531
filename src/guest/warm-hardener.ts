/**
 * Gets the hardener's own code compiled before a request needs it. In a new process most of the time for the first small
 * module goes into that, not into the module.
 */
import { hardenHere } from './harden-here.ts'

/** Each makes the next one faster; after a few the rest is up to the module. */
const TURNS = 5

/**
 * Something of everything a handler has:
 *
 *     (type $t (func (param i32) (result i32)))
 *     (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
 *     (memory (export "memory") 1) (table 1 funcref) (global $g (mut i32) (i32.const 65536))
 *     (elem (i32.const 0) func $a) (data (i32.const 8) "x")
 *     (func $a (type $t) (local i32 i64)
 *       (loop (local.set 1 (i32.add (i32.load (local.get 0)) (i32.const 1)))
 *         (if (i32.eqz (local.get 1)) (then (return (i32.const 0)))
 *           (else (i32.store offset=4 (local.get 0) (local.get 1))))
 *         (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 200)))))
 *       (local.get 1))
 *     (func (export "_start") (local i32)
 *       (global.set $g (i32.sub (global.get $g) (i32.const 16)))
 *       (block (block (loop (br_table 0 1 2 (call $a (i32.const 4)))) (br 0))
 *         (local.set 0 (call_indirect (type $t) (local.get 0) (i32.const 0))))
 *       (memory.fill (i32.const 0) (i32.const 0) (local.get 0))
 *       (drop (call $a (i32.const 1))) (call $exit (i32.const 0)) (unreachable))
 */
export const WARM_UP_MODULE =
  'AGFzbQEAAAABDQNgAX8Bf2ABfwBgAAACJAEWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQlwcm9jX2V4aXQAAQMDAgACBAQBcAABBQMBAAEG' +
  'CAF/AUGAgAQLBxMCBm1lbW9yeQIABl9zdGFydAACCQcBAEEACwEBCm4CMAIBfwF+A0AgACgCAEEBaiEBIAFFBEBBAA8FIAAgATYCBAsg' +
  'AEHIAWsiAA0ACyABCzsBAX8jAEEQayQAAkACQANAQQQQAQ4CAAECCwwACyAAQQARAAAhAAtBAEEAIAD8CwBBARABGkEAEAAACwsHAQBB' +
  'CAsBeA=='

/** Takes a few milliseconds: for a process that has nothing else to do yet. */
export function warmHardener(): void {
  const bytes = Buffer.from(WARM_UP_MODULE, 'base64')
  for (let turn = 0; turn < TURNS; turn++) {
    hardenHere(bytes, { memoryMaxBytes: 65_536, tableMaxElements: 1 })
  }
}
