import { expect, test } from 'vitest'
import { Filetype, Oflags } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { Right } from '../../../src/wasi/rights.ts'
import { DEFAULT_WASI_LIMITS } from '../../../src/wasi/session.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { makeProbe, type Probe, READ } from './probe.ts'

const DIR = 3
const CREATE = { oflags: Oflags.Creat }

/**
 *     file            "hello"
 *     dir/inner       empty
 *     dir/up          -> ../file
 *     link            -> file
 *     dirlink         -> dir
 *     out             -> ../outside
 *     absolute        -> (cannot be made by a guest; see host-directory.test.ts)
 *     loop            -> loop
 *     dangling        -> nowhere
 */
async function makeTree(): Promise<Probe> {
  const clock = new FakeClock()
  const directory = createMemoryDirectory(clock)
  const limits = { ...DEFAULT_WASI_LIMITS, openFiles: 12, pathBytes: 200, pathDepth: 8 }
  const probe = await makeProbe({ clock, limits, preopens: [{ guestPath: '/', directory }] })
  const file = await probe.open(DIR, 'file', CREATE)
  await probe.write(file.fd, 'hello')
  await probe.call('fd_close', file.fd)
  await probe.onPath('path_create_directory', DIR, 'dir')
  const inner = await probe.open(DIR, 'dir/inner', CREATE)
  await probe.call('fd_close', inner.fd)
  await symlink(probe, '../file', 'dir/up')
  await symlink(probe, 'file', 'link')
  await symlink(probe, 'dir', 'dirlink')
  await symlink(probe, '../outside', 'out')
  await symlink(probe, 'loop', 'loop')
  await symlink(probe, 'nowhere', 'dangling')
  return probe
}

function symlink(probe: Probe, target: string, path: string): Promise<number> {
  return probe.call('path_symlink', ...probe.put(49_000, target), DIR, ...probe.put(50_000, path))
}

function rename(probe: Probe, from: string, to: string): Promise<number> {
  return probe.call('path_rename', DIR, ...probe.put(49_000, from), DIR, ...probe.put(50_000, to))
}

function link(probe: Probe, from: string, to: string, flags = 0): Promise<number> {
  return probe.call(
    'path_link',
    DIR,
    flags,
    ...probe.put(49_000, from),
    DIR,
    ...probe.put(50_000, to),
  )
}

const OPENS: { path: string; errno: number; oflags?: number; rights?: number; follow?: number }[] =
  [
    { path: 'file', errno: Errno.SUCCESS },
    { path: './dir/.././/file', errno: Errno.SUCCESS },
    { path: 'link', errno: Errno.SUCCESS },
    { path: 'dir/up', errno: Errno.SUCCESS },
    { path: 'dirlink/inner', errno: Errno.SUCCESS },
    { path: 'dirlink/up', errno: Errno.SUCCESS },
    { path: '', errno: Errno.NOENT },
    { path: 'nothing', errno: Errno.NOENT },
    { path: 'dangling', errno: Errno.NOENT },
    { path: 'nothing/file', errno: Errno.NOENT },
    { path: 'file/', errno: Errno.NOTDIR },
    { path: 'file/.', errno: Errno.NOTDIR },
    { path: 'file/x', errno: Errno.NOTDIR },
    { path: 'link/x', errno: Errno.NOTDIR },
    { path: 'loop', errno: Errno.LOOP },
    { path: 'loop/x', errno: Errno.LOOP },
    { path: 'link', errno: Errno.LOOP, follow: 0 },
    { path: 'dirlink', errno: Errno.NOTDIR, follow: 0, oflags: Oflags.Directory, rights: 0 },
    { path: 'dirlink/', errno: Errno.SUCCESS, follow: 0, oflags: Oflags.Directory, rights: 0 },
    // Ways out.
    { path: '/file', errno: Errno.NOTCAPABLE },
    { path: '/', errno: Errno.NOTCAPABLE },
    { path: '..', errno: Errno.NOTCAPABLE },
    { path: '../', errno: Errno.NOTCAPABLE },
    { path: 'dir/../..', errno: Errno.NOTCAPABLE },
    { path: 'dir/../../file', errno: Errno.NOTCAPABLE },
    { path: 'dirlink/../../file', errno: Errno.NOTCAPABLE },
    { path: 'out', errno: Errno.NOTCAPABLE },
    { path: 'out/x', errno: Errno.NOTCAPABLE },
    // Limits and letters.
    { path: 'x'.repeat(201), errno: Errno.NAMETOOLONG },
    { path: './'.repeat(50), errno: Errno.SUCCESS, rights: 0 },
    { path: 'fi\0le', errno: Errno.INVAL },
    // Directories.
    { path: '.', errno: Errno.SUCCESS, rights: 0 },
    { path: 'dir/..', errno: Errno.SUCCESS, rights: 0 },
    { path: 'dir', errno: Errno.SUCCESS, rights: READ },
    { path: 'dir', errno: Errno.ISDIR, rights: Right.FdWrite },
    { path: 'dir', errno: Errno.ISDIR, rights: 0, oflags: Oflags.Trunc },
    { path: 'dir', errno: Errno.ISDIR, rights: 0, oflags: Oflags.Creat },
    { path: 'file', errno: Errno.NOTDIR, oflags: Oflags.Directory, rights: 0 },
    // Creating.
    { path: 'new', errno: Errno.SUCCESS, oflags: Oflags.Creat },
    { path: 'new/', errno: Errno.ISDIR, oflags: Oflags.Creat },
    { path: 'dangling', errno: Errno.SUCCESS, oflags: Oflags.Creat },
    { path: 'file', errno: Errno.EXIST, oflags: Oflags.Creat | Oflags.Excl },
    { path: 'dangling', errno: Errno.EXIST, oflags: Oflags.Creat | Oflags.Excl },
    { path: 'new', errno: Errno.SUCCESS, oflags: Oflags.Creat | Oflags.Excl },
    { path: 'new', errno: Errno.INVAL, oflags: Oflags.Creat | Oflags.Directory },
    { path: 'new', errno: Errno.INVAL, oflags: 16 },
  ]

