/** The program with which a recipe gives its runtime hints of which way its branches go. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readHints } from '../../../src/wasm/hint-list.ts'
import { readModule } from '../../../src/wasm/read.ts'
import { wat } from '../../support/wat.ts'

const PROGRAM = resolve('src/cli/runtime/hint-branches.ts')
const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-hints-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A runtime that counts down from a number that its boot has left behind. */
function runtime(handle: string): Uint8Array {
  return wat(`(module
    (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
    (import "wasm_fpm" "flock" (func (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global $left (mut i32) (i32.const 0))
    (func (export "_initialize"))
    (func (export "wasm_fpm_boot") (global.set $left (i32.const 100)))
    (func (export "wasm_fpm_handle")
      (loop $next
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (br_if $next (global.get $left)))
      ${handle}))`)
}

function hint(name: string, module: Uint8Array) {
  const [input, output] = [join(folder, name), join(folder, `${name}.hinted`)]
  writeFileSync(input, module)
  const args = [PROGRAM, input, join(folder, 'script.py'), output]
  const { status } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return { status, output }
}

test('a runtime is started, answers one request, and is written with hints of what it has done', () => {
  const { status, output } = hint('good', runtime(''))
  expect(status).toBe(0)
  const module = readModule(new Uint8Array(readFileSync(output)))
  // The third function goes on with its loop 99 times of 100.
  expect([...readHints(module)].map(([index, [, value]]) => [index, value])).toEqual([[2, 1]])
  expect(module.exports.map(({ name }) => name)).not.toContain('branch_counts')
})

test('one that fails is not written', () => {
  const { status, output } = hint('bad', runtime('(unreachable)'))
  expect(status).not.toBe(0)
  expect(existsSync(output)).toBe(false)
})
