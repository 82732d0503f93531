/**
 * While a module is read, checked, compiled and instantiated for the first time, whatever it is, the thread that answers
 * requests does not do anything in one go that takes long.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { WORKER_FLAGS } from '../support/worker-flags.ts'
import {
  componentOf,
  heavyCode,
  moduleOf,
  moduleWithData,
  moduleWithElements,
  moduleWithMany,
  withCustom,
} from './big-modules.ts'

const LONGEST_MS = 2
/** Where that is V8's own: it instantiates in one go, and collects garbage after 45 MB. docs/limits.md says so. */
const V8_MS = 4
const LARGEST_TABLE_MS = 20

const MB = 1_000_000
const NOTHING = Buffer.alloc(0)

interface Case {
  readonly name: string
  readonly make: (file: string) => void
  /** Default: `LONGEST_MS`. */
  readonly longestMs?: number
}

const writing = (make: () => Uint8Array) => (file: string) => writeFileSync(file, make())

const CASES: readonly Case[] = [
  { name: 'a small module', make: writing(() => moduleOf(10, heavyCode(10))) },
  { name: 'as many functions as are allowed', make: writing(() => moduleOf(100_000, NOTHING)) },
  { name: 'one function more', make: writing(() => moduleOf(100_001, NOTHING)) },
  { name: '50 MB of code', make: writing(() => moduleOf(2500, heavyCode(2200))) },
  {
    name: '50 MB that are not for V8',
    make: writing(() => withCustom(moduleOf(10, heavyCode(10)), 50 * MB)),
  },
  { name: '45 MB of data', make: writing(() => moduleWithData(45 * MB)), longestMs: V8_MS },
  { name: '1 MB of data', make: writing(() => moduleWithData(MB)) },
  {
    name: 'as many exports as are allowed',
    make: writing(() => moduleWithMany('exports', 100_000)),
  },
  {
    name: 'as many globals as are allowed',
    make: writing(() => moduleWithMany('globals', 49_000)),
    longestMs: V8_MS,
  },
  {
    name: 'as many imports as are allowed',
    make: writing(() => moduleWithMany('imports', 10_000)),
    longestMs: V8_MS,
  },
  {
    name: 'as many pieces of data as are allowed',
    make: writing(() => moduleWithMany('pieces of data', 100_000)),
    longestMs: V8_MS,
  },
  { name: 'a table of 1,000 functions', make: writing(() => moduleWithElements(1000)) },
  {
    name: 'the largest table',
    make: writing(() => moduleWithElements(131_072)),
    longestMs: LARGEST_TABLE_MS,
  },
  { name: 'a component', make: writing(() => componentOf(20 * MB)) },
  { name: '50 MB of garbage', make: writing(() => Buffer.alloc(50 * MB, 'A')) },
  {
    name: 'a module cut short',
    make: writing(() => moduleOf(1000, heavyCode(2200)).subarray(0, 15 * MB)),
  },
  {
    name: 'a hole of 60 MB',
    make: (file) => {
      writeFileSync(file, '')
      truncateSync(file, 60 * MB)
    },
  },
  {
    name: 'a module with a hole of 50 MB behind it',
    make: (file) => {
      writeFileSync(file, moduleOf(10, NOTHING))
      truncateSync(file, 50 * MB)
    },
  },
]

const SCRIPT = join(import.meta.dirname, 'measure-turns.ts')

const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-turns-'))
afterAll(() => rmSync(folder, { recursive: true }))

for (const { name, make, longestMs = LONGEST_MS } of CASES) {
  test(`${name}: at most ${longestMs} ms in a turn`, async () => {
    const file = join(folder, 'burden.wasm')
    make(file)
    const { stdout } = await promisify(execFile)(process.execPath, [...WORKER_FLAGS, SCRIPT, file])
    expect(JSON.parse(stdout)[file]).toBeLessThan(longestMs)
  })
}
