import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Filetype, Oflags } from '../../../src/wasi/abi.ts'
import { DeviceDirectory } from '../../../src/wasi/device-directory.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode } from '../../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { ImageCache } from '../../../src/wasi/image-cache.ts'
import { ImageDirectory } from '../../../src/wasi/image-directory.ts'
import {
  createMemoryDirectory,
  createScratchDirectory,
} from '../../../src/wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS } from '../../../src/wasi/memory-quota.ts'
import { MountPlan } from '../../../src/wasi/mount-tree.ts'
import { RememberedTree } from '../../../src/wasi/remembered-directory.ts'
import { DIRECTORY_RIGHTS } from '../../../src/wasi/rights.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { openPaths } from '../../support/open-paths.ts'
import { entriesOf } from './entries.ts'
import { makeProbe, type Probe, READ } from './probe.ts'

const DIR = 3
const CREATE = { oflags: Oflags.Creat }
const READ_ONLY = { rights: READ }

let base = ''
let site = ''

/**
 *     /                                   nothing but mount points, down to:
 *     /srv/site            read-write     base/site
 *       file, sub/inner
 *       media/own                         stays visible
 *       media/up           a mount of     base/uploads (hides the file of that name)
 *       shadow             a link to base/outside; shadow/in is a mount point
 *     /tmp                 scratch
 *     /dev                 devices
 *     /ro                  read-only      base/library
 */
const PATHS = ['/srv/site', '/tmp', '/dev', '/ro', '/srv/site/media/up', '/srv/site/shadow/in']

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-tree-')))
  site = join(base, 'site')
  for (const folder of ['site/sub', 'site/media', 'uploads', 'library', 'outside', 'in']) {
    mkdirSync(join(base, folder), { recursive: true })
  }
  const files = {
    'site/file': 'hello',
    'site/sub/inner': 'inner',
    'site/media/own': 'own',
    'site/media/up': 'hidden',
    'uploads/one': 'upload',
    'library/book': 'book',
    'outside/secret': 'secret',
    'in/x': 'mounted',
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(base, name), text)
  const links = {
    shadow: join(base, 'outside'),
    out: join(base, 'outside'),
    up: '../../../..',
    seen: '/srv/site/file',
    book: '/ro/book',
    over: '/srv/site/media/up/../own',
    top: '/',
    dots: '/../../ro/../srv/site/file',
    loop: '/srv/site/loop',
    chain: 'seen',
    scratch: '/tmp/made',
  }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(site, name))
})

afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

interface Tree {
  readonly probe: Probe
  readonly root: DirectoryNode
}

/** A reference to the directory at a path without links. */
function directoryAt(root: DirectoryNode, path: string): DirectoryNode {
  root.retain()
  let directory = root
  for (const name of path.split('/').filter((one) => one !== '')) {
    const node = directory.lookup(name)
    directory.release()
    if (typeof node === 'number' || node.kind !== 'directory') throw new Error(`no ${name}`)
    directory = node
  }
  return directory
}

/** `remembers`: what is found in `site`, `library` and `in` is remembered, and these are read-only. */
async function withTree(use: (tree: Tree) => Promise<void>, remembers = false): Promise<void> {
  const before = openPaths(base).length
  const clock = new FakeClock()
  const directories = [
    openHostDirectory(site, { writable: !remembers }),
    createScratchDirectory(clock, DEFAULT_MEMORY_LIMITS),
    new DeviceDirectory((into) => into.fill(7)),
    new ImageDirectory(join(base, 'library'), new ImageCache()),
    openHostDirectory(join(base, 'uploads'), { writable: true }),
    openHostDirectory(join(base, 'in'), { writable: false }),
  ]
  const mounted = directories.map((directory, index) => {
    if (!remembers || ![0, 3, 5].includes(index)) return directory
    const open = (): DirectoryNode => {
      directory.retain()
      return directory
    }
    return new RememberedTree(open, { clock, lifeMs: 1000 }).take
  })
  const root = new MountPlan(PATHS).open(mounted)
  const preopens = [{ guestPath: '/', directory: root, isWhole: true }]
  const probe = await makeProbe({ clock, preopens })
  await use({ probe, root })
  probe.host.end()
  clock.advance(1000)
  for (const index of [0, 4, 5]) directories[index]?.release()
  expect(openPaths(base).length).toBe(before)
  expect(readFileSync(join(base, 'outside/secret'), 'utf8')).toBe('secret')
}

