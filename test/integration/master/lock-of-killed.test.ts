/** A guest that is killed for its processor time gives up the lock that it has: to its own tenant, to others, in any worker. */
import { closeSync, existsSync, mkdirSync, openSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadFileCalls } from '../../../src/base/file-calls.ts'
import { wat } from '../../support/wat.ts'
import { Client, configText, makeFolder, type Serving, serve } from './serve.ts'

/** In which both workers are to have had some who waited. */
const MOST_ROUNDS = 6
const WAITING = 6
/** Of flock(2). */
const EXCLUSIVE = 2

const TENANTS = ['site', 'other']

/** Takes the lock of `lock` in the fourth folder, and then does `then`. */
function locking(then: string): Uint8Array {
  const wasi = (name: string, as: string, types: string): string =>
    `(import "wasi_snapshot_preview1" "${name}" (func $${as} (param ${types}) (result i32)))`
  return wat(`(module
    ${wasi('path_open', 'open', 'i32 i32 i32 i32 i32 i64 i64 i32 i32')}
    ${wasi('path_create_directory', 'mkdir', 'i32 i32 i32')}
    ${wasi('fd_write', 'write', 'i32 i32 i32 i32')}
    (import "wasm_fpm" "flock" (func $flock (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 1024) "lockheldA:b\\0a\\0adone")
    ;; An iovec of the answer.
    (data (i32.const 24) "\\08\\04\\00\\00\\09\\00\\00\\00")
    (func $must (param $errno i32) (if (local.get $errno) (then unreachable)))
    (func (export "_start")
      (call $must
        (call $open (i32.const 6) (i32.const 0) (i32.const 1024) (i32.const 4)
          (i32.const 0) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 200)))
      (call $must (call $flock (i32.load (i32.const 200)) (i32.const ${EXCLUSIVE})))
      ${then}))`)
}

const HOLD = `(call $must (call $mkdir (i32.const 6) (i32.const 1028) (i32.const 4)))
  (loop $for_ever (br $for_ever))`
const ANSWER =
  '(call $must (call $write (i32.const 1) (i32.const 24) (i32.const 1) (i32.const 204)))'

test('those who wait for it have it next, whoever they are', async () => {
  const folder = makeFolder()
  const data = join(folder, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'lock'), '')
  writeFileSync(join(folder, 'hold.wasm'), locking(HOLD))
  writeFileSync(join(folder, 'take.wasm'), locking(ANSWER))
  const own = `mounts = [{ host = "${data}", guest = "/data", writable = true }]
limits = { cpu = "300ms" }`
  const other = `[[tenant]]
name = "other"
root = "${folder}"
access_log = "stderr"
${own}`
  const serving = await serve({
    folder,
    config: configText(folder, { tenant: `${own}\n${other}` }),
  })
  const lock = openSync(join(data, 'lock'), 'r')
  onTestFinished(() => closeSync(lock))
  const from = serving.log().length
  for (let round = 1; workersOf(serving, from).size < 2; round++) {
    expect(round).toBeLessThanOrEqual(MOST_ROUNDS)
    await killOne(serving, { data, lock, holder: TENANTS[round % 2] ?? '' })
  }
})

interface Locked {
  readonly data: string
  /** Of the file with the lock. */
  readonly lock: number
  readonly holder: string
}

/** One has the lock and computes until it is killed; so many of each tenant wait for it meanwhile. */
async function killOne({ socket }: Serving, { data, lock, holder }: Locked): Promise<void> {
  const clientOf = (tenant: string) => new Client(socket, { WASM_FPM_TENANT: tenant })
  const takers = TENANTS.flatMap((tenant) =>
    Array.from({ length: WAITING }, () => clientOf(tenant)),
  )
  await Promise.all(takers.map((taker) => taker.get('hello.wasm')))
  const held = join(data, 'held')
  const first = clientOf(holder)
  const killed = first.get('hold.wasm')
  await expect.poll(() => existsSync(held), { interval: 1 }).toBe(true)
  const taken = takers.map((taker) => taker.get('take.wasm'))
  expect(loadFileCalls()?.flock(lock, EXCLUSIVE)).toBeLessThan(0)
  expect((await killed).status).toBe(503)
  for (const answer of await Promise.all(taken))
    expect(answer).toMatchObject({ status: 200, body: 'done' })
  rmdirSync(held)
  for (const client of [first, ...takers]) client.close()
}

/** The workers in which somebody has had the lock after the one who was killed. */
function workersOf(serving: Serving, from: number): ReadonlySet<string | undefined> {
  const lines = serving
    .log()
    .slice(from)
    .matchAll(/"pid":(\d+)[^\n]*\/take\.wasm[^\n]*"msg":"access"/g)
  return new Set([...lines].map(([, pid]) => pid))
}
