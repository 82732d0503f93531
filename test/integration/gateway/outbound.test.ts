/** Guests that connect to real servers, by the entries of their tenant and by no others. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import {
  type Certificate,
  echoPath,
  makeCertificate,
  type Peer,
  type PeerOptions,
  startPeer,
} from '../../support/outbound-peer.ts'
import { Site } from '../../support/site.ts'

const GUESTS = {
  'outbound.wasm': readFileSync('build/guests/c/outbound.wasm'),
  'files.wasm': readFileSync('build/guests/c/files.wasm'),
}

let site: Site | undefined
afterEach(() => {
  site?.close()
  site = undefined
})

function open(outbound: string, limits = ''): (query: string, file?: string) => Promise<string> {
  const opened = new Site({
    files: GUESTS,
    tenant: `outbound = [${outbound}]\n[tenant.limits]\n${limits}`,
  })
  site = opened
  return async (query, file = 'outbound') => {
    const { status, body } = await opened.request(`/${file}.wasm`, { QUERY_STRING: query })
    return status === 200 ? body : `status ${status}`
  }
}

async function peer(serve = echoPath, options: PeerOptions = {}): Promise<Peer> {
  const started = await startPeer(serve, options)
  onTestFinished(() => started.close())
  return started
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'outbound-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

const ANSWER = 'HTTP/1.0 200 OK\r\n\r\nyou asked for /x\n'

test('a request by TCP, read as it comes and by poll', async () => {
  const { port } = await peer()
  const ask = open(`{ host = "127.0.0.1", ports = [${port}] }`)
  for (const way of ['get', 'poll', 'half'])
    expect([way, await ask(`do=${way}&send=x&path=/dev/tcp/127.0.0.1/${port}`)]).toEqual([
      way,
      ANSWER,
    ])
})

test('a unix socket, by its name', async () => {
  const path = join(makeFolder(), 'peer.sock')
  await peer(echoPath, { path })
  const ask = open(`{ name = "db", unix = "${path}" }`)
  expect(await ask('do=get&send=x&path=/dev/unix/db')).toBe(ANSWER)
  expect(await ask('do=get&send=x&path=/dev/unix/other')).toBe('open: Permission denied\n')
})

test('TLS: the certificate must be good, and for the name', async () => {
  const folder = makeFolder()
  const tls: Certificate = makeCertificate(folder)
  const { port } = await peer(echoPath, { tls })
  const entry = (host: string, more: string) =>
    `{ host = "${host}", ports = [${port}], protocol = "tls", private = true${more} }`
  const trusting = open(entry('localhost', `, ca = "${tls.caFile}"`))
  expect(await trusting(`do=get&send=x&path=/dev/tls/localhost/${port}`)).toBe(ANSWER)
  site?.close()
  const strict = open(entry('localhost', ''))
  expect(await strict(`do=get&path=/dev/tls/localhost/${port}`)).toBe('open: Protocol error\n')
  site?.close()
  // The certificate has names only.
  const wrongName = open(entry('127.0.0.1', `, ca = "${tls.caFile}"`))
  expect(await wrongName(`do=get&path=/dev/tls/127.0.0.1/${port}`)).toBe('open: Protocol error\n')
})

test('what no entry allows is refused, and told apart', async () => {
  const { port, count } = await peer()
  const closed = await peer()
  closed.close()
  const ask = open(
    [
      `{ host = "localhost", ports = [${port}] }`,
      `{ host = "*", ports = [443, ${port}] }`,
      `{ host = "127.0.0.1", ports = [${closed.port}] }`,
      `{ host = "no-such-name.invalid", ports = [1] }`,
    ].join(),
  )
  const cases = [
    // Its name leads to this machine.
    [`/dev/tcp/localhost/${port}`, 'open: Permission denied\n'],
    [`/dev/tcp/127.0.0.1/${port}`, 'open: Permission denied\n'],
    [`/dev/tcp/127.1/${port}`, 'open: Permission denied\n'],
    [`/dev/tcp/0x7f000001/${port}`, 'open: Permission denied\n'],
    [`/dev/tcp/::ffff:127.0.0.1/${port}`, 'open: Permission denied\n'],
    ['/dev/tcp/169.254.169.254/443', 'open: Permission denied\n'],
    [`/dev/tls/localhost/${port}`, 'open: Permission denied\n'],
    ['/dev/tcp/localhost/22', 'open: Permission denied\n'],
    ['/dev/tcp/localhost/70000', 'open: No such file or directory\n'],
    ['/dev/tcp/no-such-name.invalid/1', 'open: No such file or directory\n'],
    [`/dev/tcp/127.0.0.1/${closed.port}`, 'open: Connection refused\n'],
  ] as const
  for (const [path, answer] of cases)
    expect([path, await ask(`path=${path}`)]).toEqual([path, answer])
  expect(count()).toBe(0)
})

test('what was written before the end of the request is still sent', async () => {
  let heard = ''
  const { port } = await peer((socket) => {
    socket.on('data', (text) => {
      heard += text.toString()
    })
    socket.on('end', () => socket.end())
  })
  const ask = open(`{ host = "127.0.0.1", ports = [${port}] }`)
  expect(await ask(`do=say&send=last&path=/dev/tcp/127.0.0.1/${port}`)).toBe('')
  await expect.poll(() => heard).toBe('GET /last HTTP/1.0\r\nHost: peer\r\n\r\n')
})

test('a name may lead into private networks where its entry says so', async () => {
  const { port } = await peer()
  const ask = open(`{ host = "localhost", ports = [${port}], private = true }`)
  expect(await ask(`do=get&send=x&path=/dev/tcp/LocalHost./${port}`)).toBe(ANSWER)
})

test('folders are there with the first entry, and list nothing', async () => {
  const ask = open('{ host = "db.example", ports = [1] }')
  for (const folder of ['tcp', 'tls', 'unix']) {
    expect(await ask(`do=stat&path=/dev/${folder}`)).toBe('folder\n')
    expect(await ask(`list=/dev/${folder}`, 'files')).toBe('')
  }
  expect(await ask('do=stat&path=/dev/tcp/db.example/1')).toBe('socket\n')
  expect(await ask('do=stat&path=/dev/null')).toBe('other\n')
  site?.close()
  const none = open('')
  expect(await none('do=stat&path=/dev/tcp')).toBe('stat: No such file or directory\n')
})
