/** What a tenant's modules may cost others while they are read, hardened and compiled: in a real worker. */
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withCustomSection } from '../../../bench/speed/guest-module.ts'
import { Client, makeFolder, serve } from './serve.ts'

const MIB = 1024 * 1024

async function start(tenant = '') {
  const folder = makeFolder()
  for (const name of ['big', 'small']) mkdirSync(join(folder, name))
  const tenants = ['big', 'small'].map(
    (name) => `[[tenant]]
name = "${name}"
pool = "www"
hosts = ["${name}.example"]
root = "${join(folder, name)}"
${name === 'big' ? tenant : ''}
`,
  )
  const config = `[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
workers = 1
${tenants.join('')}`
  const serving = await serve({ folder, config })
  return { serving, hello: readFileSync(join(folder, 'hello.wasm')), folder }
}

const host = (name: string) => ({ HTTP_HOST: `${name}.example` })

test('large modules of one tenant do not keep another one’s waiting', async () => {
  const { serving, hello, folder } = await start('[tenant.queue]\ntimeout = "60s"')
  const code = Buffer.alloc(50 * MIB, hello)
  const count = 6
  for (let at = 0; at < count; at++) {
    writeFileSync(join(folder, 'big', `${at}.wasm`), withCustomSection(hello, `${at}`, code.length))
  }
  writeFileSync(join(folder, 'small/one.wasm'), withCustomSection(hello, 'one', 300_000))
  let done = 0
  const large = Array.from({ length: count }, async (_, at) => {
    const answer = await new Client(serving.socket).get(`${at}.wasm`, '', host('big'))
    done += 1
    return answer.status
  })
  // Now all others of them wait to be read.
  await Promise.race(large)
  const answer = await new Client(serving.socket).get('one.wasm', '', host('small'))
  expect(answer.status).toBe(200)
  expect(done).toBeLessThanOrEqual(3)
  expect(await Promise.all(large)).toEqual(large.map(() => 200))
})

test('a module over the limit is refused by its size, and a hole by its first bytes', async () => {
  const { serving, folder } = await start()
  const holes = { 'over.wasm': 255 * MIB, 'hole.wasm': 60 * MIB }
  for (const [name, bytes] of Object.entries(holes)) {
    const path = join(folder, 'big', name)
    closeSync(openSync(path, 'w'))
    truncateSync(path, bytes)
  }
  const [worker] = serving.workers()
  const peakKib = () =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${worker}/status`, 'utf8'))?.[1])
  const client = new Client(serving.socket)
  expect((await client.get('hello.wasm', '', host('small'))).status).toBe(404)
  const before = peakKib()
  const codes = [
    ['over.wasm', 'WASM_LIMIT_EXCEEDED'],
    ['hole.wasm', 'WASM_NOT_A_MODULE'],
  ] as const
  for (const [name, code] of codes) {
    const from = serving.log().length
    expect((await client.get(name, '', host('big'))).status).toBe(502)
    await serving.logged(new RegExp(`"code":"${code}"`), from)
  }
  expect(peakKib() - before).toBeLessThan(30 * 1024)
  client.close()
})

test('a request waits for a module no longer than for an instance: 503, and it is there for a later one', async () => {
  const { serving, hello, folder } = await start('[tenant.queue]\ntimeout = "1ms"')
  writeFileSync(join(folder, 'big/app.wasm'), withCustomSection(hello, 'app', 20 * MIB))
  const client = new Client(serving.socket)
  const from = serving.log().length
  expect((await client.get('app.wasm', '', host('big'))).status).toBe(503)
  await serving.logged(/"code":"POOL_QUEUE_TIMEOUT"/, from)
  await expect.poll(async () => (await client.get('app.wasm', '', host('big'))).status).toBe(200)
  client.close()
})

test('modules that take no space on the disk take none in the worker either', async () => {
  const { serving, hello, folder } = await start('[tenant.queue]\ntimeout = "60s"')
  const [worker] = serving.workers()
  const rssKib = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${worker}/status`, 'utf8'))?.[1])
  const client = new Client(serving.socket)
  const hole = 40 * MIB
  for (let at = 0; at < 20; at++) {
    const path = join(folder, 'big', `${at}.wasm`)
    const name = Buffer.from(`hole ${at}`)
    writeFileSync(path, Buffer.concat([hello, customHead(name, hole)]))
    truncateSync(path, statSync(path).size + hole)
    expect((await client.get(`${at}.wasm`, '', host('big'))).status).toBe(200)
  }
  client.close()
  await expect.poll(rssKib, { timeout: 30_000 }).toBeLessThan(400 * 1024)
})

/** What a custom section begins with: id, length, name. */
function customHead(name: Buffer, length: number): Buffer {
  const size = 1 + name.length + length
  const leb = [0, 7, 14, 21].map((shift, at) => ((size >> shift) & 0x7f) | (at < 3 ? 0x80 : 0))
  return Buffer.from([0, ...leb, name.length, ...name])
}
