/**
 * Compiles a hostile guest. Its file holds the fields of a module; those of prelude.wat, which every guest gets, come first.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { componentNew } from '@bytecodealliance/jco'
import { wat } from '../../test/support/wat.ts'

const read = (name: string): string =>
  readFileSync(join(import.meta.dirname, `${name}.wat`), 'utf8')

const prelude = read('prelude')

/** The module of `guests/hostile/<name>.wat`. */
export function compileHostile(name: string): Uint8Array<ArrayBuffer> {
  return compileFields(name, read(name))
}

/** The same, or as a component of wasi:cli. */
export async function compileAs(
  form: 'module' | 'component',
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const module = compileHostile(name)
  return form === 'component' ? asComponent(module) : module
}

/** A component of wasi:cli: what makes one of a program for preview 1 stands between it and the host. */
export async function asComponent(module: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const jco = dirname(dirname(fileURLToPath(import.meta.resolve('@bytecodealliance/jco'))))
  const adapter = readFileSync(join(jco, 'lib/wasi_snapshot_preview1.command.wasm'))
  return new Uint8Array(await componentNew(module, [['wasi_snapshot_preview1', adapter]]))
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
