/** Uploads of strangers: too large, too slow, cut off, or not what they say. Whatever it is, nothing stays behind. */
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { tarOf } from '../../unit/admin/tar.ts'
import { type RunningApi, readReply, startApi, until } from './api.ts'

const RELEASES = '/v1/tenants/acme/releases'

function upload(api: RunningApi, type: string, body: Uint8Array, query = '') {
  return api.send('POST', `${RELEASES}${query}`, { isLocal: true, type, body })
}

const gzip = 'application/gzip'
const wasm = 'application/wasm'

const CASES = [
  {
    name: 'no archive',
    type: gzip,
    body: Buffer.from('hello'),
    status: 400,
    code: 'ADMIN_BAD_ARCHIVE',
  },
  { name: 'nothing', type: gzip, body: Buffer.alloc(0), status: 400, code: 'ADMIN_BAD_ARCHIVE' },
  {
    name: 'a name that leads out',
    type: gzip,
    body: gzipSync(tarOf({ name: '../../evil.wasm', body: 'x' })),
    status: 422,
    code: 'ADMIN_BAD_ENTRY',
  },
  {
    name: 'a symbolic link',
    type: gzip,
    body: gzipSync(tarOf({ name: 'app.wasm', type: '2', link: '/etc/passwd' })),
    status: 422,
    code: 'ADMIN_BAD_ENTRY',
  },
  {
    name: 'a bomb',
    type: gzip,
    body: gzipSync(tarOf({ name: 'a', body: Buffer.alloc(2_000_000) })),
    status: 413,
    code: 'ADMIN_ARCHIVE_LIMIT',
  },
  {
    name: 'an archive without a module',
    type: gzip,
    body: gzipSync(tarOf({ name: 'readme', body: 'x' })),
    status: 422,
    code: 'STORE_BAD_MANIFEST',
  },
  {
    name: 'too much',
    type: wasm,
    body: Buffer.alloc(600_000),
    status: 413,
    code: 'ADMIN_BODY_TOO_LARGE',
  },
  {
    name: 'text',
    type: 'text/plain',
    body: Buffer.from('x'),
    status: 415,
    code: 'ADMIN_BAD_MEDIA_TYPE',
  },
]

test.for(CASES)('$name', async ({ type, body, status, code }) => {
  const api = await startApi({
    limits: { uploadBytes: 500_000, ratio: 50, ratioFreeBytes: 100_000 },
  })
  const reply = await upload(api, type, body)
  expect([reply.status, reply.code]).toEqual([status, code])
  expect(reply.text).not.toContain(api.folder)
  expect(api.leftovers()).toEqual([])
  expect(await api.store.releases('acme')).toEqual([])
  expect(api.audit()).toMatchObject([
    { who: 'local', what: 'publish', tenant: 'acme', status, code },
  ])
})

const QUERIES = [
  'handler=../x',
  'handler=',
  'weight=0',
  'weight=100',
  'weight=1.5',
  'sticky=true',
  'weight=5&sticky=1',
  'other=1',
  'route=/a&route=/b',
]

test.for(QUERIES)('?%s is refused before anything is read', async (query) => {
  const api = await startApi()
  const reply = await upload(api, wasm, Buffer.from('x'), `?${query}`)
  expect([reply.status, reply.code]).toEqual([400, 'ADMIN_BAD_REQUEST'])
})

test('a module that is none: the last line says why, and with Accept: application/json the status', async () => {
  const api = await startApi()
  const lines = await upload(api, wasm, Buffer.from('hello'))
  expect(lines.status).toBe(200)
  expect(lines.json).toMatchObject({
    event: 'failed',
    error: { code: expect.stringMatching(/^WASM_/) },
  })
  const whole = await api.send('POST', RELEASES, {
    isLocal: true,
    type: wasm,
    body: Buffer.from('hello'),
    headers: { accept: 'application/json' },
  })
  expect([whole.status, whole.code]).toEqual([422, expect.stringMatching(/^WASM_/)])
  expect(api.leftovers()).toEqual([])
  expect(api.audit()).toMatchObject([{ status: 422 }, { status: 422 }])
})

test('a body of no announced length is counted as it comes', async () => {
  const api = await startApi({ limits: { uploadBytes: 100_000 } })
  const { promise, resolve, reject } =
    Promise.withResolvers<Awaited<ReturnType<typeof readReply>>>()
  const request = httpRequest(
    {
      socketPath: api.socketPath,
      method: 'POST',
      path: RELEASES,
      headers: { 'content-type': wasm },
    },
    (response) => void readReply(response).then(resolve, reject),
  )
  request.on('error', reject)
  // The refusal is read although the client never stops to send.
  const send = (): void => {
    if (!request.destroyed && request.write(Buffer.alloc(50_000))) setImmediate(send)
    else request.once('drain', send)
  }
  send()
  const reply = await promise
  request.destroy()
  expect([reply.status, reply.code]).toEqual([413, 'ADMIN_BODY_TOO_LARGE'])
  expect(reply.headers.connection).toBe('close')
})