async function textOf(probe: Probe, path: string): Promise<string | number> {
  const { errno, fd } = await probe.open(DIR, path, READ_ONLY)
  if (errno !== Errno.SUCCESS) return errno
  const text = await probe.read(fd)
  await probe.call('fd_close', fd)
  return text
}

const READS: { path: string; text: string | number }[] = [
  { path: 'srv/site/file', text: 'hello' },
  { path: 'srv/../srv/site/sub/../file', text: 'hello' },
  { path: 'srv/site/media/own', text: 'own' },
  { path: 'srv/site/media/up/one', text: 'upload' },
  { path: 'srv/site/media/up/../own', text: 'own' },
  { path: 'srv/site/media/up/../../file', text: 'hello' },
  { path: 'srv/site/shadow/in/x', text: 'mounted' },
  { path: 'ro/book', text: 'book' },
  // As in any system, there is nothing above the root.
  { path: '../srv/site/file', text: 'hello' },
  { path: 'srv/../../../ro/book', text: 'book' },
  // Absolute links lead where the guest sees their paths.
  { path: 'srv/site/seen', text: 'hello' },
  { path: 'srv/site/chain', text: 'hello' },
  { path: 'srv/site/book', text: 'book' },
  { path: 'srv/site/over', text: 'own' },
  { path: 'srv/site/top/ro/book', text: 'book' },
  { path: 'srv/site/dots', text: 'hello' },
  { path: 'srv/site/up/ro/book', text: 'book' },
  { path: 'srv/site/loop', text: Errno.LOOP },
  { path: 'srv/site/scratch', text: Errno.NOENT },
  // Nothing else is there.
  { path: 'srv/site/out/secret', text: Errno.NOENT },
  { path: 'srv/site/shadow/secret', text: Errno.NOENT },
  { path: 'srv/site/../outside/secret', text: Errno.NOENT },
  { path: 'etc/passwd', text: Errno.NOENT },
  { path: 'srv/other', text: Errno.NOENT },
  { path: '/srv/site/file', text: Errno.NOTCAPABLE },
]

for (const { path, text } of READS) {
  test(`${path} is ${text}`, async () => {
    await withTree(async ({ probe }) => {
      expect(await textOf(probe, path)).toBe(text)
      const stat = await probe.call('path_filestat_get', DIR, 1, ...probe.put(50_000, path), 0)
      expect(stat).toBe(typeof text === 'number' ? text : Errno.SUCCESS)
    })
  })

  test(`${path} is ${text} as well where it is remembered`, async () => {
    await withTree(async ({ probe }) => {
      const look = () => probe.call('path_filestat_get', DIR, 1, ...probe.put(50_000, path), 0)
      const errno = typeof text === 'number' ? text : Errno.SUCCESS
      expect([await look(), await look()]).toEqual([errno, errno])
      expect(await textOf(probe, path)).toBe(text)
    }, true)
  })
}

test('what is remembered of a path is found without a look at the disk', async () => {
  await withTree(async ({ probe }) => {
    const look = (path: string) =>
      probe.call('path_filestat_get', DIR, 1, ...probe.put(50_000, path), 0)
    const paths = ['srv/site/sub/inner', 'srv/site/sub/none', 'ro/book', 'srv/other/none']
    const seen = []
    for (const path of paths) seen.push(await look(path))
    expect(seen).toEqual([Errno.SUCCESS, Errno.NOENT, Errno.SUCCESS, Errno.NOENT])
    for (const folder of ['site', 'library']) rmSync(join(base, folder), { recursive: true })
    for (const [index, path] of paths.entries()) expect(await look(path)).toBe(seen[index])
  }, true)
})

