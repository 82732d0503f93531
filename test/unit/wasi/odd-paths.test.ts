/** All path calls with odd last components, on a mount and in memory, compared with what the kernel answers for the same tree. */
import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Oflags } from '../../../src/wasi/abi.ts'
import { done, Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode } from '../../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { PATH_CALLS } from '../../../src/wasi/path-calls.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { entriesOf } from './entries.ts'
import { makeProbe, type Probe, READ, READ_WRITE } from './probe.ts'

const DIR = 3
const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_TRUNC } = constants

interface Call {
  readonly name: keyof typeof PATH_CALLS | 'path_open'
  readonly how: string
  readonly guest: (probe: Probe, path: string) => Promise<number>
  /** The same by the kernel; `at` makes a path of it. */
  readonly native: (at: (path: string) => string, path: string) => unknown
}

const onTwo = (probe: Probe, name: string, from: string, to: string): Promise<number> =>
  probe.call(
    name,
    DIR,
    ...(name === 'path_link' ? [0] : []),
    ...probe.put(49_000, from),
    DIR,
    ...probe.put(50_000, to),
  )

const CALLS: readonly Call[] = [
  {
    name: 'path_create_directory',
    how: '',
    guest: (probe, path) => probe.onPath('path_create_directory', DIR, path),
    native: (at, path) => mkdirSync(at(path)),
  },
  {
    name: 'path_remove_directory',
    how: '',
    guest: (probe, path) => probe.onPath('path_remove_directory', DIR, path),
    native: (at, path) => rmdirSync(at(path)),
  },
  {
    name: 'path_unlink_file',
    how: '',
    guest: (probe, path) => probe.onPath('path_unlink_file', DIR, path),
    native: (at, path) => unlinkSync(at(path)),
  },
  {
    name: 'path_readlink',
    how: '',
    guest: (probe, path) => probe.onPath('path_readlink', DIR, path, 1000, 100, 2000),
    native: (at, path) => readlinkSync(at(path)),
  },
  {
    name: 'path_filestat_get',
    how: 'not following',
    guest: (probe, path) => probe.call('path_filestat_get', DIR, 0, ...probe.put(50_000, path), 0),
    native: (at, path) => lstatSync(at(path)),
  },
  {
    name: 'path_filestat_get',
    how: 'following',
    guest: (probe, path) => probe.call('path_filestat_get', DIR, 1, ...probe.put(50_000, path), 0),
    native: (at, path) => statSync(at(path)),
  },
  {
    name: 'path_filestat_set_times',
    how: 'not following',
    guest: (probe, path) =>
      probe.call('path_filestat_set_times', DIR, 0, ...probe.put(50_000, path), 1n, 1n, 5),
    native: (at, path) => lutimesSync(at(path), 1, 1),
  },
  {
    name: 'path_rename',
    how: 'from',
    guest: (probe, path) => onTwo(probe, 'path_rename', path, 'moved'),
    native: (at, path) => renameSync(at(path), at('moved')),
  },
  {
    name: 'path_rename',
    how: 'of a file',
    guest: (probe, path) => onTwo(probe, 'path_rename', 'other', path),
    native: (at, path) => renameSync(at('other'), at(path)),
  },
  {
    name: 'path_rename',
    how: 'of a directory',
    guest: (probe, path) => onTwo(probe, 'path_rename', 'folder', path),
    native: (at, path) => renameSync(at('folder'), at(path)),
  },
  {
    name: 'path_link',
    how: 'from',
    guest: (probe, path) => onTwo(probe, 'path_link', path, 'linked'),
    native: (at, path) => linkSync(at(path), at('linked')),
  },
  {
    name: 'path_link',
    how: 'to',
    guest: (probe, path) => onTwo(probe, 'path_link', 'other', path),
    native: (at, path) => linkSync(at('other'), at(path)),
  },
  {
    name: 'path_symlink',
    how: '',
    guest: (probe, path) =>
      probe.call('path_symlink', ...probe.put(49_000, 'other'), DIR, ...probe.put(50_000, path)),
    native: (at, path) => symlinkSync('other', at(path)),
  },
  ...[
    { how: 'to read', oflags: 0, rights: READ, native: O_RDONLY },
    { how: 'to read, not following', oflags: 0, rights: READ, follow: 0, native: O_NOFOLLOW },
    { how: 'to write', oflags: 0, rights: READ_WRITE, native: O_RDWR },
    {
      how: 'to create',
      oflags: Oflags.Creat,
      rights: READ_WRITE,
      native: O_RDWR | O_CREAT,
    },
    {
      how: 'to make a new one',
      oflags: Oflags.Creat | Oflags.Excl,
      rights: READ_WRITE,
      native: O_RDWR | O_CREAT | O_EXCL,
    },
    { how: 'to empty', oflags: Oflags.Trunc, rights: READ_WRITE, native: O_RDWR | O_TRUNC },
    { how: 'a directory', oflags: Oflags.Directory, rights: READ, native: O_DIRECTORY },
    {
      how: 'a directory, not following',
      oflags: Oflags.Directory,
      rights: READ,
      follow: 0,
      native: O_DIRECTORY | O_NOFOLLOW,
    },
  ].map(
    ({ native, ...options }): Call => ({
      name: 'path_open',
      how: options.how,
      guest: async (probe, path) => (await probe.open(DIR, path, options)).errno,
      native: (at, path) => closeSync(openSync(at(path), native)),
    }),
  ),
]

