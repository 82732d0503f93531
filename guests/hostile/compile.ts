/**
 * Compiles a hostile guest. Its file holds the fields of a module; those of prelude.wat, which every guest gets, come first.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { wat } from '../../test/support/wat.ts'

const read = (name: string): string =>
  readFileSync(join(import.meta.dirname, `${name}.wat`), 'utf8')

const prelude = read('prelude')

/** The module of `guests/hostile/<name>.wat`. */
export function compileHostile(name: string): Uint8Array<ArrayBuffer> {
  return compileFields(name, read(name))
}

/** The canary guest with a first memory of so many pages (of 64 KiB): small ones are put back by copying, large ones by pages. */
export function compileCanary(pages: number): Uint8Array<ArrayBuffer> {
  const [before, after] = read('canary').split('(memory (export "memory") 2)')
  return compileFields('canary', `${before}(memory (export "memory") ${pages})${after}`)
}

/** The module with the prelude's fields and these. `name`: for error messages. */
export function compileFields(name: string, fields: string): Uint8Array<ArrayBuffer> {
  return wat(`(module\n${prelude}\n${fields})`, `${name}.wat`)
}
