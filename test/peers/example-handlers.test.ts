/** The handler of examples/handlers, which is there in every language: all answer the same behind nginx. */
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildExampleHandler, EXAMPLE_HANDLERS } from '../support/example-handlers.ts'
import { type Answer, ask, type Question } from '../support/peers/http-client.ts'
import { isInstalled, type Peer, startPeer } from '../support/peers/start-peer.ts'
import { startWasmFpm, type WasmFpm } from '../support/peers/wasm-fpm.ts'
import { rustCompiler } from '../support/rust-compiler.ts'

/** Compilers that run at the same time. */
const PARALLEL = 2

const JSON_TYPE = { 'Content-Type': 'application/json' }
const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' }

interface Expected {
  readonly status: number
  readonly body: unknown
  readonly cookie?: string
}

interface Step extends Question {
  readonly name: string
  readonly path: string
  readonly expected: Expected
}

const hello = (name: string, cookie?: string): Expected => ({
  ...{ status: 200, body: { hello: name } },
  ...(cookie === undefined ? {} : { cookie: `name=${cookie}; Path=/; HttpOnly; SameSite=Lax` }),
})
const refused = (status: number, error: string): Expected => ({ status, body: { error } })
const post = (headers: Record<string, string>, body: string) => ({
  ...{ method: 'POST', path: '/greeting', headers, body: Buffer.from(body) },
})

const LARGE = Buffer.alloc(200_000, 'an upload, over and over. ')

const STEPS: readonly Step[] = [
  { name: 'no cookie', path: '/greeting?a=b', expected: hello('stranger') },
  {
    ...{ name: 'a cookie among others', path: '/greeting' },
    headers: { Cookie: 'a=b; name=Zo%C3%AB%20%22Z%22; xname=c' },
    expected: hello('Zoë "Z"'),
  },
  {
    ...{ name: 'JSON', ...post(JSON_TYPE, '{"name": "Ada"}') },
    expected: hello('Ada', 'Ada'),
  },
  {
    name: 'JSON with all that a text may have',
    ...post(JSON_TYPE, String.raw`{ "a":"","name" : "\"\\\/\u00eb\ud83d\ude00\t;ë😀" }`),
    expected: hello('"\\/ë😀\t;ë😀', '%22%5C%2F%C3%AB%F0%9F%98%80%09%3B%C3%AB%F0%9F%98%80'),
  },
  {
    ...{ name: 'a form', ...post(FORM_TYPE, 'a=b&name=Ada+L%c3%b6velace%26&c') },
    expected: hello('Ada Lövelace&', 'Ada%20L%C3%B6velace%26'),
  },
  ...['', '{', '{"name":"a"', '{"name":5}', '{"name":"a"} x', '{"a":"b"}', '{"name":"\\x"}'].map(
    (body) => ({
      ...{ name: `what is no JSON with a name: ${body}`, ...post(JSON_TYPE, body) },
      expected: refused(400, 'wanted a name'),
    }),
  ),
  {
    ...{ name: 'a form without a name', ...post(FORM_TYPE, 'names=a') },
    expected: refused(400, 'wanted a name'),
  },
  {
    ...{ name: 'another type', ...post({ 'Content-Type': 'text/plain' }, 'Ada') },
    expected: refused(415, 'wanted JSON or a form'),
  },
  {
    ...{ name: 'too long a body', ...post(FORM_TYPE, `name=${'a'.repeat(65_532)}`) },
    expected: refused(413, 'too long'),
  },
  {
    ...{ name: 'an upload', path: '/upload', method: 'POST', body: LARGE },
    expected: { status: 200, body: { bytes: LARGE.length, fnv1a: fnv1a(LARGE) } },
  },
  {
    ...{ name: 'no upload at all', path: '/upload', method: 'POST', body: Buffer.alloc(0) },
    expected: { status: 200, body: { bytes: 0, fnv1a: '811c9dc5' } },
  },
  {
    ...{ name: 'another method', path: '/upload', method: 'DELETE' },
    expected: refused(405, 'no such method'),
  },
  { name: 'another path', path: '/constructor', expected: refused(404, 'no such route') },
]

/** FNV-1a, 32 bits. */
function fnv1a(bytes: Uint8Array): string {
  let sum = 2_166_136_261
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 16_777_619)
  return (sum >>> 0).toString(16).padStart(8, '0')
}

function comparable({ status, headers, text }: Answer): Expected {
  const [cookie] = headers['set-cookie'] ?? []
  const body: unknown = JSON.parse(Buffer.from(text, 'latin1').toString())
  return { status, body, ...(cookie === undefined ? {} : { cookie }) }
}

describe.skipIf(!isInstalled('nginx'))('one handler in every language', () => {
  let root: string
  let wasmFpm: WasmFpm
  let nginx: Peer

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'wasm-fpm-handlers-'))
    chmodSync(root, 0o755)
    const left = [...EXAMPLE_HANDLERS]
    const build = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift())
        cpSync(
          await buildExampleHandler(next, { RUSTC: rustCompiler() }),
          join(root, `${next.name}.wasm`),
        )
    }
    await Promise.all(Array.from({ length: PARALLEL }, build))
    wasmFpm = await startWasmFpm({ root })
    nginx = await startPeer('nginx', {
      ...{ backend: wasmFpm.unix, keepAlive: true, streaming: true, documentRoot: root },
    })
  }, 240_000)

  afterAll(async () => {
    await nginx?.stop()
    await wasmFpm?.stop()
    rmSync(root, { recursive: true, force: true })
  })

  describe.each(EXAMPLE_HANDLERS)('$name', ({ name: language }) => {
    const asked = async (path: string, question: Question = {}): Promise<Answer> => {
      let answer = await ask(nginx.port, `/${language}.wasm${path}`, question)
      // Nobody waits longer for 14 MB of an engine to be compiled than for anything else.
      for (let turn = 0; answer.status === 503 && turn < 10; turn++)
        answer = await ask(nginx.port, `/${language}.wasm${path}`, question)
      return answer
    }

    test.each(STEPS)('$name', async ({ path, expected, name, ...question }) => {
      const answer = await asked(path, question)
      expect(answer.headers['content-type'], `${name}: ${answer.text}`).toBe('application/json')
      expect(comparable(answer)).toEqual(expected)
    })

    test('a stream: the answer to a line is there before the next line is sent', async () => {
      const lines = ['first, ä\n', 'second\n', 'third\n']
      const seen = lines.map(() => Promise.withResolvers<void>())
      async function* body(): AsyncGenerator<Uint8Array> {
        for (const [turn, line] of lines.entries()) {
          yield Buffer.from(line)
          await seen[turn]?.promise
        }
      }
      let text = ''
      const answer = await asked('/stream', {
        ...{ method: 'POST', body: body() },
        onBody: (chunk) => {
          text += chunk.toString('latin1')
          for (let turn = 0; turn < text.split('\n').length - 1; turn++) seen[turn]?.resolve()
        },
      })
      expect([answer.status, answer.ending]).toEqual([200, 'complete'])
      expect(Buffer.from(text, 'latin1').toString()).toBe('FIRST, ä\nSECOND\nTHIRD\n')
    })
  })
})
