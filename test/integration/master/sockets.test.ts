/** Where sockets come from, and who may take whose. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Client, configText, launch, makeFolder, READY, serve } from './serve.ts'

test('a stale socket is taken over', async () => {
  const folder = makeFolder()
  const script =
    'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, 9))'
  await once(spawn(process.execPath, ['-e', script, join(folder, 'www.sock')]), 'exit')
  expect(existsSync(join(folder, 'www.sock'))).toBe(true)
  const serving = await serve({ folder })
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(200)
})

test('a socket that somebody listens on is not', async () => {
  const folder = makeFolder()
  const server = createServer().listen(join(folder, 'www.sock'))
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const serving = launch({ folder })
  await expect(serving.logged(READY)).rejects.toThrow('GATEWAY_LISTEN_IN_USE')
})

test('a socket in a folder that is not there names it, and what to do', async () => {
  const folder = makeFolder()
  const config = configText(folder).replace('/www.sock', '/none/www.sock')
  const serving = launch({ folder, config })
  await expect(serving.logged(READY)).rejects.toThrow(
    /the folder .*\/none is not there \(ENOENT\)[\s\S]*make the folder of the socket/,
  )
})

test('a second master on the same configuration is refused, and disturbs nothing', async () => {
  const serving = await serve()
  const second = await serving.command('serve')
  expect(second.code).toBe(1)
  expect(second.stderr).toContain('MASTER_ALREADY_RUNNING')
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(200)
})

test('spawn-fcgi hands over file descriptor 0', async () => {
  const folder = makeFolder()
  const path = join(folder, 'fcgi.sock')
  const wrapper = join(folder, 'start.sh')
  await serve({
    folder,
    through: (command) => {
      writeFileSync(
        wrapper,
        `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(' ')} >&2\n`,
      )
      chmodSync(wrapper, 0o755)
      return ['spawn-fcgi', '-n', '-s', path, '--', wrapper]
    },
  })
  expect((await new Client(path).get('hello.wasm')).status).toBe(200)
})

test('systemd hands over named sockets', async () => {
  const folder = makeFolder()
  const path = join(folder, 'activated.sock')
  const server = createServer().listen(path)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle
  await serve({
    folder,
    config: configText(folder).replace(`${folder}/www.sock`, 'systemd:web'),
    through: (command) => [
      'sh',
      '-c',
      'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$@"',
      '-',
      ...command,
    ],
    spawn: { stdio: ['ignore', 'pipe', 'pipe', fd] },
  })
  // The test's own server accepts as well; from here on it does not.
  server.close()
  expect(existsSync(path)).toBe(false)
})

test('systemd is told how things are', async () => {
  const folder = makeFolder()
  const notes = join(folder, 'notes')
  const script =
    'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint("bound",flush=True)\nwhile True:\n  print(s.recv(4096).decode().replace("\\n"," "),flush=True)'
  const listener = spawn('python3', ['-c', script, notes], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void listener.kill('SIGKILL'))
  let told = ''
  listener.stdout.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  await expect.poll(() => told).toBe('bound\n')
  const serving = await serve({
    folder,
    spawn: {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NOTIFY_SOCKET: notes, WATCHDOG_USEC: '200000' },
    },
  })
  await expect.poll(() => told).toContain('READY=1 STATUS=pools: 1, workers: 2, tenants: 1')
  await expect.poll(() => told).toContain('WATCHDOG=1')
  await serving.command('reload')
  await expect.poll(() => told).toMatch(/RELOADING=1 MONOTONIC_USEC=\d+\n(WATCHDOG=1\n)*READY=1/)
  serving.child.kill('SIGTERM')
  await serving.exit
  await expect.poll(() => told).toContain('STOPPING=1')
})