for (const { path, errno, ...options } of OPENS) {
  test(`opening ${JSON.stringify(path)} ${JSON.stringify(options)} is ${errno}`, async () => {
    const probe = await makeTree()
    expect((await probe.open(DIR, path, options)).errno).toBe(errno)
  })
}

test('a path that is not UTF-8 or not in memory is refused', async () => {
  const probe = await makeTree()
  probe.bytes.set([0x66, 0xc3, 0x28], 0)
  expect(await probe.call('path_create_directory', DIR, 0, 3)).toBe(Errno.ILSEQ)
  expect(await probe.call('path_create_directory', DIR, 65_534, 3)).toBe(Errno.FAULT)
  expect(await probe.call('path_create_directory', DIR, -1, 1)).toBe(Errno.FAULT)
  expect(await probe.call('path_create_directory', DIR, 0, -1)).toBe(Errno.FAULT)
  const create = [0n, 0n, 0, 65_533] as const
  const opened = await probe.call(
    'path_open',
    DIR,
    0,
    ...probe.put(0, 'x'),
    Oflags.Creat,
    ...create,
  )
  expect(opened).toBe(Errno.FAULT)
  // The result is checked before the file is made.
  expect((await probe.open(DIR, 'x')).errno).toBe(Errno.NOENT)
})

test('a path may lead through so many directories and no more', async () => {
  const probe = await makeTree()
  let path = ''
  for (let depth = 0; depth < 7; depth++) {
    path += 'd/'
    expect(await probe.onPath('path_create_directory', DIR, path), path).toBe(Errno.SUCCESS)
  }
  expect(await probe.onPath('path_create_directory', DIR, `${path}d`)).toBe(Errno.SUCCESS)
  expect(await probe.onPath('path_create_directory', DIR, `${path}d/d`)).toBe(Errno.NAMETOOLONG)
})

test('links in links count against one limit of length', async () => {
  const probe = await makeTree()
  expect(await symlink(probe, './'.repeat(70), 'a')).toBe(Errno.SUCCESS)
  expect((await probe.open(DIR, 'a/file')).errno).toBe(Errno.SUCCESS)
  expect((await probe.open(DIR, 'a/a/file')).errno).toBe(Errno.NAMETOOLONG)
})

