/** Static files behind every web server: what RFC 9110 says about conditions and ranges reaches the client unharmed. */
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { parseEnvironment } from '../../src/cgi/environment.ts'
import { CgiResponseStream, DEFAULT_RESPONSE_LIMITS } from '../../src/cgi/response-stream.ts'
import { DEFAULT_CONNECTION_LIMITS } from '../../src/fastcgi/limits.ts'
import { ParamsBudget } from '../../src/fastcgi/params-budget.ts'
import type { FastCgiRequest } from '../../src/fastcgi/request.ts'
import { type Listener, openListener } from '../../src/gateway/listen/listener.ts'
import { FileReader } from '../../src/gateway/static/file-reader.ts'
import { StaticFiles } from '../../src/gateway/static/static-files.ts'
import { ask, askAndStall, type Question } from '../support/peers/http-client.ts'
import { PEER_NAMES } from '../support/peers/peer.ts'
import { isInstalled, type Peer, startPeer } from '../support/peers/start-peer.ts'

/** All peers pass on what is below this; it is also a file, for those that want to see one. */
const PREFIX = '/site.wasm'

const LARGE_BYTES = 5_000_000
const CONTENTS: Readonly<Record<string, Buffer>> = {
  'index.html': Buffer.from('<h1>Hello</h1>\n'),
  'docs/index.html': Buffer.from('<h1>Docs</h1>\n'),
  'app.js': Buffer.from('let a = 1 // and a good deal more\n'),
  'app.js.gz': Buffer.from('not really compressed'),
  'large.bin': Buffer.from(Array.from({ length: LARGE_BYTES }, (_, at) => (at ^ (at >> 8)) & 0xff)),
}
const LARGE = CONTENTS['large.bin']?.toString('latin1') ?? ''

const digests = Object.fromEntries(
  Object.entries(CONTENTS).map(([path, contents]) => [
    path,
    createHash('sha256').update(contents).digest('hex'),
  ]),
)
const tagOf = (path: string): string => `"${digests[path]?.slice(0, 32)}"`

const root = mkdtempSync(join(tmpdir(), 'wasm-fpm-static-'))
let listener: Listener
beforeAll(async () => {
  chmodSync(root, 0o755)
  writeFileSync(join(root, PREFIX), '')
  for (const [path, contents] of Object.entries(CONTENTS)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), contents)
  }
  const files = new StaticFiles({
    imageRoot: root,
    listing: async () =>
      Object.entries(CONTENTS).map(([path, { length }]) => ({
        path,
        bytes: length,
        digest: digests[path] ?? '',
      })),
    folder: undefined,
    index: 'index.html',
    cacheControl: undefined,
    reader: new FileReader(),
  })
  listener = await openListener('127.0.0.1:0', {
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    connection: {
      limits: DEFAULT_CONNECTION_LIMITS,
      paramsBudget: new ParamsBudget(),
      multiplex: true,
      values: () => ({ maxConns: 100, maxReqs: 100 }),
    },
    handler: {
      onRequest: (request) => void answer(request, files),
      onBadRequest: (request) => request.end(0, 1),
    },
  })
})
afterAll(async () => {
  await listener.close()
  listener.destroyConnections()
  rmSync(root, { recursive: true })
})

async function answer(request: FastCgiRequest, files: StaticFiles): Promise<void> {
  const cgi = parseEnvironment(request.params)
  const response = new CgiResponseStream(request.stdout, {
    method: cgi.method,
    role: 'responder',
    limits: { ...DEFAULT_RESPONSE_LIMITS, bodyBytes: Number.POSITIVE_INFINITY },
    allowedHeaders: new Set(),
    requestId: 'r',
  })
  const pathInfo = decodeURIComponent(cgi.path).slice(PREFIX.length)
  try {
    const onAbort = (giveUp: () => void): void => request.onAbort(giveUp)
    await files.answer({ cgi, pathInfo }, { sink: response, onAbort })
    response.finish()
    if (response.isDrained) request.end(0, 0)
    else response.onWritable(() => request.end(0, 0))
  } catch {
    request.breakOff(1)
  }
}

interface Case {
  readonly name: string
  readonly path: string
  readonly question?: Question
  readonly status: number
  /** Exactly these. */
  readonly headers?: Readonly<IncomingHttpHeaders>
  readonly text: string
}

