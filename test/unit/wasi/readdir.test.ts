import { expect, test } from 'vitest'
import { Oflags } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { makeProbe, type Probe } from './probe.ts'
import { SlowDisk } from './slow-directory.ts'

const DIR = 3

async function makeTree(): Promise<Probe> {
  const clock = new FakeClock()
  const directory = createMemoryDirectory(clock)
  const probe = await makeProbe({ clock, preopens: [{ guestPath: '/', directory }] })
  const { fd } = await probe.open(DIR, 'file', { oflags: Oflags.Creat })
  await probe.call('fd_close', fd)
  await probe.onPath('path_create_directory', DIR, 'dir')
  for (const name of ['link', 'another-link', 'x']) {
    await probe.call('path_symlink', ...probe.put(49_000, 'file'), DIR, ...probe.put(50_000, name))
  }
  return probe
}

interface Entry {
  readonly name: string
  readonly filetype: number
  readonly next: bigint
}

/** Reads a directory the way C libraries do: whole entries only, again from the last cookie. */
async function readAll(probe: Probe, fd: number, bufferBytes: number): Promise<Entry[]> {
  const entries: Entry[] = []
  for (let cookie = 0n, used = bufferBytes; used === bufferBytes; ) {
    expect(await probe.call('fd_readdir', fd, 1_000, bufferBytes, cookie, 50)).toBe(Errno.SUCCESS)
    used = probe.u32(50)
    for (let at = 1_000; at + 24 <= 1_000 + used; ) {
      const length = probe.u32(at + 16)
      if (at + 24 + length > 1_000 + used) break
      cookie = probe.u64(at)
      const name = probe.text(at + 24, length)
      entries.push({ name, filetype: probe.bytes[at + 20] ?? 0, next: cookie })
      at += 24 + length
    }
  }
  return entries
}

for (const bufferBytes of [40, 64, 100, 4_096]) {
  test(`a directory read through ${bufferBytes} bytes lists everything once`, async () => {
    const probe = await makeTree()
    const entries = await readAll(probe, DIR, bufferBytes)
    expect(entries.map(({ name }) => name)).toEqual([
      '.',
      '..',
      'file',
      'dir',
      'link',
      'another-link',
      'x',
    ])
    expect(entries.map(({ filetype }) => filetype)).toEqual([3, 3, 4, 3, 7, 7, 7])
    expect(entries.at(-1)?.next).toBe(7n)
  })
}

test('cookies stay valid while the directory changes', async () => {
  const probe = await makeTree()
  expect(await probe.call('fd_readdir', DIR, 1_000, 100, 0n, 50)).toBe(Errno.SUCCESS)
  await probe.onPath('path_unlink_file', DIR, 'file')
  probe.wipe()
  expect(await probe.call('fd_readdir', DIR, 1_000, 27, 3n, 50)).toBe(Errno.SUCCESS)
  expect(probe.text(1_024, 3)).toBe('dir')
  expect(probe.bytes[1_027]).toBe(0x3f)
  expect(await probe.call('fd_readdir', DIR, 1_000, 100, -1n, 50)).toBe(Errno.SUCCESS)
  expect(probe.u32(50)).toBe(0)
  expect(await probe.call('fd_readdir', DIR, 65_000, 537, 0n, 50)).toBe(Errno.FAULT)
  expect(await probe.call('fd_readdir', 0, 0, 0, 0n, 0)).toBe(Errno.NOTDIR)
})

test('a large directory is read from the disk as it is told, each entry once', async () => {
  const disk = new SlowDisk()
  const probe = await makeProbe({ preopens: [{ guestPath: '/', directory: disk.root }] })
  await probe.call('fd_readdir', DIR, 1_000, 4_096, 0n, 50)
  const first = disk.work
  const entries = await readAll(probe, DIR, 4_096)
  expect(new Set(entries.map(({ name }) => name)).size).toBe(5_002)
  expect(first).toBeLessThan(disk.work / 20)
})

test('a call goes over so many entries and no more', async () => {
  const { root: directory } = new SlowDisk()
  const probe = await makeProbe({ preopens: [{ guestPath: '/', directory }] })
  probe.memory.grow(20)
  const list = (bytes: number, cookie: bigint): Promise<number> =>
    probe.call('fd_readdir', DIR, 1_000, bytes, cookie, 50)
  expect(await list(1_000_000, 0n)).toBe(Errno.OVERFLOW)
  expect(await list(60_000, 0n)).toBe(Errno.SUCCESS)
  expect(probe.u32(50)).toBe(60_000)
  expect(await list(100, 0n)).toBe(Errno.SUCCESS)
  // What was read stays known, so that one gets there in the end.
  expect(await list(100, 100_000n)).toBe(Errno.OVERFLOW)
  expect(await list(100, 100_000n)).toBe(Errno.SUCCESS)
  expect(probe.u32(50)).toBe(0)
})
