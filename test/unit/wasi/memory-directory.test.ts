import { expect, test } from 'vitest'
import { Errno } from '../../../src/wasi/errno.ts'
import type { Filestat, OpenFile } from '../../../src/wasi/filesystem.ts'
import {
  createMemoryDirectory,
  createScratchDirectory,
  type MemoryDirectory,
} from '../../../src/wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS, type MemoryLimits } from '../../../src/wasi/memory-quota.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { entriesOf } from './entries.ts'

const MODE = { read: true, write: true, truncate: false }

function make(limits: Partial<MemoryLimits>): MemoryDirectory {
  return createMemoryDirectory(new FakeClock(), { ...DEFAULT_MEMORY_LIMITS, ...limits })
}

function create(directory: MemoryDirectory, name: string): OpenFile {
  const file = directory.createFile(name, MODE)
  if (typeof file === 'number') throw new Error(`errno ${file}`)
  return file
}

function sub(directory: MemoryDirectory, name: string): MemoryDirectory {
  expect(directory.createDirectory(name)).toBe(Errno.SUCCESS)
  const node = directory.lookup(name)
  if (typeof node === 'number' || node.kind !== 'directory') throw new Error('no directory')
  return node as MemoryDirectory
}

test('contents end at the quota of bytes', () => {
  const root = make({ bytes: 20_000 })
  const file = create(root, 'file')
  const half = new Uint8Array(10_000)
  expect(file.write(half, 0)).toBe(10_000)
  expect(file.write(half, 10_000)).toBe(-Errno.NOSPC)
  expect(file.setSize(19_000)).toBe(Errno.SUCCESS)
  expect(file.setSize(20_000)).toBe(Errno.NOSPC)
  expect(file.allocate(2 ** 50)).toBe(Errno.NOSPC)
  expect(file.stat()).toMatchObject({ size: 19_000n })
})

test('a file is what was written to it, whatever blocks it is kept in', () => {
  const file = create(make({ bytes: 1_000_000 }), 'file')
  const wanted = Buffer.alloc(300_000)
  const expectWanted = (size: number): void => {
    const found = new Uint8Array(400_000)
    expect(file.read(found, 0)).toBe(size)
    expect(Buffer.compare(found.subarray(0, size), wanted.subarray(0, size))).toBe(0)
  }
  for (const [at, length] of [
    [0, 300_000],
    [4_090, 10],
    [65_530, 12],
    [65_536, 65_536],
    [131_071, 2],
    [196_600, 70_000],
  ] as const) {
    wanted.fill((at % 251) + 1, at, at + length)
    expect(file.write(wanted.subarray(at, at + length), at)).toBe(length)
    expectWanted(300_000)
  }
  // What was cut off is zeros when the file grows again.
  for (const size of [262_145, 131_072, 65_537, 65_536, 65_535, 4_096, 1]) {
    expect(file.setSize(size)).toBe(Errno.SUCCESS)
    expect(file.setSize(300_000)).toBe(Errno.SUCCESS)
    wanted.fill(0, size)
    expectWanted(300_000)
  }
})

test('what is removed is given back, an open file when it is closed', () => {
  const root = make({ bytes: 100_000 })
  const file = create(root, 'file')
  file.write(new Uint8Array(50_000), 0)
  file.setSize(10)
  expect(root.quota.bytes).toBeLessThan(1_000)
  file.write(new Uint8Array(50_000), 0)
  expect(root.unlinkFile('file')).toBe(Errno.SUCCESS)
  expect(root.quota.bytes).toBeGreaterThan(50_000)
  expect(file.write(new Uint8Array(60_000), 0)).toBe(60_000)
  file.close()
  expect(root.quota.bytes).toBe(0)
  expect(root.quota.files).toBe(0)
})

test('every kind of node counts, and names and targets too', () => {
  const root = make({ files: 3 })
  create(root, 'file').close()
  expect(root.createDirectory('dir')).toBe(Errno.SUCCESS)
  expect(root.createSymlink('link', 'target')).toBe(Errno.SUCCESS)
  expect(root.createFile('more', MODE)).toBe(Errno.NOSPC)
  expect(root.createDirectory('more')).toBe(Errno.NOSPC)
  expect(root.createSymlink('more', 'x')).toBe(Errno.NOSPC)
  expect(root.quota.bytes).toBe(3 * 256 + 4 + 3 + 4 + 6)
  expect(root.link('hard', root, 'file')).toBe(Errno.SUCCESS)
  expect(root.rename('hard', root, 'longer')).toBe(Errno.SUCCESS)
  expect(root.quota.bytes).toBe(3 * 256 + 4 + 3 + 4 + 6 + 6)
  for (const name of ['file', 'longer', 'link']) expect(root.unlinkFile(name)).toBe(Errno.SUCCESS)
  expect(root.removeDirectory('dir')).toBe(Errno.SUCCESS)
  expect(root.quota.bytes).toBe(0)
  expect(root.quota.files).toBe(0)
})

