import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Oflags } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode, Node } from '../../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { ImageCache } from '../../../src/wasi/image-cache.ts'
import { ImageDirectory } from '../../../src/wasi/image-directory.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { DIRECTORY_RIGHTS, Right } from '../../../src/wasi/rights.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { openPaths } from '../../support/open-paths.ts'
import { entriesOf } from './entries.ts'
import { makeProbe, type Probe, READ } from './probe.ts'

const DIR = 3
const CREATE = { oflags: Oflags.Creat }
const READ_ONLY = { rights: READ }

let base = ''
let root = ''

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-host-')))
  root = join(base, 'root')
  mkdirSync(join(root, 'dir/deep'), { recursive: true })
  mkdirSync(join(base, 'outside'))
  writeFileSync(join(base, 'outside/secret'), 'secret')
  writeFileSync(join(root, 'file'), 'hello')
  writeFileSync(join(root, 'dir/inner'), 'inner')
  symlinkSync('../file', join(root, 'dir/up'))
  symlinkSync('dir', join(root, 'dirlink'))
  symlinkSync('../outside', join(root, 'out'))
  symlinkSync('../outside/secret', join(root, 'outfile'))
  symlinkSync(join(base, 'outside'), join(root, 'absolute'))
  symlinkSync(join(root, 'file'), join(root, 'absolutefile'))
  symlinkSync('dirlink/../../outside', join(root, 'winding'))
})

afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

function openImage(): DirectoryNode {
  const image = new ImageDirectory(root, new ImageCache())
  image.retain()
  return image
}

const GRANTS: { name: string; open: () => DirectoryNode; writable: boolean }[] = [
  { name: 'read-write', open: () => openHostDirectory(root, { writable: true }), writable: true },
  {
    name: 'name by name',
    open: () => openHostDirectory(root, { writable: true, isWalked: true }),
    writable: true,
  },
  { name: 'read-only', open: () => openHostDirectory(root, { writable: false }), writable: false },
  { name: 'image', open: openImage, writable: false },
]

async function withProbe(
  directory: DirectoryNode,
  use: (probe: Probe) => Promise<void>,
): Promise<void> {
  const probe = await makeProbe({ preopens: [{ guestPath: '/', directory }] })
  await use(probe)
  probe.host.end()
  directory.release()
}

const ESCAPES = [
  '..',
  '../outside/secret',
  'dir/../../outside/secret',
  'dirlink/../../outside/secret',
  '/etc/passwd',
  'out',
  'out/secret',
  'outfile',
  'absolute',
  'absolute/secret',
  'absolutefile',
  'winding/secret',
  'dir/deep/../../../outside/secret',
]