const LISTINGS = [
  { path: '', names: ['dev', 'ro', 'srv', 'tmp'] },
  { path: 'srv', names: ['site'] },
  { path: 'srv/site/media', names: ['own', 'up'] },
  { path: 'srv/site/media/up', names: ['one'] },
  { path: 'srv/site/shadow', names: ['in'] },
  { path: 'tmp', names: [] },
]

for (const { path, names } of LISTINGS) {
  test(`/${path} lists ${names.join(' ')}`, async () => {
    await withTree(async ({ root }) => {
      const directory = directoryAt(root, path)
      const entries = entriesOf(directory)
      expect(entries.map(({ name }) => name).sort()).toEqual(names)
      for (const { name, filetype } of entries) {
        const node = directory.lookup(name)
        if (typeof node === 'number') throw new Error(`${name}: errno ${node}`)
        expect(node.stat()).toMatchObject({ ino: directory.inodeOf(name), filetype })
        if (node.kind === 'directory') node.release()
      }
      directory.release()
    })
  })
}

test('directories that only hold mount points are different ones', async () => {
  await withTree(async ({ root }) => {
    const seen = new Set<string>()
    for (const path of ['', 'srv', 'srv/site/shadow']) {
      const directory = directoryAt(root, path)
      const stat = directory.stat()
      if (typeof stat === 'number') throw new Error(`errno ${stat}`)
      seen.add(`${stat.dev}:${stat.ino}`)
      directory.release()
    }
    expect(seen.size).toBe(3)
  })
})

const CHANGES: { call: string; path: string; errno: number }[] = [
  // A mount point stays where it is, and so do those on the way to one.
  { call: 'path_remove_directory', path: 'srv', errno: Errno.BUSY },
  { call: 'path_remove_directory', path: 'srv/site', errno: Errno.BUSY },
  { call: 'path_remove_directory', path: 'srv/site/media', errno: Errno.BUSY },
  { call: 'path_remove_directory', path: 'srv/site/media/up', errno: Errno.BUSY },
  { call: 'path_remove_directory', path: 'srv/site/shadow', errno: Errno.BUSY },
  { call: 'path_remove_directory', path: 'tmp', errno: Errno.BUSY },
  { call: 'path_unlink_file', path: 'srv/site/media/up', errno: Errno.ISDIR },
  { call: 'path_create_directory', path: 'srv/site/media/up', errno: Errno.EXIST },
  // Where nothing is mounted, nothing can be changed.
  { call: 'path_create_directory', path: 'new', errno: Errno.ROFS },
  { call: 'path_create_directory', path: 'srv/new', errno: Errno.ROFS },
  { call: 'path_create_directory', path: 'srv/site/shadow/new', errno: Errno.ROFS },
  { call: 'path_create_directory', path: 'ro/new', errno: Errno.ROFS },
  { call: 'path_create_directory', path: 'dev/new', errno: Errno.ROFS },
  { call: 'path_remove_directory', path: 'nothing', errno: Errno.NOENT },
  // A mount's own right holds all over it.
  { call: 'path_create_directory', path: 'srv/site/new', errno: Errno.SUCCESS },
  { call: 'path_create_directory', path: 'srv/site/media/new', errno: Errno.SUCCESS },
  { call: 'path_create_directory', path: 'srv/site/media/up/new', errno: Errno.SUCCESS },
  { call: 'path_create_directory', path: 'tmp/new', errno: Errno.SUCCESS },
  { call: 'path_unlink_file', path: 'srv/site/media/own', errno: Errno.SUCCESS },
]

for (const { call, path, errno } of CHANGES) {
  test(`${call} ${path} is ${errno}`, async () => {
    await withTree(async ({ probe }) => {
      expect(await probe.onPath(call, DIR, path)).toBe(errno)
    })
  })
}

const FILES: { path: string; errno: number }[] = [
  { path: 'new', errno: Errno.ROFS },
  { path: 'srv/new', errno: Errno.ROFS },
  { path: 'ro/new', errno: Errno.ROFS },
  { path: 'srv/site/media/up', errno: Errno.ISDIR },
  { path: 'srv/site/new', errno: Errno.SUCCESS },
  { path: 'srv/site/media/new', errno: Errno.SUCCESS },
  { path: 'srv/site/media/up/new', errno: Errno.SUCCESS },
  { path: 'srv/site/scratch', errno: Errno.SUCCESS },
]

