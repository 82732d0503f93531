/** A JavaScript handler, built to a component of wasi:http 0.2, behind nginx. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { COUNTER_WAT, componentWat, HELLO_3_WAT, HELLO_WAT } from '../support/component-wat.ts'
import { Child, freePort } from '../support/peers/child.ts'
import { type Answer, ask, type Question } from '../support/peers/http-client.ts'
import { isInstalled, type Peer, startPeer } from '../support/peers/start-peer.ts'
import { startWasmFpm, type WasmFpm } from '../support/peers/wasm-fpm.ts'

const JS = '/fetch.wasm'

interface Told {
  readonly method: string
  readonly pathname: string
  readonly agent: string
  readonly requests: number
  readonly random: string
}

/** What both are asked. */
const SAME: ReadonlyArray<Question & { readonly path: string }> = [
  { path: '?a=%20b', headers: { 'User-Agent': 'me' } },
  { path: '?do=echo', method: 'POST', body: Buffer.from('a body') },
  { path: '?do=echo', method: 'PUT', body: Buffer.alloc(100_000, 'xyz') },
  { path: '?do=json', method: 'POST', body: Buffer.from('{"name":"\u00e4"}') },
  { path: '?do=json', method: 'POST', body: Buffer.from('no JSON') },
  { path: '?do=stream&parts=20' },
  { path: '?do=throw' },
]

/** The body, without what differs each time. A failure is the server's to tell of. */
function told({ status, text }: Answer): string {
  return status >= 500 ? '' : text.replace(/"random":"[^"]*"/, '"random"')
}

async function startJco(
  component: string,
): Promise<{ readonly port: number; readonly child: Child }> {
  const directory = mkdtempSync(join(tmpdir(), 'wasm-fpm-jco-'))
  const port = await freePort()
  const child = new Child(
    process.execPath,
    [
      resolve('node_modules/@bytecodealliance/jco/dist/jco.js'),
      ...['serve', resolve(component), '--host', '127.0.0.1', '--port', String(port)],
      ...['--isolate-requests', 'instance'],
    ],
    { directory },
  )
  await child.accepting({ host: '127.0.0.1', tcpPort: port })
  return { port, child }
}