for (const { name, open, writable } of GRANTS) {
  for (const path of ESCAPES) {
    test(`${name}: ${path} does not lead out`, async () => {
      const before = openPaths(base).length
      await withProbe(open(), async (probe) => {
        expect((await probe.open(DIR, path, READ_ONLY)).errno).toBe(Errno.NOTCAPABLE)
        expect((await probe.open(DIR, path, CREATE)).errno).toBe(Errno.NOTCAPABLE)
        const stat = await probe.call('path_filestat_get', DIR, 1, ...probe.put(50_000, path), 0)
        expect(stat).toBe(Errno.NOTCAPABLE)
      })
      expect(openPaths(base).length).toBe(before)
      expect(readFileSync(join(base, 'outside/secret'), 'utf8')).toBe('secret')
    })
  }

  test(`${name}: files can be read, through links within too, and all is closed after`, async () => {
    const before = openPaths(base).length
    await withProbe(open(), async (probe) => {
      for (const [path, text] of [
        ['file', 'hello'],
        ['dir/inner', 'inner'],
        ['dir/up', 'hello'],
        ['dirlink/up', 'hello'],
        ['dirlink/deep/../inner', 'inner'],
      ] as const) {
        const { fd } = await probe.open(DIR, path, { rights: READ | Right.FdSeek })
        expect(await probe.read(fd), path).toBe(text)
        expect(await probe.read(fd), path).toBe('')
        expect(await probe.call('fd_seek', fd, -2n, 2, 0)).toBe(Errno.SUCCESS)
        expect(await probe.read(fd), path).toBe(text.slice(-2))
      }
      const { fd } = await probe.open(DIR, 'dirlink', {
        oflags: Oflags.Directory,
        rights: DIRECTORY_RIGHTS,
      })
      expect((await probe.open(fd, 'inner', READ_ONLY)).errno).toBe(Errno.SUCCESS)
      expect((await probe.open(fd, 'up', READ_ONLY)).errno).toBe(Errno.NOTCAPABLE)
      expect((await probe.open(DIR, 'nothing', READ_ONLY)).errno).toBe(Errno.NOENT)
      expect((await probe.open(DIR, 'x'.repeat(256), READ_ONLY)).errno).toBe(Errno.NAMETOOLONG)
    })
    expect(openPaths(base).length).toBe(before)
  })

  test(`${name}: what changes something ${writable ? 'does' : 'is ROFS'}`, async () => {
    await withProbe(open(), async (probe) => {
      const errno = writable ? Errno.SUCCESS : Errno.ROFS
      const onTwo = (call: string, from: string, to: string) =>
        call === 'path_symlink'
          ? probe.call(call, ...probe.put(49_000, from), DIR, ...probe.put(50_000, to))
          : probe.call(
              call,
              DIR,
              ...(call === 'path_link' ? [0] : []),
              ...probe.put(49_000, from),
              DIR,
              ...probe.put(50_000, to),
            )
      const results = [
        (await probe.open(DIR, 'new', CREATE)).errno,
        (await probe.open(DIR, 'file')).errno,
        (await probe.open(DIR, 'file', { ...READ_ONLY, oflags: Oflags.Trunc })).errno,
        await probe.onPath('path_create_directory', DIR, 'newdir'),
        await onTwo('path_symlink', 'file', 'newlink'),
        await onTwo('path_link', 'file', 'newhard'),
        await onTwo('path_rename', 'file', 'moved'),
        await probe.onPath('path_unlink_file', DIR, 'dir/inner'),
        await probe.onPath('path_remove_directory', DIR, 'dir/deep'),
        await probe.call('path_filestat_set_times', DIR, 0, ...probe.put(50_000, 'dir'), 1n, 2n, 5),
      ]
      expect(results).toEqual(results.map(() => errno))
      expect(existsSync(join(root, 'moved'))).toBe(writable)
    })
  })

  test(`${name}: a directory lists what is in it`, async () => {
    const directory = open()
    const entries = entriesOf(directory)
    expect(entries.map((entry) => entry.name).sort()).toEqual(readdirSync(root).sort())
    expect(entries.find((entry) => entry.name === 'out')?.filetype).toBe(7)
    const file = directory.lookup('file')
    if (typeof file === 'number') throw new Error(`errno ${file}`)
    expect(file.stat()).toMatchObject({ ino: directory.inodeOf('file'), size: 5n })
    expect(directory.inodeOf('nothing')).toBe(0n)
    directory.release()
  })

  test(`${name}: neither FIFOs nor devices are opened`, async () => {
    execFileSync('mkfifo', [join(root, 'fifo')])
    await withProbe(open(), async (probe) => {
      expect((await probe.open(DIR, 'fifo', READ_ONLY)).errno).toBe(Errno.ACCES)
    })
  })

  test(`${name}: a directory swapped for a link during the walk leads nowhere else`, () => {
    const directory = open()
    const dir = held(directory.lookup('dir'))
    const late = held(directory.lookup('dir'))
    expect(dir.open?.()).toBe(Errno.SUCCESS)
    renameSync(join(root, 'dir'), join(root, 'was'))
    symlinkSync('../outside', join(root, 'dir'))
    expect(dir.lookup('secret')).toBe(Errno.NOENT)
    expect(late.lookup('secret')).toBe(Errno.NOTDIR)
    expect(late.open?.()).toBe(Errno.NOTDIR)
    late.release()
    const inner = dir.lookup('inner')
    if (typeof inner === 'number' || inner.kind !== 'file') throw new Error('no file')
    expect(inner.stat()).toMatchObject({ size: 5n })
    const opened = inner.open({ read: true, write: false, truncate: false })
    if (typeof opened === 'number' || opened.kind !== 'file') throw new Error('not opened')
    opened.close()
    dir.release()
    directory.release()
  })

  test(`${name}: a file swapped for a link before it is opened is not followed`, () => {
    const directory = open()
    const file = directory.lookup('file')
    if (typeof file === 'number' || file.kind !== 'file') throw new Error('no file')
    rmSync(join(root, 'file'))
    symlinkSync('../outside/secret', join(root, 'file'))
    expect(file.open({ read: true, write: false, truncate: false })).toBe(Errno.LOOP)
    directory.release()
  })
}