test('links by the thousand are bounded by the bytes of their names', () => {
  const root = make({ bytes: 1_000 })
  create(root, 'file').close()
  let errno: number = Errno.SUCCESS
  let made = 0
  for (; errno === Errno.SUCCESS && made < 1_000; made++) {
    errno = root.link(`link-${made}-with-a-name`, root, 'file')
  }
  expect(errno).toBe(Errno.NOSPC)
  expect(made).toBeLessThan(60)
})

test('replacing gives back what was replaced', () => {
  const root = make({})
  create(root, 'one').close()
  const two = create(root, 'two')
  two.write(new Uint8Array(5_000), 0)
  two.close()
  expect(root.rename('one', root, 'two')).toBe(Errno.SUCCESS)
  expect(root.quota.files).toBe(1)
  expect(root.quota.bytes).toBe(256 + 3)
})

test('directories go so deep and no deeper, by moving either', () => {
  const root = make({ depth: 3 })
  const deepest = sub(sub(sub(root, 'a'), 'b'), 'c')
  expect(deepest.createDirectory('d')).toBe(Errno.MLINK)
  sub(sub(root, 'x'), 'y')
  const a = root.lookup('a')
  if (typeof a === 'number' || a.kind !== 'directory') throw new Error('no directory')
  expect(root.rename('x', deepest, 'x')).toBe(Errno.MLINK)
  expect(root.rename('x', a, 'x')).toBe(Errno.SUCCESS)
})

test('names have a limit in bytes', () => {
  const root = make({ nameBytes: 4 })
  create(root, '1234').close()
  expect(root.createFile('12345', MODE)).toBe(Errno.NAMETOOLONG)
  expect(root.createFile('\u00e9\u00e9\u00e9', MODE)).toBe(Errno.NAMETOOLONG)
  expect(root.rename('1234', root, '12345')).toBe(Errno.NAMETOOLONG)
  expect(root.link('12345', root, '1234')).toBe(Errno.NAMETOOLONG)
  expect(root.lookup('12345')).toBe(Errno.NAMETOOLONG)
})

test('nothing can be put into a directory that was removed', () => {
  const root = make({})
  const dir = sub(root, 'dir')
  root.removeDirectory('dir')
  create(root, 'file').close()
  expect(dir.createFile('file', MODE)).toBe(Errno.NOENT)
  expect(dir.createDirectory('dir')).toBe(Errno.NOENT)
  expect(dir.link('hard', root, 'file')).toBe(Errno.NOENT)
  expect(root.rename('file', dir, 'file')).toBe(Errno.NOENT)
})

test('two file systems do not mix', () => {
  const [one, two] = [make({}), make({})]
  create(one, 'file').close()
  expect(one.rename('file', two, 'file')).toBe(Errno.XDEV)
  expect(two.link('file', one, 'file')).toBe(Errno.XDEV)
  expect(one.stat().dev).not.toBe(two.stat().dev)
})

/** As a descriptor has it. */
function scratch(): MemoryDirectory {
  const root = createScratchDirectory(new FakeClock(), DEFAULT_MEMORY_LIMITS)
  root.retain()
  return root
}

test('scratch files are there as long as somebody can reach them', () => {
  const root = scratch()
  const inner = sub(root, 'inner')
  create(inner, 'file').close()
  root.release()
  expect(entriesOf(inner)).toHaveLength(1)
  inner.release()
  expect(entriesOf(inner)).toEqual([])
  expect(entriesOf(root)).toEqual([])
  expect(root.quota.files).toBe(0)
})

test('a scratch file that is open stays until it is closed', () => {
  const root = scratch()
  const file = create(root, 'file')
  const bytes = new Uint8Array(200_000).fill(7)
  file.write(bytes, 0)
  root.release()
  const found = new Uint8Array(200_000)
  expect(file.read(found, 0)).toBe(200_000)
  expect(found).toEqual(bytes)
  file.close()
  expect(root.quota.bytes).toBeLessThan(bytes.length)
})

test('nothing of a scratch file is in the files that have its memory next', () => {
  const size = 2_000_000
  for (let round = 0; round < 3; round += 1) {
    const root = scratch()
    const file = create(root, 'file')
    file.setSize(size)
    const found = new Uint8Array(size)
    file.read(found, 0)
    expect(found.every((byte) => byte === 0)).toBe(true)
    file.write(new Uint8Array(size).fill(0xaa), 0)
    // Cut off, closed and left behind, in turn.
    if (round === 0) file.setSize(0)
    if (round === 1) root.unlinkFile('file')
    file.close()
    root.release()
  }
})

test('what is made or changed within a millisecond has one time, and what is later a later one', () => {
  const clock = new FakeClock()
  const root = createMemoryDirectory(clock)
  const startNs = clock.realtimeNs()
  const file = create(root, 'a')
  const changedAt = (): bigint => (file.stat() as Filestat).mtim
  expect(changedAt()).toBe(startNs)
  clock.ns += 999_000n
  file.write(new Uint8Array(1), 0)
  expect(changedAt()).toBe(startNs)
  clock.ns += 1_000n
  file.write(new Uint8Array(1), 0)
  expect(changedAt()).toBe(clock.realtimeNs())
})
