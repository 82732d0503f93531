/** A tenant changes its root under a worker's hands, with all that a worker may and may not do. */
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { swap } from '../../support/swapper.ts'
import { wat } from '../../support/wat.ts'
import { Client, makeFolder, serve } from './serve.ts'

const RACE_MS = 4000

/** A guest that answers with a word of its own. */
const says = (word: string) => {
  const text = `Content-Type: text/plain\\r\\n\\r\\n${word}`
  const { length } = text.replace(/\\[rn]/g, '.')
  return wat(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\10\\00\\00\\00${`\\${length.toString(16).padStart(2, '0')}`}\\00\\00\\00")
    (data (i32.const 16) "${text.replace(/\\r/g, '\\0d').replace(/\\n/g, '\\0a')}")
    (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`)
}

async function start() {
  const folder = makeFolder()
  const [own, other, kept] = ['own', 'other', 'kept'].map((name) => join(folder, name))
  for (const one of [own, other, kept]) mkdirSync(one ?? '')
  writeFileSync(join(own ?? '', 'steady.wasm'), says('steady'))
  writeFileSync(join(other ?? '', 'private.wasm'), says('private'))
  const tenants = ['own', 'other'].map(
    (name) => `[[tenant]]
name = "${name}"
pool = "www"
hosts = ["${name}.example"]
root = "${join(folder, name)}"
revalidate = "0s"
`,
  )
  const config = `[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
workers = 1
${tenants.join('')}`
  const serving = await serve({ folder, config })
  return { serving, own: own ?? '', other: other ?? '', kept: kept ?? '' }
}

const OWN = { HTTP_HOST: 'own.example' }
const OTHER = { HTTP_HOST: 'other.example' }

test('links in a root: inside they are followed, out of it they are refused', async () => {
  const { serving, own, other } = await start()
  const client = new Client(serving.socket)
  mkdirSync(join(own, 'sub'))
  symlinkSync('../steady.wasm', join(own, 'sub/relative.wasm'))
  symlinkSync(join(own, 'steady.wasm'), join(own, 'absolute.wasm'))
  symlinkSync('../other/private.wasm', join(own, 'out.wasm'))
  symlinkSync(join(other, 'private.wasm'), join(own, 'out-absolute.wasm'))
  symlinkSync('../other', join(own, 'folder'))
  execFileSync('mkfifo', [join(own, 'fifo.wasm')])
  const cases = [
    ['steady.wasm', 200, 'steady'],
    ['sub/relative.wasm', 200, 'steady'],
    ['absolute.wasm', 200, 'steady'],
    ['out.wasm', 404, 'GUEST_OUTSIDE_ROOT'],
    ['out-absolute.wasm', 404, 'GUEST_OUTSIDE_ROOT'],
    ['folder/private.wasm', 404, 'GUEST_OUTSIDE_ROOT'],
    ['fifo.wasm', 404, 'GATEWAY_UNKNOWN_HANDLER'],
  ] as const
  for (const [path, status, word] of cases) {
    const from = serving.log().length
    const answer = await client.get(path, '', OWN)
    expect([path, answer.status]).toEqual([path, status])
    if (status === 200) expect(answer.body).toBe(word)
    else await serving.logged(new RegExp(`"code":"${word}"`), from)
  }
  client.close()
})

test('a script that is swapped for FIFOs and links never runs another tenant’s module, and nothing hangs', async () => {
  const { serving, own, other, kept } = await start()
  const things = ['inside', 'fifo', 'link', 'again', 'absolute'].map((name) => join(kept, name))
  const [inside = '', fifo = '', link = '', again = '', absolute = ''] = things
  for (const file of [inside, again]) copyFileSync(join(own, 'steady.wasm'), file)
  execFileSync('mkfifo', [fifo])
  symlinkSync('../other/private.wasm', link)
  symlinkSync(join(other, 'private.wasm'), absolute)
  const swapper = await swap(join(own, 'flip.wasm'), things)
  const seen = new Map<string, number>()
  const count = (word: string) => seen.set(word, (seen.get(word) ?? 0) + 1)
  const endMs = performance.now() + RACE_MS
  const ask = async (script: string, host: typeof OWN) => {
    const client = new Client(serving.socket)
    while (performance.now() < endMs) {
      const { status, body } = await client.get(script, '', host)
      count(`${host.HTTP_HOST} ${status === 200 ? body : status}`)
    }
    client.close()
  }
  await Promise.all([
    ...Array.from({ length: 6 }, () => ask('flip.wasm', OWN)),
    ask('private.wasm', OTHER),
  ])
  await swapper.stop()
  expect([...seen.keys()].sort()).toEqual([
    'other.example private',
    'own.example 404',
    'own.example steady',
  ])
  // New modules are still read, and the server ends when it is told to.
  writeFileSync(join(other, 'new.wasm'), says('new'))
  const client = new Client(serving.socket)
  expect((await client.get('new.wasm', '', OTHER)).body).toBe('new')
  const [worker] = serving.workers()
  const open = readdirSync(`/proc/${worker}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${worker}/fd/${fd}`).includes(own)
    } catch {
      return false
    }
  })
  expect(open).toEqual([])
  client.close()
  serving.child.kill('SIGTERM')
  expect(await serving.exit).toBe(0)
})
