/** A program under `run` is told what becomes of what it prints, and its exit code is ours. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Errno } from '../../../src/wasi/errno.ts'
import { PROGRAM } from '../../support/program.ts'
import { wat } from '../../support/wat.ts'

const CHUNK = 4096
const CHUNKS = 1000

/** Prints CHUNKS times CHUNK bytes to standard output; exits with the errno of the first write that fails, or with 7. */
const PRINTS = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (local $errno i32) (local $count i32)
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const ${CHUNK}))
    (loop $again
      (local.set $errno (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (local.get $errno) (then (call $exit (local.get $errno))))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $count) (i32.const ${CHUNKS}))))
    (call $exit (i32.const 7))))`

let folder = ''
let program = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-run-'))
  program = join(folder, 'prints.wasm')
  writeFileSync(program, wat(PRINTS))
})

afterAll(() => rmSync(folder, { recursive: true }))

/** Starts a command; `stdout`: a descriptor, or a pipe. */
function start(args: readonly string[], stdout: number | 'pipe') {
  const child = spawn(process.execPath, [...PROGRAM, ...args], {
    stdio: ['ignore', stdout, 'pipe'],
  })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, stderr }))
  return { child, ended }
}

async function intoFull(args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const full = openSync('/dev/full', 'w')
  const { ended } = start(args, full)
  closeSync(full)
  return await ended
}

test('a full disk is ENOSPC', async () => {
  expect(await intoFull(['run', program])).toEqual({ code: Errno.NOSPC, stderr: '' })
})

test('a reader that has had enough is EPIPE', async () => {
  const { child, ended } = start(['run', program], 'pipe')
  child.stdout?.once('data', () => child.stdout?.destroy())
  expect(await ended).toEqual({ code: Errno.PIPE, stderr: '' })
})

test('a slow reader gets everything', async () => {
  const { child, ended } = start(['run', program], 'pipe')
  let bytes = 0
  for await (const chunk of child.stdout ?? []) {
    bytes += (chunk as Buffer).length
    await new Promise(setImmediate)
  }
  expect(bytes).toBe(CHUNK * CHUNKS)
  expect(await ended).toEqual({ code: 7, stderr: '' })
})

test('other commands say in one line that their output is lost', async () => {
  for (const args of [['--help'], ['inspect', program], ['inspect', '--json', program]]) {
    const { code, stderr } = await intoFull(args)
    expect(stderr).toMatch(/^wasm-fpm: Cannot write to standard output: ENOSPC.*\n {2}next: .*\n$/)
    expect(code).toBe(1)
  }
})
