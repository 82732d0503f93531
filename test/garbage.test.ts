/**
 * Holds the way of a request to a ceiling on what it leaves for the garbage collector: heap statistics in process, from the bytes of
 * the records to the bytes of the answer. Whatever is added for every request shows here first.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compileHostile } from '../guests/hostile/compile.ts'

const CHECKOUT = join(import.meta.dirname, '..')
const ROUNDS = join(CHECKOUT, 'bench', 'http', 'in-process-rounds.ts')

/** Bytes of V8's heap for a hello world. To be lowered when it takes less. */
const MOST_BYTES = 6_200

test('a hello world leaves no more garbage than it may', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-garbage-'))
  try {
    const module = join(folder, 'hello.wasm')
    writeFileSync(module, compileHostile('hello'))
    const args = ['--max-semi-space-size=4', '--disable-warning=ExperimentalWarning']
    const text = execFileSync(process.execPath, [...args, ROUNDS, CHECKOUT, module], {
      encoding: 'utf8',
    })
    const { garbageBytes } = JSON.parse(text) as { readonly garbageBytes: number }
    expect(garbageBytes).toBeGreaterThan(0)
    expect(garbageBytes).toBeLessThan(MOST_BYTES)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
