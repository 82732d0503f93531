/** Components of compiled languages behind nginx: a handler of wasi:http in Rust, and programs for CGI as wasi:cli commands. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { composeComponents } from '../support/compose-components.ts'
import { ask, type Question } from '../support/peers/http-client.ts'
import { isInstalled, type Peer, startPeer } from '../support/peers/start-peer.ts'
import { startWasmFpm, type WasmFpm } from '../support/peers/wasm-fpm.ts'
import { PROGRAM } from '../support/program.ts'

const RUST = '/rust-http.wasm'
/** The same behind another component, both in one. */
const GUARDED = '/guarded.wasm'
/** Each is there as a module of preview 1, too. */
const COMMANDS = ['hello', 'echo', 'upload', 'exit']

interface Told {
  readonly method: string
  readonly target: string
  readonly requests: number
  readonly random: string
}

describe.skipIf(!isInstalled('nginx'))('components of compiled languages behind nginx', () => {
  let root: string
  let wasmFpm: WasmFpm
  let nginx: Peer
  const asked = (path: string, question: Question = {}) => ask(nginx.port, path, question)

  beforeAll(async () => {
    const only = ['c', 'c-command', 'rust-http'].flatMap((name) => ['--only', name])
    await promisify(execFile)(process.execPath, ['guests/build.ts', ...only, '--require-all'])
    root = mkdtempSync(join(tmpdir(), 'wasm-fpm-component-languages-'))
    chmodSync(root, 0o755)
    cpSync('build/guests/rust-http/handler.wasm', join(root, RUST))
    const [plug, socket] = ['handler', 'guard'].map((name) =>
      readFileSync(`build/guests/rust-http/${name}.wasm`),
    ) as [Buffer, Buffer]
    const composed = { plug, socket, interface: 'wasi:http/incoming-handler' }
    writeFileSync(join(root, GUARDED), await composeComponents(composed))
    for (const name of COMMANDS) {
      cpSync(`build/guests/c/${name}.wasm`, join(root, `${name}-module.wasm`))
      cpSync(`build/guests/c-command/${name}.wasm`, join(root, `${name}.wasm`))
    }
    wasmFpm = await startWasmFpm({ root })
    nginx = await startPeer('nginx', {
      ...{ backend: wasmFpm.unix, keepAlive: false, streaming: true, documentRoot: root },
    })
  })

  afterAll(async () => {
    await nginx?.stop()
    await wasmFpm?.stop()
    rmSync(root, { recursive: true, force: true })
  })

  test('Rust: each request begins with a clean memory, and with randomness of its own', async () => {
    const seen = new Set<string>()
    for (let turn = 0; turn < 20; turn++) {
      const { status, text, headers } = await asked(`${RUST}?n=${turn}`)
      assert.deepEqual([status, headers['content-type']], [200, 'application/json'], text)
      const { random, ...told } = JSON.parse(text) as Told
      assert.deepEqual(told, { method: 'GET', target: `${RUST}?n=${turn}`, requests: 1 })
      seen.add(random)
    }
    assert.equal(seen.size, 20)
  })

  test('Rust: a body comes and goes as it is read and written', async () => {
    async function* late(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('first, ')
      assert.equal((await asked(RUST)).status, 200)
      yield Buffer.from('second')
    }
    const { text, headers } = await asked(`${RUST}?do=echo`, { method: 'POST', body: late() })
    assert.deepEqual([text, headers['x-count']], ['first, second', '1'])
    const body = Buffer.alloc(30_000, 'abcdefg')
    const large = await asked(`${RUST}?do=echo`, { method: 'PUT', body })
    assert.deepEqual([large.ending, large.text === body.toString('latin1')], ['complete', true])
  })

  test('Rust: what it prints is in the log, and a panic is a 500 with its words there', async () => {
    const from = wasmFpm.logs().length
    await asked(RUST)
    await wasmFpm.logged(/printed/, from)
    assert.equal((await asked(`${RUST}?do=panic`)).status, 500)
    await wasmFpm.logged(/by request/, from)
    assert.equal((await asked(RUST)).status, 200)
  })

  test('Rust: a handle that is given up twice is a trap', async () => {
    const from = wasmFpm.logs().length
    assert.equal((await asked(`${RUST}?do=twice`)).status, 500)
    await wasmFpm.logged(/there is no handle/, from)
  })

  test('composed: one component stands before another one, and gives it the request or not', async () => {
    const from = wasmFpm.logs().length
    for (let turn = 0; turn < 5; turn++) {
      const { status, text } = await asked(`${GUARDED}?n=${turn}`)
      const { random, ...told } = JSON.parse(text) as Told
      assert.deepEqual([status, typeof random], [200, 'string'])
      assert.deepEqual(told, { method: 'GET', target: `${GUARDED}?n=${turn}`, requests: 1 })
    }
    await wasmFpm.logged(/printed/, from)
    await wasmFpm.logged(/handled \/guarded\.wasm\?n=4/, from)
    const denied = await asked(`${GUARDED}?guard=deny`)
    assert.deepEqual([denied.status, denied.text], [403, 'denied'])
  })

  test('composed: a body goes through both as it comes, while others are answered', async () => {
    async function* late(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('first, ')
      assert.equal((await asked(GUARDED)).status, 200)
      yield Buffer.from('second')
    }
    const { text } = await asked(`${GUARDED}?do=echo`, { method: 'POST', body: late() })
    assert.equal(text, 'first, second')
    const body = Buffer.alloc(30_000, 'abcdefg')
    const large = await asked(`${GUARDED}?do=echo`, { method: 'PUT', body })
    assert.deepEqual([large.ending, large.text === body.toString('latin1')], ['complete', true])
  })

  test('composed: when either traps, the request has failed, and the next one is answered', async () => {
    for (const [query, said] of [
      ['guard=panic', /in the guard/],
      ['do=panic', /by request/],
      ['do=twice', /there is no handle/],
    ] as const) {
      const from = wasmFpm.logs().length
      assert.equal((await asked(`${GUARDED}?${query}`)).status, 500)
      await wasmFpm.logged(said, from)
      assert.equal((await asked(GUARDED)).status, 200)
    }
  })

  test.each(COMMANDS)('%s as a wasi:cli command answers as the module does', async (name) => {
    const questions: ReadonlyArray<Question & { readonly path: string }> = [
      { path: '?a=b' },
      { path: '?code=3&when=after' },
      { path: '', method: 'POST', body: Buffer.alloc(30_000, 'xyz') },
    ]
    for (const { path, ...question } of questions) {
      const own = await asked(`/${name}.wasm${path}`, question)
      const other = await asked(`/${name}-module.wasm${path}`, question)
      assert.equal(own.status, other.status)
      assert.equal(own.headers['content-type'], other.headers['content-type'])
      // Ports, and its own name.
      const plain = (text: string): string =>
        text.replaceAll('-module.wasm', '.wasm').replace(/"REMOTE_PORT":"\d+"/, '')
      if (own.status < 500) assert.equal(plain(own.text), plain(other.text))
    }
  })

  test('`wasm-fpm run`: arguments, standard streams and the exit code are those of the command', () => {
    const program = ['run', 'build/guests/c-command/echo.wasm', '--', 'one', 'two']
    const { status, stdout } = spawnSync(process.execPath, [...PROGRAM, ...program], {
      input: 'abc',
      encoding: 'utf8',
    })
    assert.equal(status, 0)
    assert.match(stdout, /"args":\["echo.wasm","one","two"\].*"body":"abc"/)
  }, 60_000)
})
