/** Guests that hold all the files they get: connections and programs of others need some, too. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { wat } from '../../support/wat.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

/** Of the worker, in files. */
const LIMIT = 200
const HOLDERS = 20
const CLIENTS = 20
/** Of WASI. */
const NFILE = 41

/** Opens `f` of the fourth folder again and again, says on standard error why no more, and waits with all of them open. */
const HOLD = wat(`(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 1024) "f")
  (data (i32.const 1032) "errno 00\\0a")
  (data (i32.const 24) "\\08\\04\\00\\00\\09\\00\\00\\00")
  (func (export "_start") (local $errno i32)
    (loop $more
      (local.set $errno
        (call $open (i32.const 6) (i32.const 0) (i32.const 1024) (i32.const 1)
          (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 200)))
      (br_if $more (i32.eqz (local.get $errno))))
    (i32.store8 (i32.const 1038) (i32.add (i32.const 48) (i32.div_u (local.get $errno) (i32.const 10))))
    (i32.store8 (i32.const 1039) (i32.add (i32.const 48) (i32.rem_u (local.get $errno) (i32.const 10))))
    (drop (call $write (i32.const 2) (i32.const 24) (i32.const 1) (i32.const 204)))
    (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (i64.const 20000000000))
    (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 192)))))`)

test('others connect, and programs that nobody has asked for before are read', async () => {
  const folder = makeFolder()
  const data = join(folder, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'f'), '')
  writeFileSync(join(folder, 'hold.wasm'), HOLD)
  const tenant = `max_children = ${HOLDERS}
mounts = [{ host = "${data}", guest = "/data" }]
[[tenant]]
name = "other"
root = "${folder}"`
  const serving = await serve({
    folder,
    config: configText(folder, { tenant, pool: 'workers = 1' }),
    through: (command) => ['sh', '-c', `ulimit -n ${LIMIT}; exec "$@"`, 'sh', ...command],
  })
  const holders = Array.from({ length: HOLDERS }, () => new Client(serving.socket))
  onTestFinished(() => {
    for (const holder of holders) holder.close()
  })
  for (const holder of holders) holder.get('hold.wasm').catch(() => undefined)
  const refused = new RegExp(`errno ${NFILE}`, 'g')
  await expect
    .poll(() => serving.log().match(refused)?.length ?? 0, { timeout: 30_000 })
    .toBeGreaterThan(HOLDERS / 2)
  const clients = Array.from(
    { length: CLIENTS },
    () => new Client(serving.socket, { WASM_FPM_TENANT: 'other' }),
  )
  const answers = await Promise.all(clients.map((client) => client.get('hello.wasm')))
  for (const client of clients) client.close()
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
})
