/** How often, how large, how slow. */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { startApi, until } from './api.ts'

test('requests a minute, of each token; others and the operator’s own socket go on', async () => {
  const api = await startApi({ admin: 'rate_limit = 3' })
  const [acme, other] = [await api.token('acme', ['read']), await api.token('other', ['read'])]
  const ask = async (token: string | undefined, isLocal = false) =>
    (await api.send('GET', '/v1/tenants', { token, isLocal })).status
  for (let count = 0; count < 3; count += 1) expect(await ask(acme)).toBe(200)
  const refused = await api.send('GET', '/v1/tenants', { token: acme })
  expect([refused.status, refused.code]).toEqual([429, 'ADMIN_RATE_LIMIT'])
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(20)
  expect(await ask(other)).toBe(200)
  for (let count = 0; count < 10; count += 1) expect(await ask(undefined, true)).toBe(200)
})

test('open endpoints, by address', async () => {
  const api = await startApi({ admin: 'rate_limit = 2' })
  const statuses = []
  for (let count = 0; count < 3; count += 1) {
    statuses.push((await api.send('GET', '/v1/health')).status)
  }
  expect(statuses).toEqual([200, 200, 429])
})

test('bad tokens are refused with 429 after a while, and a good one never', async () => {
  const api = await startApi({ limits: { badTokens: 3 } })
  const good = await api.token('acme', ['read'])
  const statuses = []
  for (let count = 0; count < 20; count += 1) {
    statuses.push((await api.send('GET', '/v1/tenants', { token: `bad ${count}` })).status)
  }
  expect(statuses).toEqual([...Array(3).fill(401), ...Array(17).fill(429)])
  expect((await api.send('GET', '/v1/tenants', { token: good })).status).toBe(200)
  // Nobody can fill the disk with lines.
  expect(api.audit()).toHaveLength(3)
})

test('a header that is too slow, too large or none', async () => {
  const api = await startApi({ limits: { headerMs: 100, headerBytes: 1000 } })
  const say = async (text: string): Promise<string> => {
    const socket = connect({ path: api.socketPath })
    let answer = ''
    socket.on('data', (chunk) => {
      answer += String(chunk)
    })
    socket.on('error', () => undefined)
    socket.write(text)
    await until(() => socket.closed)
    return answer
  }
  expect(await say('GET /v1/health HTTP/1.1\r\nHost: x\r\n')).toMatch(/^HTTP\/1\.1 408 /)
  expect(await say(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(2000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431 /,
  )
  expect(await say('hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  expect((await api.send('GET', '/v1/health')).status).toBe(200)
})

/** What a proxy in front and we might take for different requests. */
const UNCLEAR = [
  { name: 'two lengths', fields: 'Content-Length: 2\r\nContent-Length: 40' },
  { name: 'the same length twice', fields: 'Content-Length: 2\r\nContent-Length: 2' },
  { name: 'a length and chunks', fields: 'Content-Length: 5\r\nTransfer-Encoding: chunked' },
  { name: 'no chunks', fields: 'Transfer-Encoding: xchunked' },
  { name: 'a space before the colon', fields: 'Transfer-Encoding : chunked' },
  { name: 'a negative length', fields: 'Content-Length: -1' },
  { name: 'a length with a sign', fields: 'Content-Length: +2' },
  { name: 'a length past all numbers', fields: 'Content-Length: 99999999999999999999' },
  { name: 'a field that goes on', fields: 'X: a\r\n Content-Length: 2' },
  { name: 'a zero byte', fields: 'X: \0' },
]

test.for(UNCLEAR)(
  'a request with $name is not answered, nor what follows it',
  async ({ fields }) => {
    const api = await startApi()
    const socket = connect({ path: api.socketPath })
    let answer = ''
    socket.on('data', (chunk) => {
      answer += String(chunk)
    })
    socket.on('error', () => undefined)
    const next = 'GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n'
    const head = `Host: x\r\nContent-Type: application/json\r\n${fields}`
    socket.write(`POST /v1/tenants/acme/rollback HTTP/1.1\r\n${head}\r\n\r\n0\r\n\r\n${next}`)
    await until(() => socket.closed)
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400'])
    expect(api.asked).toEqual([])
  },
)

test('a JSON body that is too large or none', async () => {
  const api = await startApi({ limits: { jsonBytes: 100 } })
  const post = (body: string | object, type?: string) =>
    api.send('POST', '/v1/tenants/acme/rollback', {
      isLocal: true,
      body,
      ...(type === undefined ? {} : { type }),
    })
  expect((await post({ release: 'x'.repeat(200) })).code).toBe('ADMIN_BODY_TOO_LARGE')
  expect((await post('{', 'application/json')).code).toBe('ADMIN_BAD_REQUEST')
  expect((await post('[]', 'application/json')).code).toBe('ADMIN_BAD_REQUEST')
  expect((await post({ handler: '../x' })).code).toBe('ADMIN_BAD_REQUEST')
  expect((await post({ more: 1 })).code).toBe('ADMIN_BAD_REQUEST')
  expect((await post('handler=x', 'application/x-www-form-urlencoded')).code).toBe(
    'ADMIN_BAD_MEDIA_TYPE',
  )
  // None at all is `{}`, and there is nothing to roll back.
  const empty = await api.send('POST', '/v1/tenants/acme/rollback', { isLocal: true })
  expect(empty.code).toBe('STORE_UNKNOWN_HANDLER')
})

test('TCP peers that may not connect are not answered', async () => {
  const api = await startApi({ admin: 'allowed_clients = ["192.0.2.0/24"]' })
  await expect(api.send('GET', '/v1/health')).rejects.toMatchObject({
    code: expect.stringMatching(/ECONNRESET|EPIPE/),
  })
  expect((await api.send('GET', '/v1/health', { isLocal: true })).status).toBe(200)
  const own = await startApi({ admin: 'allowed_clients = ["127.0.0.0/8"]' })
  expect((await own.send('GET', '/v1/health')).status).toBe(200)
})

test('a file of tokens that is damaged lets nobody in', async () => {
  const api = await startApi()
  const token = await api.token('acme', ['read'])
  writeFileSync(api.tokens.path, '{')
  const reply = await api.send('GET', '/v1/tenants', { token })
  expect([reply.status, reply.code]).toEqual([503, 'ADMIN_TOKEN_FILE'])
  expect(reply.text).not.toContain(api.folder)
})

test('tenants come in pages, each of them once', async () => {
  const api = await startApi({ limits: { page: 1 } })
  const page = async (query: string) => {
    const { json, code } = await api.send('GET', `/v1/tenants${query}`, { isLocal: true })
    const { tenants = [], next } = json as { tenants?: { name: string }[]; next?: string }
    return [tenants.map(({ name }) => name), next, code]
  }
  expect(await page('')).toEqual([['acme'], 'acme', undefined])
  expect(await page('?after=acme')).toEqual([['other'], undefined, undefined])
  expect(await page('?after=other&limit=1')).toEqual([[], undefined, undefined])
  for (const limit of ['0', '2', '1.5', 'all', '']) {
    expect(await page(`?limit=${limit}`)).toEqual([[], undefined, 'ADMIN_BAD_REQUEST'])
  }
})
