/** A runtime that says with what it was asked, for tests of who runs what. */
import { wat } from './wat.ts'

/**
 * Answers its environment, one variable after another, each with a NUL behind it; before them `boots=N`, N being how often it has
 * been booted. `boot`: more instructions of its boot, `imports`: what they need. `mark`: makes other bytes of it.
 */
export function envReactor({
  boot = '',
  imports = '',
  mark = 'one',
} = {}): Uint8Array<ArrayBuffer> {
  return wat(`(module
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    ${imports}
    (memory (export "memory") 4)
    (data (i32.const 64) "Content-Type: text/plain\\r\\n\\r\\nmark=${mark}\\00boots=/\\00")
    (func (export "wasm_fpm_boot")
      (i32.store8 (i32.const ${64 + 28 + 5 + mark.length + 1 + 6})
        (i32.add (i32.const 1) (i32.load8_u (i32.const ${64 + 28 + 5 + mark.length + 1 + 6}))))
      ${boot})
    (func (export "wasm_fpm_handle")
      (drop (call $sizes (i32.const 0) (i32.const 4)))
      (drop (call $environ (i32.const 4096) (i32.const 65536)))
      (i32.store (i32.const 16) (i32.const 64))
      (i32.store (i32.const 20) (i32.const ${28 + 5 + mark.length + 1 + 8}))
      (i32.store (i32.const 24) (i32.const 65536))
      (i32.store (i32.const 28) (i32.load (i32.const 4)))
      (drop (call $write (i32.const 1) (i32.const 16) (i32.const 2) (i32.const 8)))))`)
}

/** What `envReactor` has said. */
export function variablesIn(body: string): Readonly<Record<string, string>> {
  const entries = body.split('\0').map((text): [string, string] => {
    const [name = '', value = ''] = text.split(/=(.*)/s)
    return [name, value]
  })
  return Object.fromEntries(entries.filter(([name]) => name !== ''))
}
