/**
 * Compiles a hostile guest. Its file holds the fields of a module; those of prelude.wat, which every guest gets, come first.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import wabt from 'wabt'

const toolkit = await wabt()

/** Features that wabt leaves off by default. */
const FEATURES = {
  exceptions: true,
  tail_call: true,
  reference_types: true,
  bulk_memory: true,
  multi_memory: true,
}

const read = (name: string): string =>
  readFileSync(join(import.meta.dirname, `${name}.wat`), 'utf8')

const prelude = read('prelude')

/** The module of `guests/hostile/<name>.wat`. */
export function compileHostile(name: string): Uint8Array<ArrayBuffer> {
  return compileFields(name, read(name))
}

/** The module with the prelude's fields and these. `name`: for error messages. */
export function compileFields(name: string, fields: string): Uint8Array<ArrayBuffer> {
  const module = toolkit.parseWat(`${name}.wat`, `(module\n${prelude}\n${fields})`, FEATURES)
  try {
    return new Uint8Array(module.toBinary({}).buffer)
  } finally {
    module.destroy()
  }
}