function held(node: Node | number): DirectoryNode {
  if (typeof node === 'number' || node.kind !== 'directory') throw new Error('no directory')
  return node
}

test('times are set to the nanosecond, one at a time', async () => {
  await withProbe(openHostDirectory(root, { writable: true }), async (probe) => {
    const path = probe.put(50_000, 'file')
    const stat = async (): Promise<bigint[]> => {
      await probe.call('path_filestat_get', DIR, 0, ...path, 0)
      return [probe.u64(40), probe.u64(48)]
    }
    const [, mtim] = await stat()
    const atim = 1_700_000_000_123_456_789n
    expect(await probe.call('path_filestat_set_times', DIR, 0, ...path, atim, 0n, 1)).toBe(0)
    expect(await stat()).toEqual([atim, mtim])
    const { fd } = await probe.open(DIR, 'file')
    expect(await probe.call('fd_filestat_set_times', fd, 0n, atim + 1n, 4)).toBe(0)
    expect(await stat()).toEqual([atim, atim + 1n])
  })
})

const TARGETS = [
  { target: 'file', leadsOthers: true },
  { target: 'dir/inner', leadsOthers: true },
  { target: './dir//inner/', leadsOthers: true },
  { target: '..x', leadsOthers: true },
  { target: '..', leadsOthers: false },
  { target: '../root/file', leadsOthers: false },
  // Never out of the folder where it is made, but out of it once it is moved, or `dirlink` another one.
  { target: 'dir/..', leadsOthers: false },
  { target: 'dirlink/../file', leadsOthers: false },
  { target: '/etc/passwd', leadsOthers: false },
  { target: '/dev/null/link:../file', leadsOthers: false },
]

for (const { target, leadsOthers } of TARGETS) {
  test(`a link to ${target} leads ${leadsOthers ? 'others, too' : 'nobody but guests'}`, () => {
    const directory = openHostDirectory(root, { writable: true })
    const dir = held(directory.lookup('dir'))
    expect(directory.createSymlink('made', target)).toBe(Errno.SUCCESS)
    expect(directory.rename('made', dir, 'new')).toBe(Errno.SUCCESS)
    const text = readlinkSync(join(root, 'dir/new'))
    if (leadsOthers) expect(text).toBe(target)
    else expect(() => statSync(join(root, 'dir/new'))).toThrow(/ENOTDIR/)
    const link = dir.lookup('new')
    if (typeof link === 'number' || link.kind !== 'symlink') throw new Error('no link')
    expect(link.readLink()).toBe(target)
    expect(link.stat()).toMatchObject({ size: BigInt(target.length) })
    dir.release()
    directory.release()
  })
}