const NAMES = ['file', 'dir', 'empty', 'link', 'dirlink', 'emptylink', 'dangling', 'loop', 'new']
const ENDS = ['', '/', '//', '/.', '/./', '/./.', '/..', '/../', '/../.', '/x', '/x/']

const PATHS: readonly string[] = [
  '',
  '.',
  './',
  './.',
  'dir/../dir/.',
  'dir/../dir/..',
  './/file',
  ...NAMES.flatMap((name) => ENDS.map((end) => `${name}${end}`)),
]

/** What both trees are made of. */
const TREE: ReadonlyArray<readonly ['file' | 'dir' | 'link', string, string]> = [
  ['file', 'file', 'text'],
  ['file', 'other', 'other'],
  ['dir', 'dir', ''],
  ['file', 'dir/inner', ''],
  ['dir', 'empty', ''],
  ['dir', 'folder', ''],
  ['link', 'link', 'file'],
  ['link', 'dirlink', 'dir'],
  ['link', 'emptylink', 'empty'],
  ['link', 'dangling', 'nowhere'],
  ['link', 'loop', 'loop'],
]

let base = ''

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'wasi-odd-'))
})

afterEach(() => rmSync(base, { recursive: true }))

function makeOnDisk(name: string): string {
  const root = join(base, name)
  rmSync(root, { recursive: true, force: true })
  mkdirSync(root)
  for (const [kind, path, text] of TREE) {
    if (kind === 'file') writeFileSync(join(root, path), text)
    else if (kind === 'dir') mkdirSync(join(root, path))
    else symlinkSync(text, join(root, path))
  }
  return root
}

function makeInMemory(): DirectoryNode {
  const root = createMemoryDirectory(new FakeClock())
  for (const [kind, path, text] of TREE) {
    const [name = '', inner] = path.split('/')
    const parent = inner === undefined ? root : root.lookup(name)
    if (typeof parent === 'number' || parent.kind !== 'directory') throw new Error(path)
    if (kind === 'dir') parent.createDirectory(name)
    else if (kind === 'link') parent.createSymlink(name, text)
    else {
      const file = parent.createFile(inner ?? name, { read: true, write: true, truncate: false })
      if (typeof file === 'number' || file.kind !== 'file') throw new Error(path)
      file.write(Buffer.from(text), 0)
      file.close()
    }
  }
  return root
}

/** Everything in it, one line each. */
function dump(directory: DirectoryNode, above = ''): string[] {
  const lines = entriesOf(directory).flatMap(({ name }) => {
    const node = directory.lookup(name)
    if (typeof node === 'number') throw new Error(`errno ${node}`)
    const line = `${above}${name} ${node.kind}`
    if (node.kind === 'symlink') return [`${line} ${node.readLink()}`]
    if (node.kind === 'file') {
      const stat = node.stat()
      return [`${line} ${typeof stat === 'number' ? stat : `${stat.size} ${stat.nlink}`}`]
    }
    const inside = dump(node, `${above}${name}/`)
    node.release()
    return [line, ...inside]
  })
  return lines.sort()
}

async function ask(directory: DirectoryNode, call: Call, path: string): Promise<unknown> {
  directory.retain()
  const probe = await makeProbe({ preopens: [{ guestPath: '/', directory }] })
  const errno = await call.guest(probe, path)
  probe.host.end()
  const answer = { path, errno, tree: dump(directory) }
  directory.release()
  return answer
}

function askKernel(call: Call, path: string): unknown {
  const root = makeOnDisk('native')
  const errno = done(() => void call.native((name) => (name === '' ? '' : `${root}/${name}`), path))
  const directory = openHostDirectory(root, { writable: false })
  const answer = { path, errno, tree: dump(directory) }
  directory.release()
  return answer
}

test('every call that takes a path is here', () => {
  const names = new Set(CALLS.map(({ name }) => name))
  expect([...names].sort()).toEqual([...Object.keys(PATH_CALLS), 'path_open'].sort())
})

describe.each(CALLS)('$name $how', (call) => {
  test('answers and does what the kernel does', { timeout: 60_000 }, async () => {
    for (const path of PATHS) {
      const kernel = askKernel(call, path)
      const mount = openHostDirectory(makeOnDisk('mount'), { writable: true })
      expect(await ask(mount, call, path)).toEqual(kernel)
      mount.release()
      expect(await ask(makeInMemory(), call, path)).toEqual(kernel)
    }
  })

  test('does not go above its directory', async () => {
    for (const path of ['..', '../', '../.', 'dir/../..', 'dirlink/../..', '../x']) {
      const mount = openHostDirectory(makeOnDisk('mount'), { writable: true })
      const before = dump(mount)
      const refused = { path, errno: Errno.NOTCAPABLE, tree: before }
      expect(await ask(mount, call, path)).toEqual(refused)
      mount.release()
    }
  })
})