test('only so many descriptors may be open', async () => {
  const probe = await makeTree()
  for (let fd = 4; fd < 12; fd++) expect((await probe.open(DIR, 'file')).fd).toBe(fd)
  expect((await probe.open(DIR, 'file')).errno).toBe(Errno.MFILE)
  expect((await probe.open(DIR, 'new', CREATE)).errno).toBe(Errno.MFILE)
  await probe.call('fd_close', 7)
  expect((await probe.open(DIR, 'new')).errno).toBe(Errno.NOENT)
  expect((await probe.open(DIR, 'file')).fd).toBe(7)
})

test('a directory hands on no right it does not have', async () => {
  const probe = await makeTree()
  const rights = Right.PathOpen | Right.PathFilestatGet
  const { fd } = await probe.open(DIR, 'dir', {
    oflags: Oflags.Directory,
    rights,
    inheriting: READ,
  })
  expect((await probe.open(fd, 'inner', { rights: READ, inheriting: 0 })).errno).toBe(Errno.SUCCESS)
  const beyond = [
    { rights: Right.FdWrite, inheriting: 0 },
    { rights: 0, inheriting: Right.FdWrite },
    { rights: 0, inheriting: 0, oflags: Oflags.Creat },
    { rights: 0, inheriting: 0, oflags: Oflags.Trunc },
  ]
  for (const options of beyond) {
    expect((await probe.open(fd, 'inner', options)).errno).toBe(Errno.NOTCAPABLE)
  }
  expect(await probe.onPath('path_unlink_file', fd, 'inner')).toBe(Errno.NOTCAPABLE)
  expect(await probe.onPath('path_create_directory', fd, 'new')).toBe(Errno.NOTCAPABLE)
  // `..` leads out of the descriptor, though not out of what was granted.
  expect((await probe.open(fd, '../file', { rights: READ, inheriting: 0 })).errno).toBe(
    Errno.NOTCAPABLE,
  )
})

test('path calls want an open directory', async () => {
  const probe = await makeTree()
  const { fd } = await probe.open(DIR, 'file')
  for (const [bad, errno] of [
    [fd, Errno.NOTDIR],
    [0, Errno.NOTDIR],
    [99, Errno.BADF],
  ] as const) {
    expect((await probe.open(bad, 'x')).errno).toBe(errno)
    expect(await probe.onPath('path_create_directory', bad, 'x')).toBe(errno)
    expect(await probe.onPath('path_remove_directory', bad, 'x')).toBe(errno)
    expect(await probe.onPath('path_unlink_file', bad, 'x')).toBe(errno)
    expect(await probe.onPath('path_readlink', bad, 'x', 0, 0, 0)).toBe(errno)
    expect(await probe.call('path_filestat_get', bad, 0, 0, 1, 0)).toBe(errno)
    expect(await probe.call('path_filestat_set_times', bad, 0, 0, 1, 0n, 0n, 0)).toBe(errno)
    expect(await probe.call('path_link', bad, 0, 0, 1, DIR, 0, 1)).toBe(errno)
    expect(await probe.call('path_rename', bad, 0, 1, DIR, 0, 1)).toBe(errno)
    expect(await probe.call('path_symlink', 0, 1, bad, 0, 1)).toBe(errno)
  }
})

const REMOVALS = [
  { name: 'path_unlink_file', path: 'file', errno: Errno.SUCCESS },
  { name: 'path_unlink_file', path: 'loop', errno: Errno.SUCCESS },
  { name: 'path_unlink_file', path: 'nothing', errno: Errno.NOENT },
  { name: 'path_unlink_file', path: 'dir', errno: Errno.ISDIR },
  { name: 'path_unlink_file', path: '.', errno: Errno.ISDIR },
  { name: 'path_unlink_file', path: 'file/', errno: Errno.NOTDIR },
  { name: 'path_unlink_file', path: 'dirlink/', errno: Errno.NOTDIR },
  { name: 'path_unlink_file', path: '../file', errno: Errno.NOTCAPABLE },
  { name: 'path_remove_directory', path: 'dir', errno: Errno.NOTEMPTY },
  { name: 'path_remove_directory', path: 'file', errno: Errno.NOTDIR },
  { name: 'path_remove_directory', path: 'dirlink', errno: Errno.NOTDIR },
  { name: 'path_remove_directory', path: 'nothing', errno: Errno.NOENT },
  { name: 'path_remove_directory', path: '.', errno: Errno.INVAL },
  { name: 'path_create_directory', path: 'new/', errno: Errno.SUCCESS },
  { name: 'path_create_directory', path: 'dir', errno: Errno.EXIST },
  { name: 'path_create_directory', path: '.', errno: Errno.EXIST },
  { name: 'path_create_directory', path: 'dangling', errno: Errno.EXIST },
]