test('a link upwards leads a guest as far as a grant goes', async () => {
  await withProbe(openHostDirectory(root, { writable: true }), async (probe) => {
    const link = (target: string, path: string): Promise<number> =>
      probe.call('path_symlink', ...probe.put(49_000, target), DIR, ...probe.put(50_000, path))
    expect(await link('../file', 'dir/within')).toBe(Errno.SUCCESS)
    expect(await link('../../root/file', 'dir/out')).toBe(Errno.SUCCESS)
    expect((await probe.open(DIR, 'dir/within')).errno).toBe(Errno.SUCCESS)
    expect((await probe.open(DIR, 'dir/out')).errno).toBe(Errno.NOTCAPABLE)
  })
})

test('how much room there is: of the disk, and nothing free where nothing may be written', () => {
  const disk = statfsSync(root)
  const [one, other] = [{ writable: true }, { writable: false }].map((tree) =>
    openHostDirectory(root, tree),
  ) as [DirectoryNode, DirectoryNode]
  const bytes = disk.blocks * disk.bsize
  expect(one.space?.()).toEqual({
    bytes,
    free: expect.toSatisfy((free) => free > 0 && free < bytes),
  })
  expect(other.space?.()).toEqual({ bytes, free: 0 })
  one.release()
  other.release()
})

test('links of others that lead upwards are not moved', () => {
  const directory = openHostDirectory(root, { writable: true })
  const dir = held(directory.lookup('dir'))
  expect(dir.rename('up', directory, 'moved')).toBe(Errno.PERM)
  expect(directory.link('linked', dir, 'up')).toBe(Errno.PERM)
  expect(directory.rename('dirlink', dir, 'moved')).toBe(Errno.SUCCESS)
  dir.release()
  directory.release()
})

test('nothing moves from one grant into another, even of the same folder', () => {
  const [one, other] = [{ writable: false }, { writable: true }].map((tree) =>
    openHostDirectory(root, tree),
  ) as [DirectoryNode, DirectoryNode]
  expect(other.link('file2', one, 'file')).toBe(Errno.XDEV)
  const writable = openHostDirectory(root, { writable: true })
  expect(other.rename('file', writable, 'file2')).toBe(Errno.XDEV)
  for (const directory of [one, other, writable]) directory.release()
})

test('nothing moves from one file system into another', async () => {
  const clock = new FakeClock()
  const host = openHostDirectory(root, { writable: true })
  const memory = createMemoryDirectory(clock)
  const preopens = [
    { guestPath: '/', directory: host },
    { guestPath: '/tmp', directory: memory },
  ]
  const probe = await makeProbe({ clock, preopens })
  const [from, to] = [probe.put(49_000, 'file'), probe.put(50_000, 'moved')]
  expect(await probe.call('path_rename', 3, ...from, 4, ...to)).toBe(Errno.XDEV)
  expect(await probe.call('path_link', 3, 0, ...from, 4, ...to)).toBe(Errno.XDEV)
  await probe.open(4, 'file', CREATE)
  expect(await probe.call('path_rename', 4, ...probe.put(49_000, 'file'), 3, ...to)).toBe(
    Errno.XDEV,
  )
  probe.host.end()
  host.release()
})

test('a session gives back what its guest left open', async () => {
  const before = openPaths(base).length
  const directory = openHostDirectory(root, { writable: true })
  const probe = await makeProbe({ preopens: [{ guestPath: '/', directory }] })
  for (let count = 0; count < 5; count++) {
    await probe.open(DIR, 'file')
    await probe.open(DIR, 'dir', { rights: READ })
  }
  expect(openPaths(base).length).toBe(before + 11)
  probe.host.end()
  directory.release()
  expect(openPaths(base).length).toBe(before)
})

test('only a directory can be granted', () => {
  for (const path of [join(root, 'file'), join(root, 'nothing')]) {
    expect(() => openHostDirectory(path, { writable: false })).toThrow(
      expect.objectContaining({ code: 'WASI_BAD_DIRECTORY' }),
    )
  }
})
