/** What comes in at a door of the master is little, and little is made of it. */
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import {
  Door,
  type DoorOptions,
  MAX_DOOR_CONNECTIONS,
  MAX_DOOR_HEAD_BYTES,
} from '../../../src/master/door.ts'
import { freePort } from '../../support/peers/child.ts'

async function open({ line, clients = [] }: { line?: string; clients?: string[] } = {}) {
  const port = await freePort()
  const answer: DoorOptions['answer'] = (path) => ({
    ...{ status: 200, contentType: 'text/plain' },
    body: `you asked for ${path}`,
  })
  const door = new Door({
    clock: systemClock,
    answer,
    line: line === undefined ? undefined : () => line,
  })
  await door.open({ kind: 'tcp', host: '127.0.0.1', port })
  door.allow(clients)
  onTestFinished(() => door.close())
  return port
}

/** All that comes back. */
function say(port: number, ...pieces: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', () => undefined)
  socket.on('close', () => resolve(text))
  const next = (index: number): void => {
    const piece = pieces[index]
    if (piece !== undefined) socket.write(piece, () => setImmediate(next, index + 1))
  }
  next(0)
  return promise
}

const CASES: ReadonlyArray<{
  readonly name: string
  readonly said: string[]
  readonly heard: RegExp
}> = [
  { name: 'nothing', said: [], heard: /^ready\n$/ },
  { name: 'a line that is no HTTP', said: ['hello\n'], heard: /^ready\n$/ },
  {
    name: 'a GET',
    said: ['GET /a?b HTTP/1.1\r\n\r\n'],
    heard: /^HTTP\/1\.1 200 OK\r\n.*for \/a$/s,
  },
  {
    name: 'a GET in pieces',
    said: ['G', 'ET ', '/a HTTP/1.1', '\r\nHost: x\r\n\r', '\n'],
    heard: /^HTTP\/1\.1 200 OK\r\n.*for \/a$/s,
  },
  {
    name: 'a HEAD',
    said: ['HEAD /a HTTP/1.0\r\n\r\n'],
    heard: /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n$/s,
  },
  { name: 'another method', said: ['POST / HTTP/1.1\r\n\r\n'], heard: /^HTTP\/1\.1 404 / },
  { name: 'a path that is none', said: ['GET a HTTP/1.1\r\n\r\n'], heard: /^HTTP\/1\.1 404 / },
  { name: 'bytes', said: ['\x00\xff\x01'], heard: /^ready\n$/ },
]

test.for(CASES)('$name', async ({ said, heard }) => {
  expect(await say(await open({ line: 'ready' }), ...said)).toMatch(heard)
})

test('without a line, who does not speak HTTP hears nothing', async () => {
  expect(await say(await open(), 'hello\n')).toBe('')
})

test('a head over the limit is not read on', async () => {
  const head = `GET / HTTP/1.1\r\nX: ${'x'.repeat(MAX_DOOR_HEAD_BYTES)}`
  expect(await say(await open(), head)).toMatch(/^HTTP\/1\.1 200 OK/)
  const noHead = `GET ${'x'.repeat(2 * MAX_DOOR_HEAD_BYTES)}`
  expect(await say(await open(), noHead)).toMatch(/^HTTP\/1\.1 404 /)
})

test('who may not connect hears nothing', async () => {
  expect(await say(await open({ line: 'ready', clients: ['192.0.2.0/24'] }))).toBe('')
  expect(await say(await open({ line: 'ready', clients: ['127.0.0.0/8'] }))).toBe('ready\n')
})

test('connections over the limit are closed', async () => {
  const port = await open()
  const held = Array.from({ length: MAX_DOOR_CONNECTIONS }, () =>
    connect({ host: '127.0.0.1', port }),
  )
  onTestFinished(() => {
    for (const socket of held) socket.destroy()
  })
  await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
  expect(await say(port, 'GET / HTTP/1.1\r\n\r\n')).toBe('')
  for (const socket of held) socket.destroy()
  await expect.poll(() => say(port, 'GET / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 200/)
})