for (const { name, path, errno } of REMOVALS) {
  test(`${name} ${path} is ${errno}`, async () => {
    const probe = await makeTree()
    expect(await probe.onPath(name, DIR, path)).toBe(errno)
  })
}

const RENAMES = [
  { from: 'file', to: 'moved', errno: Errno.SUCCESS },
  { from: 'file', to: 'dir/inner', errno: Errno.SUCCESS },
  { from: 'file', to: 'file', errno: Errno.SUCCESS },
  { from: 'link', to: 'file', errno: Errno.SUCCESS },
  { from: 'dir', to: 'moved/', errno: Errno.SUCCESS },
  { from: 'nothing', to: 'moved', errno: Errno.NOENT },
  { from: 'file', to: 'nothing/moved', errno: Errno.NOENT },
  { from: 'file', to: 'dir', errno: Errno.ISDIR },
  { from: 'dir', to: 'file', errno: Errno.NOTDIR },
  { from: 'file/', to: 'moved', errno: Errno.NOTDIR },
  { from: 'file', to: 'moved/', errno: Errno.NOTDIR },
  { from: 'dir', to: 'dir/inside', errno: Errno.INVAL },
  { from: '.', to: 'moved', errno: Errno.BUSY },
  { from: 'file', to: '.', errno: Errno.BUSY },
  { from: 'file', to: '../moved', errno: Errno.NOTCAPABLE },
  { from: '../file', to: 'moved', errno: Errno.NOTCAPABLE },
]

for (const { from, to, errno } of RENAMES) {
  test(`renaming ${from} to ${to} is ${errno}`, async () => {
    const probe = await makeTree()
    expect(await rename(probe, from, to)).toBe(errno)
  })
}

test('a directory is replaced by another only when empty', async () => {
  const probe = await makeTree()
  await probe.onPath('path_create_directory', DIR, 'empty')
  expect(await rename(probe, 'empty', 'dir')).toBe(Errno.NOTEMPTY)
  expect(await rename(probe, 'dir', 'empty')).toBe(Errno.SUCCESS)
  expect((await probe.open(DIR, 'empty/inner')).errno).toBe(Errno.SUCCESS)
  expect((await probe.open(DIR, 'dir')).errno).toBe(Errno.NOENT)
})

const LINKS = [
  { from: 'file', to: 'hard', errno: Errno.SUCCESS },
  { from: 'dangling', to: 'hard', errno: Errno.SUCCESS },
  { from: 'dir', to: 'hard', errno: Errno.PERM },
  { from: 'nothing', to: 'hard', errno: Errno.NOENT },
  { from: 'file', to: 'link', errno: Errno.EXIST },
  { from: 'file', to: 'hard/', errno: Errno.NOENT },
  { from: 'file/', to: 'hard', errno: Errno.NOTDIR },
]

for (const { from, to, errno } of LINKS) {
  test(`linking ${from} as ${to} is ${errno}`, async () => {
    const probe = await makeTree()
    expect(await link(probe, from, to)).toBe(errno)
    expect(await link(probe, from, `${to}2`, 1)).toBe(Errno.INVAL)
  })
}

test('a hard link is the same file', async () => {
  const probe = await makeTree()
  await link(probe, 'file', 'hard')
  await probe.onPath('path_unlink_file', DIR, 'file')
  const { fd } = await probe.open(DIR, 'hard')
  expect(await probe.read(fd)).toBe('hello')
})

test('symbolic links cannot be made absolute, empty or over something', async () => {
  const probe = await makeTree()
  expect(await symlink(probe, '/etc', 'new')).toBe(Errno.NOTCAPABLE)
  expect(await symlink(probe, '', 'new')).toBe(Errno.NOENT)
  expect(await symlink(probe, 'x', 'file')).toBe(Errno.EXIST)
  expect(await symlink(probe, 'x', 'new/')).toBe(Errno.NOENT)
})