for (const { path, errno } of FILES) {
  test(`making the file ${path} is ${errno}`, async () => {
    await withTree(async ({ probe }) => {
      expect((await probe.open(DIR, path, CREATE)).errno).toBe(errno)
    })
  })
}

/** The first three are in one mount, whichever of their directories lead to others. */
const MOVES: { from: string; to: string; errno: number }[] = [
  { from: 'srv/site/file', to: 'srv/site/sub/moved', errno: Errno.SUCCESS },
  { from: 'srv/site/sub/inner', to: 'srv/site/moved', errno: Errno.SUCCESS },
  { from: 'srv/site/sub/inner', to: 'srv/site/media/moved', errno: Errno.SUCCESS },
  { from: 'srv/site/file', to: 'srv/site/media/up/moved', errno: Errno.XDEV },
  { from: 'srv/site/media/up/one', to: 'srv/site/media/moved', errno: Errno.XDEV },
  { from: 'srv/site/file', to: 'tmp/moved', errno: Errno.XDEV },
  { from: 'srv/site/file', to: 'srv/moved', errno: Errno.ROFS },
  { from: 'ro/book', to: 'srv/site/moved', errno: Errno.ROFS },
]

/** `call`: path_rename or path_link. */
function move(probe: Probe, call: string, from: string, to: string): Promise<number> {
  const flags = call === 'path_link' ? [0] : []
  const [source, target] = [probe.put(49_000, from), probe.put(50_000, to)]
  return probe.call(call, DIR, ...flags, ...source, DIR, ...target)
}

for (const { from, to, errno } of MOVES) {
  for (const call of ['path_rename', 'path_link']) {
    test(`${call} ${from} ${to} is ${errno}`, async () => {
      await withTree(async ({ probe }) => {
        // It is the folder that gets another name that is asked whether it takes one.
        const isReadOnly = call === 'path_link' && from.startsWith('ro/')
        expect(await move(probe, call, from, to)).toBe(isReadOnly ? Errno.XDEV : errno)
      })
    })
  }
}

const HELD: { from: string; to: string; errno: number }[] = [
  { from: 'srv/site', to: 'srv/moved', errno: Errno.BUSY },
  { from: 'srv/site/media', to: 'srv/site/moved', errno: Errno.BUSY },
  { from: 'srv/site/media/up', to: 'srv/site/moved', errno: Errno.BUSY },
  { from: 'srv/site/sub', to: 'srv/site/media', errno: Errno.BUSY },
  { from: 'srv/site/sub', to: 'srv/site/media/up', errno: Errno.BUSY },
]

for (const { from, to, errno } of HELD) {
  test(`moving ${from} to ${to} is ${errno}`, async () => {
    await withTree(async ({ probe }) => {
      expect(await move(probe, 'path_rename', from, to)).toBe(errno)
    })
  })
}

test('absolute links lead through the tree, and others who see the folder nowhere', async () => {
  await withTree(async ({ probe }) => {
    const link = (target: string, path: string): Promise<number> =>
      probe.call('path_symlink', ...probe.put(49_000, target), DIR, ...probe.put(50_000, path))
    expect(await link('/srv/site/file', 'tmp/link')).toBe(Errno.SUCCESS)
    expect(await textOf(probe, 'tmp/link')).toBe('hello')
    expect(await link('/srv/site/file', 'srv/site/link')).toBe(Errno.SUCCESS)
    expect(await textOf(probe, 'srv/site/link')).toBe('hello')
    expect(existsSync(join(site, 'link'))).toBe(false)
  })
})

test('an absolute link is followed from a directory further down as well', async () => {
  await withTree(async ({ probe }) => {
    const { fd } = await probe.open(DIR, 'srv/site', { rights: DIRECTORY_RIGHTS })
    expect((await probe.open(fd, 'book', READ_ONLY)).errno).toBe(Errno.SUCCESS)
    expect((await probe.open(fd, '../site/file', READ_ONLY)).errno).toBe(Errno.NOTCAPABLE)
    // Links still lead from the root when its own descriptor is gone.
    expect(await probe.call('fd_close', DIR)).toBe(Errno.SUCCESS)
    expect((await probe.open(fd, 'book', READ_ONLY)).errno).toBe(Errno.SUCCESS)
  })
})

