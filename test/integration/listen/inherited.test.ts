/** Started by somebody who has opened the socket: spawn-fcgi, and what systemd does (fastcgi.md L2, L3). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { isListeningSocket } from '../../../src/gateway/listen/inherited.ts'
import { connectRaw, get, HELLO, readRecords, temporaryDirectory } from './responder.ts'

const SERVER = fileURLToPath(new URL('./serve-hello.ts', import.meta.url))

test('spawn-fcgi hands over a unix socket as descriptor 0', async () => {
  const path = join(temporaryDirectory(), 's')
  const child = spawn(
    'spawn-fcgi',
    ['-n', '-s', path, '--', process.execPath, SERVER, 'inherited'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line')
  expect(line).toBe('fd:0')
  const peer = connectRaw({ path })
  peer.socket.write(get(1, false))
  await peer.over
  expect(readRecords(peer.received())).toEqual({
    stdout: Buffer.from(HELLO.replace('Content-Length: 6\r\n', '')),
    ends: 1,
  })
})

test('any descriptor that listens will do, and no other', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle
  expect(isListeningSocket(fd)).toBe(true)
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const peer = connectRaw({ host: '127.0.0.1', port })
  await once(peer.socket, 'connect')
  const connected = (peer.socket as unknown as { readonly _handle: { readonly fd: number } })
    ._handle
  expect(isListeningSocket(connected.fd)).toBe(false)

  const child = spawn(process.execPath, [SERVER, 'fd:3'], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  if (child.stdout === null) throw new Error('stdout is a pipe')
  await once(createInterface(child.stdout), 'line')
  // From here on only the child accepts.
  server.close()
  peer.socket.destroy()
  const next = connectRaw({ host: '127.0.0.1', port })
  next.socket.write(get(1, false))
  await next.over
  expect(readRecords(next.received()).ends).toBe(1)
})

test('a descriptor that is no socket is refused', async () => {
  const child = spawn(process.execPath, [SERVER, 'inherited'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const [status] = await once(child, 'close')
  expect(status).toBe(1)
  expect(errors).toContain('GATEWAY_LISTEN_NOT_INHERITED')
})