test('a link can be read, cut off at the end of the buffer', async () => {
  const probe = await makeTree()
  expect(await probe.onPath('path_readlink', DIR, 'dir/up', 101, 100, 50)).toBe(Errno.SUCCESS)
  expect(probe.u32(50)).toBe(7)
  expect(probe.text(100, 9)).toBe('?../file?')
  expect(await probe.onPath('path_readlink', DIR, 'dir/up', 201, 3, 50)).toBe(Errno.SUCCESS)
  expect(probe.u32(50)).toBe(3)
  expect(probe.text(200, 5)).toBe('?../?')
  expect(await probe.onPath('path_readlink', DIR, 'file', 0, 9, 50)).toBe(Errno.INVAL)
  expect(await probe.onPath('path_readlink', DIR, 'nothing', 0, 9, 50)).toBe(Errno.NOENT)
  expect(await probe.onPath('path_readlink', DIR, 'link', 65_530, 9, 50)).toBe(Errno.FAULT)
})

test('path_filestat_get follows a link only if told to', async () => {
  const probe = await makeTree()
  const stat = (path: string, follow: number) =>
    probe.call('path_filestat_get', DIR, follow, ...probe.put(50_000, path), 100)
  expect(await stat('link', 1)).toBe(Errno.SUCCESS)
  expect(probe.bytes[116]).toBe(Filetype.RegularFile)
  expect(probe.u64(132)).toBe(5n)
  expect(await stat('link', 0)).toBe(Errno.SUCCESS)
  expect(probe.bytes[116]).toBe(Filetype.SymbolicLink)
  expect(await stat('dirlink/', 0)).toBe(Errno.SUCCESS)
  expect(probe.bytes[116]).toBe(Filetype.Directory)
  expect(await stat('dangling', 1)).toBe(Errno.NOENT)
  expect(await stat('file/', 0)).toBe(Errno.NOTDIR)
})

test('path_filestat_set_times sets what it is told to', async () => {
  const probe = await makeTree()
  const path = probe.put(50_000, 'file')
  expect(await probe.call('path_filestat_set_times', DIR, 0, ...path, 1n, 2n, 5)).toBe(0)
  await probe.call('path_filestat_get', DIR, 0, ...path, 100)
  expect([probe.u64(140), probe.u64(148)]).toEqual([1n, 2n])
  expect(await probe.call('path_filestat_set_times', DIR, 0, ...path, 1n, 2n, 3)).toBe(Errno.INVAL)
})

/** What the times are then, in nanoseconds; undefined: the ones of that moment. */
const ZEROS: readonly {
  name: string
  times: readonly [bigint, bigint]
  flags: number
  set: readonly (bigint | undefined)[]
}[] = [
  {
    name: 'both 0, as wasi-libc says "now"',
    times: [0n, 0n],
    flags: 5,
    set: [undefined, undefined],
  },
  { name: 'one is 0', times: [0n, 1n], flags: 5, set: [0n, 1n] },
  { name: 'the other is 0', times: [1n, 0n], flags: 5, set: [1n, 0n] },
  { name: 'only one is set, to 0', times: [0n, 0n], flags: 4, set: [7n, 0n] },
  { name: 'one is 0, the other now', times: [0n, 0n], flags: 9, set: [0n, undefined] },
]

for (const { name, times, flags, set } of ZEROS) {
  for (const call of ['path_filestat_set_times', 'fd_filestat_set_times'] as const) {
    test(`${call}: ${name}`, async () => {
      const clock = new FakeClock()
      const preopens = [{ guestPath: '/', directory: createMemoryDirectory(clock) }]
      const probe = await makeProbe({ clock, preopens })
      const { fd } = await probe.open(DIR, 'file', CREATE)
      const path = probe.put(50_000, 'file')
      const setTimes = (atim: bigint, mtim: bigint, how: number): Promise<number> =>
        call === 'fd_filestat_set_times'
          ? probe.call(call, fd, atim, mtim, how)
          : probe.call(call, DIR, 0, ...path, atim, mtim, how)
      expect(await setTimes(7n, 7n, 5)).toBe(Errno.SUCCESS)
      expect(await setTimes(...times, flags)).toBe(Errno.SUCCESS)
      await probe.call('fd_filestat_get', fd, 0)
      const now = clock.realtimeNs()
      expect([probe.u64(40), probe.u64(48)]).toEqual(set.map((time) => time ?? now))
    })
  }
}