const HTML = 'text/html; charset=utf-8'
const CASES: readonly Case[] = [
  {
    name: 'a file',
    path: '/',
    status: 200,
    headers: {
      etag: tagOf('index.html'),
      'content-type': HTML,
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
    },
    text: '<h1>Hello</h1>\n',
  },
  {
    name: 'HEAD',
    path: '/',
    question: { method: 'HEAD' },
    status: 200,
    headers: { etag: tagOf('index.html'), 'content-type': HTML },
    text: '',
  },
  {
    name: 'what the client has',
    path: '/',
    question: { headers: { 'If-None-Match': tagOf('index.html') } },
    status: 304,
    headers: { etag: tagOf('index.html') },
    text: '',
  },
  {
    name: 'what the client does not have',
    path: '/',
    question: { headers: { 'If-Match': '"x"' } },
    status: 412,
    text: '412 Precondition Failed\n',
  },
  {
    name: 'a range',
    path: '/',
    question: { headers: { Range: 'bytes=4-8' } },
    status: 206,
    headers: { 'content-range': 'bytes 4-8/15', etag: tagOf('index.html'), 'content-type': HTML },
    text: 'Hello',
  },
  {
    name: 'a range of a large file',
    path: '/large.bin',
    question: { headers: { Range: 'bytes=1000000-2999999', 'If-Range': tagOf('large.bin') } },
    status: 206,
    headers: { 'content-range': `bytes 1000000-2999999/${LARGE_BYTES}` },
    text: LARGE.slice(1_000_000, 3_000_000),
  },
  {
    name: 'a range of what has changed',
    path: '/',
    question: { headers: { Range: 'bytes=4-8', 'If-Range': '"x"' } },
    status: 200,
    text: '<h1>Hello</h1>\n',
  },
  {
    name: 'several ranges',
    path: '/',
    question: { headers: { Range: 'bytes=0-0,-2' } },
    status: 206,
    headers: {
      'content-type': `multipart/byteranges; boundary=${tagOf('index.html').slice(1, -1)}`,
    },
    text: ['0-0', '13-14']
      .map(
        (range, index) =>
          `${index === 0 ? '' : '\r\n'}--${tagOf('index.html').slice(1, -1)}\r\n` +
          `Content-Type: ${HTML}\r\nContent-Range: bytes ${range}/15\r\n\r\n${['<', '>\n'][index]}`,
      )
      .concat(`\r\n--${tagOf('index.html').slice(1, -1)}--\r\n`)
      .join(''),
  },
  {
    name: 'a range that is not there',
    path: '/',
    question: { headers: { Range: 'bytes=15-' } },
    status: 416,
    headers: { 'content-range': 'bytes */15' },
    text: '416 Range Not Satisfiable\n',
  },
  {
    name: 'a compressed form',
    path: '/app.js',
    question: { headers: { 'Accept-Encoding': 'gzip' } },
    status: 200,
    headers: {
      'content-encoding': 'gzip',
      vary: 'Accept-Encoding',
      etag: tagOf('app.js.gz'),
      'content-type': 'text/javascript; charset=utf-8',
    },
    text: 'not really compressed',
  },
  {
    name: 'a folder without its slash',
    path: '/docs?a=1',
    status: 308,
    text: '308 Permanent Redirect\n',
  },
  { name: 'nothing there', path: '/nothing', status: 404, text: '404 Not Found\n' },
  {
    name: 'another method',
    path: '/',
    question: { method: 'POST', body: Buffer.from('x') },
    status: 405,
    headers: { allow: 'GET, HEAD' },
    text: '405 Method Not Allowed\n',
  },
]

for (const name of PEER_NAMES) {
  describe.skipIf(!isInstalled(name))(name, () => {
    let peer: Peer
    beforeAll(async () => {
      const backend = { host: '127.0.0.1', tcpPort: Number(listener.address.split(':')[1]) }
      const ways = { keepAlive: false, streaming: true, documentRoot: root }
      peer = await startPeer(name, { backend, ...ways })
    })
    afterAll(() => peer?.stop())

    for (const { name: caseName, path, question, status, headers = {}, text } of CASES) {
      test(caseName, async () => {
        const answered = await ask(peer.port, PREFIX + path, question)
        expect(answered).toMatchObject({ status, headers, ending: 'complete' })
        expect(answered.text === text, answered.text.slice(0, 500)).toBe(true)
        if (status === 308) expect(answered.headers.location).toMatch(/\/site\.wasm\/docs\/\?a=1$/)
      })
    }

    test('a client that takes its time', async () => {
      const reading = await askAndStall(peer.port, `${PREFIX}/large.bin`)
      expect(await reading.resume()).toBe(LARGE_BYTES)
    })
  })
}
