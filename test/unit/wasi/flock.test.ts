/** Locks of files: on the disk, where others are other guests, other processes and the same guest once more; and in memory. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { Lock } from '../../../src/wasi/abi.ts'
import { DeviceDirectory } from '../../../src/wasi/device-directory.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode } from '../../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { ImageCache } from '../../../src/wasi/image-cache.ts'
import { ImageDirectory } from '../../../src/wasi/image-directory.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { isPending, makeGrants, makeProbe, type Probe, READ } from './probe.ts'

const { Shared, Exclusive, Nonblock, Unlock } = Lock
const [OK, AGAIN] = [Errno.SUCCESS, Errno.AGAIN]
const [ROOT, DEV] = [3, 4]

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasi-flock-'))
  writeFileSync(join(folder, 'file'), '0')
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

const KINDS: readonly { name: string; open: () => DirectoryNode }[] = [
  { name: 'a mount', open: () => openHostDirectory(folder, { writable: true }) },
  { name: 'a read-only mount', open: () => openHostDirectory(folder, { writable: false }) },
  {
    name: 'an image',
    open: () => {
      const image = new ImageDirectory(folder, new ImageCache())
      image.retain()
      return image
    },
  },
]

async function guestOf(directory: DirectoryNode, clock = new FakeClock()): Promise<Probe> {
  const preopens = [
    { guestPath: '/', directory },
    { guestPath: '/dev', directory: new DeviceDirectory(() => undefined) },
  ]
  return makeProbe({ preopens, clock })
}

const openFile = async (probe: Probe): Promise<number> =>
  (await probe.open(ROOT, 'file', { rights: READ })).fd

const lock = (probe: Probe, fd: number, operation: number): Promise<number> =>
  probe.call('flock', fd, operation)

/** What the second one is told while the first has its lock, without waiting. */
const BESIDE = [
  { first: Shared, second: Shared, errno: OK },
  { first: Shared, second: Exclusive, errno: AGAIN },
  { first: Exclusive, second: Shared, errno: AGAIN },
  { first: Exclusive, second: Exclusive, errno: AGAIN },
]

const memory = (): DirectoryNode => {
  const directory = createMemoryDirectory(new FakeClock())
  const file = directory.createFile('file', { read: true, write: true, truncate: false })
  if (typeof file === 'object' && file.kind === 'file') file.close()
  return directory
}

for (const { name, open } of [...KINDS, { name: 'memory', open: memory }]) {
  for (const { first, second, errno } of BESIDE) {
    test(`${name}: ${first}, then ${second}`, async () => {
      const directory = open()
      const probe = await guestOf(directory)
      const other = name === 'memory' ? probe : await guestOf(directory)
      const [one, two] = [await openFile(probe), await openFile(other)]
      expect(await lock(probe, one, first)).toBe(OK)
      expect(await lock(probe, one, first)).toBe(OK)
      expect(await lock(other, two, second | Nonblock)).toBe(errno)
      expect(await lock(probe, one, Unlock)).toBe(OK)
      expect(await lock(probe, one, Unlock)).toBe(OK)
      expect(await lock(other, two, second | Nonblock)).toBe(OK)
      expect(await lock(probe, one, Exclusive | Nonblock)).toBe(AGAIN)
      await other.call('fd_close', two)
      expect(await lock(probe, one, Exclusive | Nonblock)).toBe(OK)
      probe.host.end()
      other.host.end()
      directory.release()
    })
  }
}

for (const { name, open } of KINDS) {
  test(`${name}: a request's end gives its locks up, also while another one waits`, async () => {
    const directory = open()
    const clock = new FakeClock()
    const [one, two] = [await guestOf(directory), await guestOf(directory, clock)]
    expect(await lock(one, await openFile(one), Exclusive)).toBe(OK)
    const fd = await openFile(two)
    const waiting = lock(two, fd, Exclusive)
    for (let ms = 1; ms < 100; ms *= 2) clock.advance(ms)
    expect(await isPending(waiting)).toBe(true)
    one.host.end()
    clock.advance(10)
    expect(await waiting).toBe(OK)
    two.host.end()
    directory.release()
  })
}

test('what cannot be locked, and what is no operation', async () => {
  const directory = openHostDirectory(folder, { writable: false })
  const probe = await guestOf(directory)
  const fd = await openFile(probe)
  const { fd: device } = await probe.open(DEV, 'null', { rights: READ })
  const answers = [
    await lock(probe, 99, Shared),
    await lock(probe, ROOT, Shared),
    await lock(probe, 0, Shared),
    await lock(probe, device, Exclusive),
    ...(await Promise.all([0, 3, 9, 16, 17].map((operation) => lock(probe, fd, operation)))),
    await lock(probe, fd, Unlock | Nonblock),
  ]
  const { BADF, NOTSUP, INVAL } = Errno
  expect(answers).toEqual([BADF, NOTSUP, NOTSUP, OK, INVAL, INVAL, INVAL, INVAL, INVAL, OK])
  probe.host.end()
  directory.release()
})

test('what a lock guards is looked at anew', async () => {
  const directory = openHostDirectory(folder, { writable: true })
  const probe = await guestOf(directory)
  const fd = await openFile(probe)
  const size = async (): Promise<bigint> => {
    await probe.call('path_filestat_get', ROOT, 1, ...probe.put(50_000, 'x/file'), 1_024)
    return probe.u64(1_024 + 32)
  }
  symlinkSync('.', join(folder, 'x'))
  expect(await lock(probe, fd, Exclusive)).toBe(OK)
  await size()
  writeFileSync(join(folder, 'file'), 'more')
  expect(await lock(probe, fd, Exclusive)).toBe(OK)
  expect(await size()).toBe(4n)
  probe.host.end()
  directory.release()
})

/** Adds one to the number in `file` so often, under its lock. */
async function count(directory: DirectoryNode, times: number): Promise<void> {
  const probe = await makeProbe({
    ...makeGrants({ preopens: [{ guestPath: '/', directory }] }),
    clock: systemClock,
  })
  for (let time = 0; time < times; time++) {
    const { fd } = await probe.open(ROOT, 'file')
    expect(await lock(probe, fd, Exclusive)).toBe(OK)
    const text = await probe.read(fd)
    await new Promise(setImmediate)
    expect(await probe.call('fd_filestat_set_size', fd, 0n)).toBe(OK)
    expect(await probe.call('fd_seek', fd, 0n, 0, 1_024)).toBe(OK)
    expect(await probe.write(fd, String(Number(text) + 1))).toBeLessThan(0)
    await probe.call('fd_close', fd)
  }
  probe.host.end()
}

/** The same by another process, in another language. */
function countElsewhere(times: number): ChildProcess {
  const program = `
import fcntl, sys
for _ in range(${times}):
  with open(sys.argv[1], 'r+') as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    number = int(file.read())
    file.seek(0); file.truncate(); file.write(str(number + 1)); file.flush()
`
  return spawn('python3', ['-c', program, join(folder, 'file')], { stdio: 'inherit' })
}

test('of increments under a lock none is lost, by guests and other processes', async () => {
  const directory = openHostDirectory(folder, { writable: true })
  const other = countElsewhere(50)
  const ended = once(other, 'exit')
  await Promise.all([count(directory, 50), count(directory, 50)])
  expect((await ended)[0]).toBe(0)
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('150')
  directory.release()
})