describe.skipIf(!isInstalled('nginx'))('a component behind nginx', () => {
  let root: string
  let bucket: string
  let wasmFpm: WasmFpm
  let nginx: Peer
  const asked = (path: string, question = {}) => ask(nginx.port, path, question)

  beforeAll(async () => {
    await promisify(execFile)(process.execPath, [
      'guests/build.ts',
      '--only',
      'js',
      '--require-all',
    ])
    root = mkdtempSync(join(tmpdir(), 'wasm-fpm-component-'))
    chmodSync(root, 0o755)
    cpSync('build/guests/js/fetch.wasm', join(root, 'fetch.wasm'))
    writeFileSync(join(root, 'hello.wasm'), await componentWat(HELLO_WAT))
    writeFileSync(join(root, 'hello-3.wasm'), await componentWat(HELLO_3_WAT))
    writeFileSync(join(root, 'run.wasm'), await componentWat('(component (core module))'))
    writeFileSync(join(root, 'counter.wasm'), await componentWat(COUNTER_WAT))
    bucket = mkdtempSync(join(tmpdir(), 'wasm-fpm-bucket-'))
    wasmFpm = await startWasmFpm({
      root,
      keys: `env = { GREETING = "hi" }\nmounts = [{ host = "${bucket}", guest = "/counts", writable = true, keyvalue = "counts" }]`,
    })
    nginx = await startPeer('nginx', {
      backend: wasmFpm.unix,
      keepAlive: false,
      streaming: true,
      documentRoot: root,
    })
    await asked(JS) // reads and compiles it
  })

  afterAll(async () => {
    await nginx?.stop()
    await wasmFpm?.stop()
    for (const folder of [root, bucket]) rmSync(folder, { recursive: true, force: true })
  })

  test('one in WebAssembly text: each request is the first', async () => {
    for (const path of ['/hello.wasm', '/hello.wasm?a=1', '/hello.wasm/b']) {
      const { status, text } = await asked(path)
      assert.equal(status, 200)
      assert.equal(text, `0 times before: ${path}`)
    }
  })

  test('one of WASI 0.3, async with a callback: each request is the first, and its body streams through', async () => {
    // The last is more than a socket holds: its answer begins while nginx waits to send the rest.
    for (const body of ['', 'a body', 'x'.repeat(300_000), 'x'.repeat(3_000_000)]) {
      const question = body === '' ? {} : { method: 'POST', body: Buffer.from(body) }
      const { status, text } = await asked('/hello-3.wasm?a=1', question)
      assert.equal(status, 200)
      assert.equal(text, `0 times before: /hello-3.wasm?a=1${body}`)
    }
    const together = await Promise.all(
      Array.from({ length: 8 }, (_, index) => asked(`/hello-3.wasm?${index}`)),
    )
    for (const [index, { text }] of together.entries())
      assert.equal(text, `0 times before: /hello-3.wasm?${index}`)
  })

  test('what it keeps in a bucket is there in the next request, and the operator has set what it reads', async () => {
    const texts: string[] = []
    for (let turn = 0; turn < 3; turn++) texts.push((await asked('/counter.wasm')).text)
    assert.deepEqual(texts, ['hi\n1', 'hi\n2', 'hi\n3'])
    const together = await Promise.all(Array.from({ length: 20 }, () => asked('/counter.wasm')))
    for (const { status } of together) assert.equal(status, 200)
    assert.equal((await asked('/counter.wasm')).text, 'hi\n24')
    assert.equal(readFileSync(join(bucket, 'hits%2F%C3%A4'), 'utf8'), '24')
    // Of another tenant, which has no such mount and no settings.
    const headers = { Host: 'tight.example' }
    assert.equal((await asked('/counter.wasm', { headers })).text, '\nrefused: ')
  })

  test('each request begins with a clean memory, and with randomness of its own', async () => {
    const seen = new Set<string>()
    for (let turn = 0; turn < 20; turn++) {
      const { status, text, headers } = await asked(`${JS}?n=${turn}`, {
        headers: { 'User-Agent': `a${turn}` },
      })
      assert.equal(status, 200, text)
      assert.equal(headers['content-type'], 'application/json')
      const { random, ...told } = JSON.parse(text) as Told
      assert.deepEqual(told, { method: 'GET', pathname: JS, agent: `a${turn}`, requests: 1 })
      seen.add(random)
    }
    assert.equal(seen.size, 20)
  })

  test('what it prints is in the log, not in the answer', async () => {
    const from = wasmFpm.logs().length
    const { text } = await asked(JS)
    assert.doesNotMatch(text, /printed/)
    assert.match(await wasmFpm.logged(/printed/, from), /printed/)
  })

  test('a body that comes late, while others are answered', async () => {
    let answered = 0
    async function* late(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('first, ')
      for (let turn = 0; turn < 5; turn++) {
        assert.equal((await asked(JS)).status, 200)
        answered += 1
      }
      yield Buffer.from('second')
    }
    const { text, headers } = await asked(`${JS}?do=echo`, { method: 'POST', body: late() })
    assert.equal(text, 'first, second')
    assert.equal(headers['x-count'], '1')
    assert.equal(answered, 5)
  })

  test('JSON in and out', async () => {
    const { status, text } = await asked(`${JS}?do=json`, {
      method: 'POST',
      body: Buffer.from('{"name":"ä"}'),
    })
    assert.equal(status, 201)
    assert.deepEqual(JSON.parse(Buffer.from(text, 'latin1').toString()), {
      hello: 'ä',
      requests: 1,
    })
  })

  test('3 MiB each way', async () => {
    const body = Buffer.alloc(3 * 1024 * 1024, 'abcdefg')
    const { text, ending } = await asked(`${JS}?do=echo`, { method: 'POST', body })
    assert.equal(ending, 'complete')
    assert.equal(text, body.toString('latin1'))
    assert.equal((JSON.parse((await asked(JS)).text) as Told).requests, 1)
  })

  test('a stream that its client takes slowly is not held in memory', async () => {
    const parts = 8_000
    let bytes = 0
    let isPaused = false
    const before = wasmFpm.memoryBytes()
    const { ending } = await ask(nginx.port, `${JS}?do=stream&parts=${parts}`, {
      timeoutMs: 60_000,
      onBody: (chunk) => {
        bytes += chunk.length
        isPaused ||= true
      },
    })
    assert.equal(ending, 'complete')
    assert.equal(bytes, parts * 4096)
    assert.equal(isPaused, true)
    assert.ok(wasmFpm.memoryBytes() - before < 96 * 1024 * 1024)
  })

  test('a loop without end is stopped, and others are answered meanwhile', async () => {
    const from = wasmFpm.logs().length
    const stuck = ask(nginx.port, `${JS}?do=loop`, { headers: { Host: 'tight.example' } })
    await delay(50)
    const { status } = await asked('/hello.wasm')
    assert.equal(status, 200)
    assert.equal((await stuck).status, 504)
    assert.match(await wasmFpm.logged(/OUTCOME_WALL_EXCEEDED/, from), /tight/)
    assert.equal((await asked(JS)).status, 200)
  })

  test('an exception of its own is an answer of its own', async () => {
    const { status } = await asked(`${JS}?do=throw`)
    assert.equal(status, 500)
    assert.equal((await asked(JS)).status, 200)
  })

  test('requests of its own are denied', async () => {
    const { status, text } = await asked(`${JS}?do=fetch&to=http://127.0.0.1:${nginx.port}/`)
    assert.equal(status, 403)
    assert.match(text, /^denied/)
  })

  test('jco, which generates code, answers the same', async () => {
    const second = await startJco('build/guests/js/fetch.wasm')
    try {
      for (const { path, ...question } of SAME) {
        const own = await asked(`${JS}${path}`, question)
        const other = await ask(second.port, `${JS}${path}`, question)
        assert.deepEqual([own.status, told(own)], [other.status, told(other)], path)
        const { 'content-type': type } = other.headers
        if (own.status < 500 && type !== undefined) assert.equal(own.headers['content-type'], type)
      }
    } finally {
      await second.child.stop()
    }
  })

  test('one that answers no requests is refused with a code', async () => {
    const from = wasmFpm.logs().length
    assert.equal((await asked('/run.wasm')).status, 502)
    await wasmFpm.logged(/COMPONENT_EXPORT/, from)
  })
})
