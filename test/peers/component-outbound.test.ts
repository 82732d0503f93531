/** A JavaScript handler that asks a second nginx by `fetch`, and passes its answer on. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { makeCertificate } from '../support/outbound-peer.ts'
import { Child, freePort } from '../support/peers/child.ts'
import { ask, type Question } from '../support/peers/http-client.ts'
import { nginxFrame } from '../support/peers/nginx-frame.ts'
import {
  findProgram,
  isInstalled,
  type Peer,
  SERVER_USER,
  startPeer,
} from '../support/peers/start-peer.ts'
import { startWasmFpm, type WasmFpm } from '../support/peers/wasm-fpm.ts'

const JS = '/fetch.wasm'
const BIG = 3 * 1024 * 1024

/** Behind the second nginx. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const { method, url = '/', headers } = request
  switch (new URL(url, 'http://behind').pathname) {
    case '/told':
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ method, url, host: headers.host, own: headers['x-own'] }))
      break
    case '/echo':
      response.writeHead(201, { 'x-framing': headers['transfer-encoding'] ?? 'none' })
      request.pipe(response)
      break
    case '/slow':
      response.write('first, ')
      setTimeout(() => response.end('second'), 300)
      break
    case '/endless': {
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536, 'x')));
      }
      response.on('drain', more)
      more()
      break
    }
    default:
      response.writeHead(404).end('not here')
  }
}

describe.skipIf(!isInstalled('nginx'))('a component that asks a second nginx', () => {
  let root: string
  let folder: string
  let behind: Server
  let second: Child
  let wasmFpm: WasmFpm
  let nginx: Peer
  let port: number
  let tlsPort: number
  let deniedPort: number

  const asked = (to: string, question: Question = {}) =>
    ask(nginx.port, `${JS}?do=fetch&to=${encodeURIComponent(to)}`, question)
  const plain = (path: string): string => `http://localhost:${port}${path}`

  async function startSecond(): Promise<void> {
    folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-second-'))
    chmodSync(folder, 0o755)
    makeCertificate(folder)
    writeFileSync(join(folder, 'big.txt'), Buffer.alloc(BIG, 'abcdefg'))
    port = await freePort()
    tlsPort = await freePort()
    const { port: behindPort } = behind.address() as { port: number }
    const http = `client_max_body_size 0;
  server {
    listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    root ${folder};
    location = /hello { add_header X-Secure $https always; return 200 "from the second nginx"; }
    location = /moved { return 302 http://127.0.0.1:${deniedPort}/; }
    location = /big.txt { }
    location / {
      proxy_pass http://127.0.0.1:${behindPort};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_request_buffering off;
      proxy_buffering off;
    }
  }`
    writeFileSync(join(folder, 'nginx.conf'), nginxFrame({ folder, user: SERVER_USER, http }))
    const args = ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log']
    second = new Child(findProgram('nginx') ?? 'nginx', args, { directory: folder })
    await second.accepting({ host: '127.0.0.1', tcpPort: port })
  }

  beforeAll(async () => {
    await promisify(execFile)(process.execPath, [
      ...['guests/build.ts', '--only', 'js', '--require-all'],
    ])
    behind = createServer(answer)
    await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve))
    deniedPort = await freePort()
    await startSecond()
    root = mkdtempSync(join(tmpdir(), 'wasm-fpm-component-outbound-'))
    chmodSync(root, 0o755)
    cpSync('build/guests/js/fetch.wasm', join(root, 'fetch.wasm'))
    wasmFpm = await startWasmFpm({
      root,
      keys: `outbound = [
  { host = "localhost", ports = [${port}], private = true, methods = ["GET", "HEAD", "POST"] },
  { host = "127.0.0.1", ports = [${port}, 1] },
  { host = "localhost", ports = [1] },
  { host = "localhost", ports = [${tlsPort}], protocol = "tls", private = true, ca = "${folder}/cert.pem" },
  { host = "127.0.0.1", ports = [${tlsPort}], protocol = "tls" },
]`,
      limits: 'outbound_received = "8MiB"\noutbound_sent = "8MiB"\noutbound_idle = "2s"',
    })
    nginx = await startPeer('nginx', {
      backend: wasmFpm.unix,
      keepAlive: false,
      streaming: true,
      documentRoot: root,
    })
    await ask(nginx.port, JS) // reads and compiles it
  })

  afterAll(async () => {
    await nginx?.stop()
    await wasmFpm?.stop()
    await second?.stop()
    behind?.closeAllConnections()
    behind?.close()
    for (const path of [root, folder]) rmSync(path, { recursive: true, force: true })
  })

  test('its answer is passed on: status, fields and body', async () => {
    const { status, text } = await asked(plain('/hello'))
    assert.deepEqual([status, text], [200, 'from the second nginx'])
    assert.equal((await asked(plain('/nowhere'))).status, 404)
  })

  test('what is asked for is what the handler said, and Host is where it goes', async () => {
    const { text, headers } = await asked(plain('/told?a=%20b'))
    assert.equal(headers['content-type'], 'application/json')
    const told = { method: 'GET', url: '/told?a=%20b', host: `localhost:${port}` }
    assert.deepEqual(JSON.parse(text), { ...told, own: 'from the handler' })
  })

  test('bodies go both ways as they come', async () => {
    const body = Buffer.alloc(BIG, 'xyz')
    const { status, text, headers, ending } = await asked(plain('/echo'), { method: 'POST', body })
    assert.deepEqual([status, ending, headers['x-framing']], [201, 'complete', 'chunked'])
    assert.equal(text, body.toString('latin1'))
  })

  test('a file with a length, and a stream that comes late', async () => {
    const { text, ending } = await asked(plain('/big.txt'))
    assert.deepEqual([text.length, ending], [BIG, 'complete'])
    assert.equal((await asked(plain('/slow'))).text, 'first, second')
  })

  test('others are answered while it waits', async () => {
    const slow = asked(plain('/slow'))
    let answered = 0
    let isOver = false
    void slow.finally(() => {
      isOver = true
    })
    while (!isOver) {
      assert.equal((await asked(plain('/hello'))).status, 200)
      answered += 1
    }
    assert.equal((await slow).text, 'first, second')
    assert.ok(answered > 1, String(answered))
  })

  test("TLS is the host's: the name must be in a certificate that is trusted", async () => {
    const { status, text } = await asked(`https://localhost:${tlsPort}/hello`)
    assert.deepEqual([status, text], [200, 'from the second nginx'])
    const from = wasmFpm.logs().length
    assert.equal((await asked(`https://127.0.0.1:${tlsPort}/hello`)).status, 403)
    await wasmFpm.logged(/OUTBOUND_TLS_FAILED/, from)
  })

  const REFUSED: ReadonlyArray<{
    readonly name: string
    readonly to: () => string
    readonly code: string
    readonly as?: string
  }> = [
    {
      name: 'what is not listed',
      to: () => `http://localhost:${deniedPort}/`,
      code: 'OUTBOUND_NOT_ALLOWED',
    },
    {
      name: 'a method that is not listed',
      to: () => plain('/echo'),
      as: 'DELETE',
      code: 'OUTBOUND_NOT_ALLOWED',
    },
    {
      name: 'a name that leads to this machine, and is not said to',
      to: () => 'http://localhost:1/',
      code: 'OUTBOUND_BAD_ADDRESS',
    },
    {
      name: 'a port where nobody is',
      to: () => 'http://127.0.0.1:1/',
      code: 'OUTBOUND_CONNECT_FAILED',
    },
  ]

  test.each(REFUSED)('refused, with a code: $name', async ({ to, code, as }) => {
    const from = wasmFpm.logs().length
    const headers = as === undefined ? {} : { 'X-As': as }
    const { status, text } = await asked(to(), { headers })
    assert.equal(status, 403, text)
    await wasmFpm.logged(new RegExp(code), from)
  })

  test('a redirect is an answer: where it leads is asked for by the handler, or not at all', async () => {
    assert.equal((await asked(plain('/moved'))).status, 302)
  })

  test('more than its tenant may receive', async () => {
    const from = wasmFpm.logs().length
    const { text } = await asked(plain('/endless'))
    assert.ok(text.length <= 8 * 1024 * 1024, String(text.length))
    await wasmFpm.logged(/OUTBOUND_TOO_MUCH_RECEIVED/, from)
    assert.equal((await asked(plain('/hello'))).status, 200)
  })
})
