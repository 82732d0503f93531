/** The built-in HTTP front, with a real FastCGI listener behind it. */
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { BoundSocket, createConnection } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { loadLibc } from '../../../src/base/libc.ts'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { connectorTo } from '../../../src/gateway/http/backend-pool.ts'
import { startHttpFront } from '../../../src/gateway/http/front.ts'
import {
  connectRaw,
  listenFor,
  type OnRequest,
  type TestListener,
  temporaryDirectory,
} from '../listen/responder.ts'

interface Front extends TestListener {
  readonly url: string
  readonly port: number
}

async function serve(onRequest: OnRequest, address?: string): Promise<Front> {
  const backend = await listenFor(onRequest, {}, address)
  const { port, url } = await front(backend.listener.address)
  return { ...backend, port, url }
}

async function front(backend: string): Promise<{ readonly port: number; readonly url: string }> {
  const started = await startHttpFront({
    host: '127.0.0.1',
    port: 0,
    connect: connectorTo(backend),
    logger: pino({ level: 'silent' }),
  })
  onTestFinished(() => started.close())
  return { port: started.port, url: `http://127.0.0.1:${started.port}` }
}

/** Answers with these bytes. */
function answer(response: string | Buffer): OnRequest {
  return (request) => {
    request.stdout.write(Buffer.from(response as string))
    request.end(0, 0)
  }
}

/** Answers with what it was asked, as JSON. */
const showParams: OnRequest = (request) => {
  const head = 'Status: 200 OK\r\nContent-Type: application/json\r\n\r\n'
  request.stdout.write(Buffer.from(head + JSON.stringify([...request.params]), 'latin1'))
  request.end(0, 0)
}

/** Sends the body back while it arrives. */
const echo: OnRequest = (request) => {
  request.stdout.write(Buffer.from('Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n'))
  const pump = (): void => {
    let bytes = request.stdin.read(50_000)
    while (bytes !== undefined && bytes.length > 0) {
      if (!writeOrWait(request, bytes, pump)) return
      bytes = request.stdin.read(50_000)
    }
    if (bytes === undefined) request.end(0, 0)
    else request.stdin.onReadable(pump)
  }
  pump()
}

/** Answers false if it had to wait; then calls `goOn` when all is written. */
function writeOrWait(request: FastCgiRequest, bytes: Uint8Array, goOn: () => void): boolean {
  const taken = request.stdout.write(bytes)
  if (taken === bytes.length) return true
  request.stdout.onWritable(() => {
    if (writeOrWait(request, bytes.subarray(taken), goOn)) goOn()
  })
  return false
}

/** Sends bytes as they are and answers everything until the server closes. */
async function rawHttp(port: number, bytes: string): Promise<string> {
  const socket = createConnection({ host: '127.0.0.1', port })
  socket.write(Buffer.from(bytes, 'latin1'))
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('latin1')
}

test('the variables of a request', async () => {
  const { port } = await serve(showParams)
  const response = await rawHttp(
    port,
    [
      'POST /a%2Fb/c%20d%C3%A9?q=1&r=%41 HTTP/1.1',
      'Host: shop.example:8080',
      'X-One: 1',
      'X-One: 2',
      'Cookie: a=1',
      'Cookie: b=2',
      'Proxy: http://evil',
      'X_Real_IP: 6.6.6.6',
      'X.Dot: no',
      'Content-Type: text/x',
      'Content-Length: 2',
      'Connection: close',
      '',
      'hi',
    ].join('\r\n'),
  )
  const params = new Map<string, string>(
    JSON.parse(response.slice(response.indexOf('[['), response.lastIndexOf(']]') + 2)),
  )
  expect(Object.fromEntries(params)).toEqual({
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_SOFTWARE: 'wasm-fpm',
    SERVER_PROTOCOL: 'HTTP/1.1',
    SERVER_NAME: 'shop.example',
    SERVER_PORT: String(port),
    SERVER_ADDR: '127.0.0.1',
    REMOTE_ADDR: '127.0.0.1',
    REMOTE_PORT: expect.stringMatching(/^[0-9]+$/),
    REQUEST_METHOD: 'POST',
    REQUEST_SCHEME: 'http',
    HTTPS: 'off',
    REQUEST_URI: '/a%2Fb/c%20d%C3%A9?q=1&r=%41',
    SCRIPT_NAME: '/a/b/c d\xc3\xa9',
    QUERY_STRING: 'q=1&r=%41',
    CONTENT_TYPE: 'text/x',
    CONTENT_LENGTH: '2',
    HTTP_HOST: 'shop.example:8080',
    HTTP_X_ONE: '1, 2',
    HTTP_COOKIE: 'a=1; b=2',
  })
})

