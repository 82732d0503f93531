import { chownSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CONTROL_NAME, controlName } from '../../../src/master/control-place.ts'
import { removeStaleControlSockets } from '../../../src/master/stale-control-sockets.ts'

const UID = process.getuid?.() ?? -1
const NOBODY = 65_534

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-stale-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

async function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen({ path }, resolve))
  return server
}

/** As a process that was killed leaves it: libuv only unlinks the name that it knows. */
async function leaveSocket(path: string): Promise<void> {
  const server = await listen(`${path}.first`)
  renameSync(`${path}.first`, path)
  await new Promise((resolve) => server.close(resolve))
}

function name(digit: string): string {
  return `control-${digit.repeat(16)}.sock`
}

test('the name that is looked for is the one that is made', () => {
  expect(controlName('/etc/wasm-fpm/wasm-fpm.toml')).toMatch(CONTROL_NAME)
})

test('sockets of dead masters go; what lives, is no socket, or is called otherwise stays', async () => {
  const folder = emptyFolder()
  await leaveSocket(join(folder, name('a')))
  await leaveSocket(join(folder, name('b')))
  await leaveSocket(join(folder, 'www.sock'))
  await leaveSocket(join(folder, 'control-0123.sock'))
  const living = await listen(join(folder, name('c')))
  onTestFinished(() => void living.close())
  writeFileSync(join(folder, name('d')), '')
  await removeStaleControlSockets(folder, UID)
  expect(readdirSync(folder).sort()).toEqual([
    'control-0123.sock',
    name('c'),
    name('d'),
    'www.sock',
  ])
})

test.runIf(UID === 0)('sockets of another user stay', async () => {
  const folder = emptyFolder()
  await leaveSocket(join(folder, name('a')))
  chownSync(join(folder, name('a')), NOBODY, NOBODY)
  await removeStaleControlSockets(folder, UID)
  expect(readdirSync(folder)).toEqual([name('a')])
})

test('no folder is no error', async () => {
  await removeStaleControlSockets('/nowhere/at/all', UID)
})
