/** Clients that come in crowds and take their time: others are answered meanwhile, and nothing is kept for them without bound. */
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type RunningApi, startApi, until } from './api.ts'

interface Peer {
  readonly socket: Socket
  readonly text: () => string
}

/** Sends `text` by hand, over TCP. */
function say(api: RunningApi, text: string): Peer {
  const socket = connect({ port: api.port })
  let answer = ''
  socket.on('data', (chunk) => {
    answer += String(chunk)
  })
  socket.on('error', () => undefined)
  socket.write(text)
  onTestFinished(() => void socket.destroy())
  return { socket, text: () => answer }
}

const several = (count: number, make: () => Peer): readonly Peer[] =>
  Array.from({ length: count }, make)

/** A body that does not come. */
function slowBody(token: string): string {
  return `POST /v1/tenants/acme/rollback HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`
}

function readLogs(token: string, lines: number): string {
  return `GET /v1/tenants/acme/logs?lines=${lines} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`
}

const STRANGERS = [
  { name: 'says nothing', text: '' },
  { name: 'says half a head', text: 'GET /v1/health HTTP/1.1\r\nHost: x\r\n' },
  { name: 'stays when it has been answered', text: 'GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n' },
  {
    name: 'has a bad token and a body that does not come',
    text: slowBody('wfpm_0123456789ab_x'),
  },
]

test.for(STRANGERS)(
  'a stranger that $name goes first when there are too many',
  async ({ text }) => {
    const api = await startApi({ limits: { connections: 4 } })
    const token = await api.token('acme', ['read'])
    const strangers = several(12, () => say(api, text))
    await until(() => strangers.filter(({ socket }) => socket.closed).length >= 8)
    for (let count = 0; count < 8; count += 1) {
      expect((await api.send('GET', '/v1/tenants/acme', { token })).status).toBe(200)
    }
  },
)

test('connections on which somebody known waits stay, and others find none', async () => {
  const api = await startApi({
    limits: { connections: 4, logLookMs: 5 },
    acme: 'access_log = "a.log"',
  })
  writeFileSync(join(api.folder, 'a.log'), 'GET /x\n')
  const token = await api.token('acme', ['read'])
  const stream = readLogs(token, 1).replace('\r\nHost', '\r\nAccept: text/event-stream\r\nHost')
  const readers = several(4, () => say(api, stream))
  await until(() => readers.every((peer) => peer.text().includes('GET /x')))
  const late = say(api, 'GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => late.socket.closed)
  expect(readers.some(({ socket }) => socket.closed)).toBe(false)
  readers[0]?.socket.destroy()
  let status = 0
  while (status !== 200) {
    status = await api.send('GET', '/v1/health').then(
      (reply) => reply.status,
      () => 0,
    )
  }
})

test('a tenant that is refused for its many requests keeps nobody out meanwhile', async () => {
  const api = await startApi({ limits: { connections: 6, requests: 2, lingerMs: 60_000 } })
  const [acme, other] = [await api.token('acme', ['publish']), await api.token('other', ['read'])]
  const crowd = several(30, () => say(api, slowBody(acme)))
  await until(() => crowd.filter(({ socket }) => socket.closed).length >= 24)
  for (let count = 0; count < 8; count += 1) {
    expect((await api.send('GET', '/v1/tenants/other', { token: other })).status).toBe(200)
  }
})

test('requests at once: of each tenant, of each address; operators have no such number', async () => {
  const api = await startApi({ limits: { requests: 3 } })
  const [acme, other] = [
    await api.token('acme', ['publish', 'read']),
    await api.token('other', ['read']),
  ]
  const operator = await api.token(undefined, ['publish', 'read'])
  several(3, () => say(api, slowBody(acme)))
  const ask = async (token: string, tenant: string) => {
    const { status, code, headers } = await api.send('GET', `/v1/tenants/${tenant}`, { token })
    return [status, code, headers['retry-after']]
  }
  while ((await ask(acme, 'acme'))[0] === 200);
  expect(await ask(acme, 'acme')).toEqual([503, 'ADMIN_BUSY', '1'])
  several(5, () => say(api, slowBody(operator)))
  expect(await ask(other, 'other')).toEqual([200, undefined, undefined])
  expect(await ask(operator, 'acme')).toEqual([200, undefined, undefined])
})

test('answers that nobody takes are few, however many were asked for', async () => {
  const api = await startApi({ limits: { requests: 4 }, acme: 'access_log = "a.log"' })
  writeFileSync(join(api.folder, 'a.log'), `${'x'.repeat(1000)}\n`.repeat(1000))
  const token = await api.token('acme', ['read'])
  const peer = say(api, '')
  peer.socket.pause()
  peer.socket.write(readLogs(token, 1000).repeat(300))
  const code = async () => (await api.send('GET', '/v1/tenants/acme', { token })).code
  while ((await code()) !== 'ADMIN_BUSY');
  peer.socket.resume()
  await until(() => (peer.text().match(/HTTP\/1\.1 /g) ?? []).length === 300)
  // Four, and as many as have been taken meanwhile by the system between us.
  expect((peer.text().match(/HTTP\/1\.1 200 /g) ?? []).length).toBeLessThan(30)
  peer.socket.destroy()
  while ((await code()) !== undefined);
})

test('what is verified at once is so much, and a slow upload is no part of it', async () => {
  const api = await startApi({ limits: { publications: 1 } })
  const token = await api.token('acme', ['publish'])
  const head = (length: number) =>
    `POST /v1/tenants/acme/releases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/wasm\r\nContent-Length: ${length}\r\n\r\n`
  say(api, `${head(90_000)}half`)
  await until(() => api.leftovers().length === 1)
  const reply = await api.send('POST', '/v1/tenants/other/releases', {
    token: await api.token('other', ['publish']),
    ...{ type: 'application/wasm', body: 'no module' },
  })
  expect(reply.code).toMatch(/^WASM_/)
})
