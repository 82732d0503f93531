/** Unix sockets: permissions, stale files, files of others (fastcgi.md L6). */
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  readdirSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { createSocketFile } from '../../../src/gateway/listen/socket-file.ts'
import {
  connectRaw,
  get,
  listenFor,
  readRecords,
  sayHello,
  temporaryDirectory,
} from './responder.ts'

const SERVER = fileURLToPath(new URL('./serve-hello.ts', import.meta.url))
const isRoot = process.getuid?.() === 0

/** Leaves a socket file behind that nobody listens on. */
function makeStale(path: string): void {
  const script = `
    const net = require('node:net')
    net.createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script, path])
  expect(lstatSync(path).isSocket()).toBe(true)
}

function idOf(flag: string): string {
  return execFileSync('id', [flag], { encoding: 'utf8' }).trim()
}

async function answers(path: string): Promise<boolean> {
  const peer = connectRaw({ path })
  peer.socket.write(get(1, false))
  await peer.over
  return readRecords(peer.received()).ends === 1
}

test('the mode is 0660 by default, and what is asked for otherwise', async () => {
  const directory = temporaryDirectory()
  await listenFor(sayHello, {}, join(directory, 'a'))
  await listenFor(sayHello, { socketFile: { mode: 0o600 } }, join(directory, 'b'))
  expect(statSync(join(directory, 'a')).mode & 0o777).toBe(0o660)
  expect(statSync(join(directory, 'b')).mode & 0o777).toBe(0o600)
  expect(readdirSync(directory).sort()).toEqual(['a', 'b'])
})

test('the socket is for its owner alone until it has its place, and the mask is put back', async () => {
  const path = join(temporaryDirectory(), 's')
  const before = process.umask(0)
  onTestFinished(() => void process.umask(before))
  const server = createServer()
  onTestFinished(() => void server.close())
  let seen: number | undefined
  await createSocketFile(path, { mode: 0o666 }, async (temporary) => {
    expect(existsSync(path)).toBe(false)
    server.listen(temporary)
    await once(server, 'listening')
    seen = statSync(temporary).mode & 0o777
  })
  expect(seen).toBe(0o600)
  expect(process.umask()).toBe(0)
  expect(statSync(path).mode & 0o777).toBe(0o666)
})

test('owner and group may be names or numbers', async () => {
  const directory = temporaryDirectory()
  // Only root can give files away.
  const [owner, group] = isRoot ? ['nobody', 'daemon'] : [idOf('-un'), idOf('-gn')]
  const [uid, gid] = isRoot ? [12, 34] : [Number(idOf('-u')), Number(idOf('-g'))]
  const numbers = { owner: String(uid), group: String(gid) }
  await listenFor(sayHello, { socketFile: { owner, group } }, join(directory, 'a'))
  await listenFor(sayHello, { socketFile: numbers }, join(directory, 'b'))
  const names = execFileSync('stat', ['-c', '%U %G', join(directory, 'a')], { encoding: 'utf8' })
  expect(names.trim()).toBe(`${owner} ${group}`)
  expect(statSync(join(directory, 'b'))).toMatchObject({ uid, gid })
})

test.each([
  { socketFile: { owner: 'no-such-user' }, message: 'no user "no-such-user"' },
  { socketFile: { group: 'no-such-group' }, message: 'no group "no-such-group"' },
  { socketFile: { mode: 0o1777 }, message: 'mode 1777, wanted 0 to 0777' },
])('refuses $socketFile', async ({ socketFile, message }) => {
  const directory = temporaryDirectory()
  await expect(listenFor(sayHello, { socketFile }, join(directory, 's'))).rejects.toMatchObject({
    code: 'GATEWAY_LISTEN_BAD_OWNER',
    message: expect.stringContaining(message),
  })
  expect(readdirSync(directory)).toEqual([])
})

test('a stale socket is replaced, and never missing meanwhile', async () => {
  const directory = temporaryDirectory()
  const path = join(directory, 's')
  makeStale(path)
  const gaps: string[] = []
  const watcher = watch(directory, () => {
    if (!existsSync(path)) gaps.push('gone')
  })
  onTestFinished(() => watcher.close())
  await listenFor(sayHello, {}, path)
  expect(await answers(path)).toBe(true)
  expect(gaps).toEqual([])
})

test('a socket somebody listens on is left alone', async () => {
  const { listener } = await listenFor(sayHello)
  await expect(listenFor(sayHello, {}, listener.address)).rejects.toMatchObject({
    code: 'GATEWAY_LISTEN_IN_USE',
  })
  expect(await answers(listener.address)).toBe(true)
})

test('a file and a symbolic link are left alone', async () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'file'), 'precious')
  symlinkSync('/nowhere/s', join(directory, 'link'))
  for (const name of ['file', 'link']) {
    await expect(listenFor(sayHello, {}, join(directory, name))).rejects.toMatchObject({
      code: 'GATEWAY_LISTEN_NOT_A_SOCKET',
    })
  }
  expect(readdirSync(directory).sort()).toEqual(['file', 'link'])
})

test('a folder that cannot hold the socket is said to be what it is', async () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'file'), '')
  const problems = [
    ['no', 'is not there (ENOENT)'],
    ['file', 'is no folder (ENOTDIR)'],
  ] as const
  for (const [folder, problem] of problems) {
    await expect(listenFor(sayHello, {}, join(directory, folder, 's'))).rejects.toMatchObject({
      code: 'GATEWAY_LISTEN_FAILED',
      message: `Cannot listen on ${join(directory, folder, 's')}: the folder ${join(directory, folder)} ${problem}`,
    })
  }
})

test('close removes the file, unless it is a successor\u2019s', async () => {
  const path = join(temporaryDirectory(), 's')
  const first = await listenFor(sayHello, {}, path)
  await first.listener.close()
  expect(existsSync(path)).toBe(false)

  const second = await listenFor(sayHello, {}, path)
  spawnSync('mv', [path, `${path}.old`])
  await listenFor(sayHello, {}, path)
  await second.listener.close()
  expect(await answers(path)).toBe(true)
})

test('the file is removed when the process exits', async () => {
  const path = join(temporaryDirectory(), 's')
  const { status, stdout } = spawnSync(process.execPath, [SERVER, path, 'exit'], {
    encoding: 'utf8',
  })
  expect([status, stdout]).toEqual([0, `${path}\n`])
  expect(existsSync(path)).toBe(false)
})