test('the absolute form of a target names the same path', async () => {
  const { port } = await serve(showParams)
  const response = await rawHttp(
    port,
    'GET http://h.example/x?y HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n',
  )
  expect(response).toContain('["SCRIPT_NAME","/x"]')
  expect(response).toContain('["REQUEST_URI","http://h.example/x?y"]')
  expect(response).not.toContain('CONTENT_LENGTH')
})

test('status, reason and fields come through, cookies each on its own line', async () => {
  const { port } = await serve(
    answer(
      'Status: 418 Short and stout\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Y: z\r\nConnection: close\r\n\r\npot',
    ),
  )
  const response = await rawHttp(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  expect(response).toMatch(
    /^HTTP\/1\.1 418 Short and stout\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Y: z\r\n/,
  )
  expect(response).toContain('pot')
})

test.each([
  { name: 'HEAD', method: 'HEAD', head: 'Status: 200 OK\r\nContent-Length: 5', status: 200 },
  { name: '204', method: 'GET', head: 'Status: 204 No Content', status: 204 },
  { name: '304', method: 'GET', head: 'Status: 304 Not Modified\r\nETag: "x"', status: 304 },
])('$name has no body, and the connection goes on', async ({ method, head, status }) => {
  const { url } = await serve(answer(`${head}\r\n\r\n`))
  for (let round = 0; round < 2; round++) {
    const response = await fetch(url, { method })
    expect([response.status, await response.text()]).toEqual([status, ''])
  }
})

test('Location alone is a redirect', async () => {
  const { url } = await serve(answer('Location: /there\r\n\r\n'))
  expect((await fetch(url, { redirect: 'manual' })).status).toBe(302)
})

test('a header in pieces, down to single bytes', async () => {
  const { url } = await serve((request) => {
    const bytes = Buffer.from('Status: 200 OK\r\nContent-Type: text/x\r\n\r\nbody\r\n\r\n')
    const sendFrom = (at: number): void => {
      request.stdout.write(bytes.subarray(at, at + 1))
      if (at + 1 < bytes.length) setImmediate(sendFrom, at + 1)
      else request.end(0, 0)
    }
    sendFrom(0)
  })
  const response = await fetch(url)
  expect([response.headers.get('content-type'), await response.text()]).toEqual([
    'text/x',
    'body\r\n\r\n',
  ])
})

test.each([
  { transport: 'unix', address: undefined },
  { transport: 'tcp', address: '127.0.0.1:0' },
])('20 MB there and back at the same time, chunked, $transport', async ({ address }) => {
  const { url } = await serve(echo, address)
  const block = new Uint8Array(100_000).fill(7)
  let sent = 0
  const body = new ReadableStream({
    pull(controller) {
      if (sent++ < 200) controller.enqueue(block)
      else controller.close()
    },
  })
  const response = await fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit)
  const received = new Uint8Array(await response.arrayBuffer())
  expect(received.length).toBe(20_000_000)
  expect(received.every((byte) => byte === 7)).toBe(true)
})

test('a client that waits for 100 Continue gets it', async () => {
  const { port } = await serve(echo)
  const request = httpRequest({ port, method: 'POST', headers: { Expect: '100-continue' } })
  request.flushHeaders()
  await once(request, 'continue')
  request.end('hello')
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  expect(await text(response)).toBe('hello')
})

test('an answer that comes before the upload is over', async () => {
  const { url } = await serve(
    answer('Status: 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n'),
  )
  for (let round = 0; round < 3; round++) {
    const response = await fetch(url, { method: 'POST', body: 'x'.repeat(3_000_000) })
    expect([response.status, await response.text()]).toEqual([413, 'no\n'])
  }
})

test('a client that leaves aborts the request', async () => {
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  const { url, listener } = await serve((request) => {
    request.onAbort(() => {
      resolve()
      request.end(0, 1)
    })
    request.stdout.write(Buffer.from('Status: 200 OK\r\n\r\nfirst'))
  })
  const controller = new AbortController()
  const response = await fetch(url, { signal: controller.signal })
  expect(response.status).toBe(200)
  controller.abort()
  await aborted
  // FCGI_ABORT_REQUEST, not a lost connection: it is kept.
  expect(listener.connections).toBe(1)
})

test.each([
  { name: 'chunked', length: '' },
  { name: 'with Content-Length', length: 'Content-Length: 100\r\n' },
])('an answer that is broken off does not look complete, $name', async ({ length }) => {
  const { url } = await serve((request) => {
    request.stdout.write(Buffer.from(`Status: 200 OK\r\n${length}\r\npartial`))
    setImmediate(() => request.breakOff(1))
  })
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow()
})