test('what is mounted lives as long as anybody is anywhere in the tree', () => {
  const clock = new FakeClock()
  const scratch = createScratchDirectory(clock, DEFAULT_MEMORY_LIMITS)
  const root = new MountPlan(['/a/tmp', '/a/b/c']).open([scratch, createMemoryDirectory(clock)])
  root.retain()
  const holder = directoryAt(root, 'a')
  expect(scratch.createDirectory('made')).toBe(Errno.SUCCESS)
  root.release()
  directoryAt(holder, 'tmp').release()
  expect(scratch.lookup('made')).toBeTypeOf('object')
  scratch.release()
  holder.release()
  expect(scratch.lookup('made')).toBe(Errno.NOENT)
})

test('of two mounts at one path the last one is there', () => {
  const clock = new FakeClock()
  const [first, last] = [createMemoryDirectory(clock), createMemoryDirectory(clock)]
  last.createDirectory('last')
  const root = new MountPlan(['/x', '/x/']).open([first, last])
  root.retain()
  expect(entriesOf(directoryAt(root, 'x'))).toEqual([
    { name: 'last', filetype: Filetype.Directory },
  ])
})

test('what a function answers is asked for at the first look, and given back with the tree', () => {
  let opened = 0
  let references = 0
  const open = (): DirectoryNode => {
    opened++
    const directory = createMemoryDirectory(new FakeClock())
    directory.system.onUnreachable = () => references--
    directory.retain()
    references++
    return directory
  }
  const tree = new MountPlan(['/a', '/b/c']).open([
    createScratchDirectory(new FakeClock(), DEFAULT_MEMORY_LIMITS),
    open,
  ])
  tree.retain()
  const a = tree.lookup('a')
  expect(opened).toBe(0)
  const b = tree.lookup('b')
  for (let look = 0; look < 2; look++) {
    const c = typeof b === 'object' && b.kind === 'directory' ? b.lookup('c') : b
    expect(c).toMatchObject({ kind: 'directory' })
    if (typeof c === 'object' && c.kind === 'directory') c.release()
  }
  expect([opened, references]).toEqual([1, 1])
  for (const node of [a, b, tree]) {
    if (typeof node === 'object' && node.kind === 'directory') node.release()
  }
  expect(references).toBe(0)
})

test('links beside what is mounted', () => {
  const links = new Map([
    ['/srv/current', '/srv/7'],
    ['/srv/7', '/nowhere'],
    ['/tmp/link', '7'],
  ])
  const tree = new MountPlan(['/srv/7', '/tmp'], links).open([
    createMemoryDirectory(new FakeClock()),
    createMemoryDirectory(new FakeClock()),
  ])
  tree.retain()
  const [srv, tmp] = ['srv', 'tmp'].map((name) => tree.lookup(name))
  if (typeof srv !== 'object' || srv.kind !== 'directory') throw new Error('no /srv')
  if (typeof tmp !== 'object' || tmp.kind !== 'directory') throw new Error('no /tmp')
  const link = srv.lookup('current')
  if (typeof link !== 'object' || link.kind !== 'symlink') throw new Error('no link')
  expect(link.readLink()).toBe('/srv/7')
  expect(link.setTimes({ atim: 0n, mtim: 0n })).toBe(Errno.ROFS)
  expect(link.stat()).toMatchObject({
    filetype: Filetype.SymbolicLink,
    ino: srv.inodeOf('current'),
  })
  expect(srv.lookup('7')).toMatchObject({ kind: 'directory' })
  expect(tmp.lookup('link')).toMatchObject({ kind: 'symlink' })
  expect(tmp.createFile('link', { read: true, write: true, truncate: false })).toBe(Errno.EXIST)
  expect(tmp.unlinkFile('link')).toBe(Errno.BUSY)
  expect(entriesOf(srv)).toEqual([
    { name: '7', filetype: Filetype.Directory },
    { name: 'current', filetype: Filetype.SymbolicLink },
  ])
})