test('Expect: 100-continue: what is refused is never sent', async () => {
  const api = await startApi({ limits: { uploadBytes: 1000 } })
  const ask = (length: number, authorization?: string) =>
    new Promise<{ readonly status: number; readonly wasAsked: boolean }>((resolve, reject) => {
      let wasAsked = false
      const request = httpRequest(
        {
          port: api.port,
          method: 'POST',
          path: RELEASES,
          headers: {
            'content-type': wasm,
            'content-length': length,
            expect: '100-continue',
            ...(authorization === undefined ? {} : { authorization }),
          },
        },
        (response) => {
          response.resume()
          resolve({ status: response.statusCode ?? 0, wasAsked })
          request.destroy()
        },
      )
      request.on('continue', () => {
        wasAsked = true
        request.end(Buffer.alloc(length))
      })
      request.on('error', reject)
      request.flushHeaders()
    })
  const token = await api.token('acme', ['publish'])
  expect(await ask(100)).toEqual({ status: 401, wasAsked: false })
  expect(await ask(2000, `Bearer ${token}`)).toEqual({ status: 413, wasAsked: false })
  expect(await ask(100, `Bearer ${token}`)).toEqual({ status: 200, wasAsked: true })
})

/** Without one: the operator. */
interface Sender {
  readonly tenant: string
  readonly token: string
}

/** Sends the start of an upload by hand and never the rest. */
function startUpload(api: RunningApi, type: string, start: Uint8Array, sender?: Sender) {
  const socket = connect({ path: api.socketPath })
  socket.on('error', () => undefined)
  const head = [
    `POST /v1/tenants/${sender?.tenant ?? 'acme'}/releases HTTP/1.1`,
    'Host: x',
    `Content-Type: ${type}`,
    'Content-Length: 90000',
    ...(sender === undefined ? [] : [`Authorization: Bearer ${sender.token}`]),
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(start)
  return socket
}

const half = gzipSync(tarOf({ name: 'app.wasm', body: Buffer.alloc(3000, 'x') })).subarray(0, 40)

test.for([
  { type: gzip, start: half },
  { type: gzip, start: Buffer.alloc(0) },
  {
    type: 'application/x-tar',
    start: tarOf({ name: 'a', body: 'x'.repeat(5000) }).subarray(0, 2000),
  },
  { type: wasm, start: Buffer.from('half') },
])('a client that disappears: $type', async ({ type, start }) => {
  const api = await startApi({ limits: { tenantPublications: 1 } })
  const token = await api.token('acme', ['publish'])
  const socket = startUpload(api, type, start, { tenant: 'acme', token })
  await until(() => api.leftovers().length === 1)
  socket.destroy()
  await until(() => api.audit().length === 1)
  expect(api.audit()).toMatchObject([{ what: 'publish', status: 400, code: 'ADMIN_BODY_CUT' }])
  expect(api.leftovers()).toEqual([])
  // Its place is free.
  const next = { token, type: gzip, body: Buffer.from('x') }
  expect((await api.send('POST', RELEASES, next)).code).toBe('ADMIN_BAD_ARCHIVE')
})

test.for([gzip, wasm])(
  'a client that falls asleep is told, and gives its place back: %s',
  async (type) => {
    const api = await startApi({ limits: { bodyIdleMs: 50, lingerMs: 50 } })
    const socket = startUpload(api, type, type === gzip ? half : Buffer.from('half'))
    let text = ''
    socket.on('data', (chunk) => {
      text += String(chunk)
    })
    await until(() => socket.closed)
    expect(text).toMatch(/^HTTP\/1\.1 408 /)
    expect(text).toContain('ADMIN_BODY_TIMEOUT')
    expect(api.leftovers()).toEqual([])
  },
)

test('a client that leaves when the upload is whole: the publication goes on', async () => {
  const api = await startApi()
  const body = readFileSync('build/guests/c/hello.wasm')
  const socket = connect({ path: api.socketPath })
  socket.on('error', () => undefined)
  const head = [
    `POST ${RELEASES} HTTP/1.1`,
    'Host: x',
    `Content-Type: ${wasm}`,
    `Content-Length: ${body.length}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(body)
  // The first line says that the module has been read.
  await new Promise((resolve) => socket.once('data', resolve))
  socket.destroy()
  await until(() => api.audit().length === 1)
  expect(api.audit()).toMatchObject([{ status: 201, handler: 'main' }])
  expect(Object.keys((await api.store.state('acme')).handlers)).toEqual(['main'])
})

test('a tenant cannot take all places, and a full house says so', async () => {
  const api = await startApi({ limits: { uploads: 3, tenantPublications: 2 } })
  const [acme, others] = [
    await api.token('acme', ['publish']),
    await api.token('other', ['publish']),
  ]
  const sleepers = [1, 2].map(() => startUpload(api, gzip, half, { tenant: 'acme', token: acme }))
  await until(() => api.leftovers().length === 2)
  const send = (tenant: string, token: string | undefined) =>
    api.send('POST', `/v1/tenants/${tenant}/releases`, {
      ...(token === undefined ? { isLocal: true } : { token }),
      ...{ type: gzip, body: half },
    })
  const third = await send('acme', acme)
  expect([third.status, third.code, third.headers['retry-after']]).toEqual([503, 'ADMIN_BUSY', '1'])
  expect((await send('other', others)).code).toBe('ADMIN_BAD_ARCHIVE')
  // All places are taken, and operators have their own.
  sleepers.push(startUpload(api, gzip, half, { tenant: 'other', token: others }))
  await until(() => api.leftovers().length === 3)
  expect((await send('other', others)).code).toBe('ADMIN_BUSY')
  expect((await send('acme', undefined)).code).toBe('ADMIN_BAD_ARCHIVE')
  for (const socket of sleepers) socket.destroy()
  await until(() => api.leftovers().length === 0)
})