test('fewer bytes than Content-Length do not look complete either; more are cut', async () => {
  const short = await serve(answer('Status: 200 OK\r\nContent-Length: 100\r\n\r\nshort'))
  await expect(fetch(short.url).then((response) => response.text())).rejects.toThrow()
  const long = await serve(answer('Status: 200 OK\r\nContent-Length: 3\r\n\r\nlong'))
  expect(await (await fetch(long.url)).text()).toBe('lon')
})

test.each([
  { name: 'nothing', response: '' },
  { name: 'no header', response: 'hello' },
  { name: 'no field', response: 'hello\r\n\r\n' },
  { name: 'a status that is none', response: 'Status: abc\r\n\r\n' },
  { name: 'a field name that is none', response: 'A b: c\r\n\r\n' },
  { name: 'a control character', response: 'A: b\0c\r\n\r\n' },
  { name: 'an endless header', response: Buffer.from(`A: ${'b'.repeat(70_000)}`) },
])('502 for $name', async ({ response }) => {
  const { url } = await serve(answer(response))
  expect((await fetch(url)).status).toBe(502)
  expect((await fetch(url)).status).toBe(502)
})

test('502 as long as nobody listens, then answers', async () => {
  const path = join(temporaryDirectory(), 's')
  const { url } = await front(path)
  expect((await fetch(url)).status).toBe(502)
  await listenFor(answer('Status: 200 OK\r\n\r\n'), {}, path)
  expect((await fetch(url)).status).toBe(200)
})

test('an inherited socket cannot be connected to by its address', async () => {
  await expect(front('fd:0')).rejects.toMatchObject({ code: 'GATEWAY_HTTP_NO_BACKEND' })
})

test('a taken port is a coded error', async () => {
  const { port } = await serve(showParams)
  const again = startHttpFront({
    host: '127.0.0.1',
    port,
    connect: connectorTo('/x'),
    logger: pino({ level: 'silent' }),
  })
  await expect(again).rejects.toMatchObject({ code: 'GATEWAY_HTTP_LISTEN_FAILED' })
})

test('requests one after another share one connection to the listener', async () => {
  const { url, listener } = await serve(answer('Status: 200 OK\r\n\r\nx'))
  for (let round = 0; round < 50; round++) await (await fetch(url)).text()
  expect(listener.connections).toBe(1)
})

test('connections over the limit are turned away, and then there is room again', async () => {
  const backend = await listenFor(showParams)
  const started = await startHttpFront({
    host: '127.0.0.1',
    port: 0,
    connect: connectorTo(backend.listener.address),
    logger: pino({ level: 'silent' }),
    maxConnections: 1,
  })
  onTestFinished(() => started.close())
  const ask = () => {
    const peer = connectRaw({ host: '127.0.0.1', port: started.port })
    peer.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    return peer
  }
  const first = ask()
  await first.until((bytes) => bytes.includes('200 OK'))
  await ask().over
  expect(first.socket.destroyed).toBe(false)
  first.socket.destroy()
  await first.over
  await expect
    .poll(() => fetch(`http://127.0.0.1:${started.port}`).then(({ status }) => status))
    .toBe(200)
})

test('close lets a request under way finish, then the connection ends', async () => {
  const { promise: begun, resolve } = Promise.withResolvers<FastCgiRequest>()
  const backend = await listenFor(resolve)
  const started = await startHttpFront({
    host: '127.0.0.1',
    port: 0,
    connect: connectorTo(backend.listener.address),
    logger: pino({ level: 'silent' }),
  })
  const peer = connectRaw({ host: '127.0.0.1', port: started.port })
  peer.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const request = await begun
  await started.close()
  request.stdout.write(Buffer.from('Status: 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  request.end(0, 0)
  await peer.over
  expect(peer.received().toString()).toMatch(/\r\n\r\nok$/)
  await started.drained()
  await backend.listener.drained()
})

test('the last one to accept answers those who wait, and refuses later ones', async () => {
  const backend = await listenFor(answer('Status: 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  const bound = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const { port } = bound.address()
  const started = await startHttpFront({
    ...{ host: '', port: 0, fd: loadLibc()?.dup(bound.fd()) ?? -1 },
    connect: connectorTo(backend.listener.address),
    logger: pino({ level: 'silent' }),
  })
  const waiting = Array.from({ length: 10 }, () => connectRaw({ host: '127.0.0.1', port }))
  await Promise.all(waiting.map(({ socket }) => once(socket, 'connect')))
  loadLibc()?.refuseNew(bound.fd())
  bound.close()
  const finished = started.finish(systemClock)
  const late = connectRaw({ host: '127.0.0.1', port })
  for (const { socket } of waiting) socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  expect((await late.over).code).toBe('ECONNREFUSED')
  await Promise.all(
    waiting.map((peer) => peer.until((bytes) => /\r\n\r\nok$/.test(bytes.toString()))),
  )
  for (const { received } of waiting) expect(received().toString()).toMatch(/\r\n\r\nok$/)
  await finished
})
