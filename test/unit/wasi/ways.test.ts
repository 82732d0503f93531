/** Paths that are looked up at once, or by a way that is kept, have the answers that they have name by name. */
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Oflags } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode } from '../../../src/wasi/filesystem.ts'
import { WASI_FUNCTIONS } from '../../../src/wasi/host.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { ImageCache } from '../../../src/wasi/image-cache.ts'
import { ImageDirectory } from '../../../src/wasi/image-directory.ts'
import { MountPlan } from '../../../src/wasi/mount-tree.ts'
import { RememberedTree } from '../../../src/wasi/remembered-directory.ts'
import { DEFAULT_WASI_LIMITS, type WasiGrants, type WasiLimits } from '../../../src/wasi/session.ts'
import { MAX_WAYS, WAY_LIFE_MS } from '../../../src/wasi/ways.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { openPaths } from '../../support/open-paths.ts'
import { FakeSource, makeGrants, makeProbe, type Probe, READ } from './probe.ts'

const DIR = 3
const RESULT = 1_024

let base = ''
let root = ''

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-ways-')))
  root = join(base, 'root')
  mkdirSync(join(root, 'a/a/a/a'), { recursive: true })
  writeFileSync(join(root, 'f'), 'f')
  writeFileSync(join(root, 'a/f'), 'a/f')
  writeFileSync(join(root, 'a/a/f'), 'a/a/f')
  writeFileSync(join(base, 'f'), 'outside')
  symlinkSync('a/a', join(root, 'l'))
  symlinkSync('../l/a/../f', join(root, 'a/l'))
  symlinkSync('../../l', join(root, 'a/a/l'))
  symlinkSync('../../../..', join(root, 'a/a/a/l'))
})

afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

interface Given {
  readonly grants: WasiGrants
  readonly clock: FakeClock
  readonly stdin: FakeSource
}

type Grant =
  | 'name by name'
  | 'at once'
  | 'image'
  | 'remembered'
  | 'mounted, name by name'
  | 'mounted'
  | 'mounted, remembered'

async function withGrant(
  grant: Grant,
  limits: Partial<WasiLimits>,
  use: (probe: Probe, given: Given) => Promise<void>,
): Promise<void> {
  const [clock, stdin] = [new FakeClock(), new FakeSource()]
  const openHost = (): DirectoryNode =>
    openHostDirectory(root, { writable: true, isWalked: grant.endsWith('name by name') })
  const tree = new RememberedTree(openHost, { clock, lifeMs: 1000 })
  const directory =
    grant === 'image'
      ? new ImageDirectory(root, new ImageCache())
      : grant.endsWith('remembered')
        ? tree.take()
        : openHost()
  const grants = makeGrants({
    preopens: grant.startsWith('mounted')
      ? [{ guestPath: '/', directory: new MountPlan(['/m']).open([directory]), isWhole: true }]
      : [{ guestPath: '/', directory }],
    limits: { ...DEFAULT_WASI_LIMITS, ...limits },
    clock,
    stdin,
  })
  const probe = await makeProbe(grants)
  await use(probe, { grants, clock, stdin })
  probe.host.end()
  if (grant !== 'image') directory.release()
  clock.advance(1000)
}

/** What two looks at a path answer, and an opening. */
async function answers(probe: Probe, path: string, follow: number): Promise<string> {
  const texts: string[] = []
  for (let look = 0; look < 2; look++) {
    const errno = await probe.call(
      'path_filestat_get',
      DIR,
      follow,
      ...probe.put(50_000, path),
      RESULT,
    )
    texts.push(errno === 0 ? probe.text(RESULT, 40) : `${errno}`)
  }
  const { errno, fd } = await probe.open(DIR, path, { rights: READ, follow })
  texts.push(errno === 0 ? String(await probe.read(fd)) : `${errno}`)
  if (errno === 0) await probe.call('fd_close', fd)
  return texts.join(' | ')
}

/** All paths of up to four of these names, with and without a slash behind them. */
function paths(names: readonly string[]): string[] {
  const grow = (all: string[]): string[] => [
    '',
    ...all.flatMap((path) => names.map((name) => (path === '' ? name : `${path}/${name}`))),
  ]
  const all = [...new Set([0, 1, 2, 3].reduce(grow, ['']))]
  return all.flatMap((path) => [path, `${path}/`])
}

const NAMES = ['a', 'f', 'l', 'n', '.', '..', 'x'.repeat(300)]
/** `m` is where all is mounted, and in it a link to a folder there. */
const MOUNTED_NAMES = ['m', 'a', 'f', 'l', '..', 'n']

const SAME: readonly {
  name: string
  limits: Partial<WasiLimits>
  names?: readonly string[]
  grants?: readonly [wanted: Grant, ...Grant[]]
}[] = [
  { name: 'limits as they are', limits: {} },
  { name: 'few folders', limits: { pathDepth: 3 } },
  { name: 'few steps', limits: { pathSteps: 5 } },
  { name: 'few bytes', limits: { pathBytes: 14 } },
  {
    name: 'absolute links',
    limits: {},
    names: MOUNTED_NAMES,
    grants: ['mounted, name by name', 'mounted', 'mounted, remembered'],
  },
]

for (const { name, limits, names = NAMES, grants } of SAME) {
  test(`the same answers: ${name}`, { timeout: 60_000 }, async () => {
    symlinkSync('/m/a/a', join(root, 'm'))
    const all = paths(names)
    const askAll = async (grant: Grant): Promise<Map<string, string>> => {
      const found = new Map<string, string>()
      await withGrant(grant, limits, async (probe) => {
        for (const path of all) {
          for (const follow of [0, 1]) {
            found.set(`${path} ${follow}`, await answers(probe, path, follow))
          }
        }
      })
      return found
    }
    const [first, ...others] = grants ?? ['name by name', 'at once', 'image', 'remembered']
    const wanted = await askAll(first)
    expect(new Set(wanted.values()).size).toBeGreaterThan(8)
    for (const other of others) {
      const wrong = [...(await askAll(other))].filter(([asked, text]) => wanted.get(asked) !== text)
      expect(wrong, other).toEqual([])
    }
  })
}

const sizeOf = async (probe: Probe, path: string): Promise<number> => {
  const errno = await probe.call('path_filestat_get', DIR, 1, ...probe.put(50_000, path), RESULT)
  return errno === 0 ? Number(probe.u64(RESULT + 32)) : -errno
}

const two = (probe: Probe, name: string, from: string, to: string): Promise<number> =>
  name === 'path_symlink'
    ? probe.call(name, ...probe.put(49_000, from), DIR, ...probe.put(50_000, to))
    : probe.call(name, DIR, ...probe.put(49_000, from), DIR, ...probe.put(50_000, to))

/** What a guest does, and what it then finds at `l/f`, `d/f` and `a/a/f`. */
const CHANGES: readonly {
  name: string
  change: (probe: Probe) => Promise<number>
  found: number[]
}[] = [
  {
    name: 'a link is removed',
    change: (probe) => probe.onPath('path_unlink_file', DIR, 'l'),
    found: [-Errno.NOENT, -Errno.NOENT, 5],
  },
  {
    name: 'a folder is moved',
    change: (probe) => two(probe, 'path_rename', 'a/a', 'd'),
    found: [-Errno.NOENT, 5, -Errno.NOENT],
  },
  {
    name: 'a link is moved over a file',
    change: (probe) => two(probe, 'path_rename', 'l', 'f'),
    found: [-Errno.NOENT, -Errno.NOENT, 5],
  },
  {
    name: 'a file is moved over a link',
    change: (probe) => two(probe, 'path_rename', 'f', 'l'),
    found: [-Errno.NOTDIR, -Errno.NOENT, 5],
  },
  {
    name: 'a link is made',
    change: async (probe) => {
      renameSync(join(root, 'a/a'), join(root, 'a/b'))
      return two(probe, 'path_symlink', 'b', 'a/a')
    },
    found: [5, -Errno.NOENT, 5],
  },
  {
    name: 'a folder is made',
    change: async (probe) => {
      renameSync(join(root, 'a/a'), join(root, 'b'))
      return probe.onPath('path_create_directory', DIR, 'a/a')
    },
    found: [-Errno.NOENT, -Errno.NOENT, -Errno.NOENT],
  },
  {
    name: 'a folder is removed',
    change: async (probe) => {
      renameSync(join(root, 'a/a/f'), join(root, 'a/f2'))
      rmSync(join(root, 'a/a'), { recursive: true })
      mkdirSync(join(root, 'a/a'))
      const errno = await probe.onPath('path_remove_directory', DIR, 'a/a')
      renameSync(join(root, 'a'), join(root, 'd'))
      return errno
    },
    found: [-Errno.NOENT, 3, -Errno.NOENT],
  },
]

for (const { name, change, found } of CHANGES) {
  test(`what the guest changes it sees at once: ${name}`, () =>
    withGrant('at once', {}, async (probe) => {
      expect(await sizeOf(probe, 'l/f')).toBe(5)
      expect(await sizeOf(probe, 'a/a/f')).toBe(5)
      expect(await change(probe)).toBe(Errno.SUCCESS)
      expect([
        await sizeOf(probe, 'l/f'),
        await sizeOf(probe, 'd/f'),
        await sizeOf(probe, 'a/a/f'),
      ]).toEqual(found)
    }))
}

/** What lets a guest see what others have changed. */
const SIGHTS: readonly { name: string; see: (probe: Probe, given: Given) => Promise<void> }[] = [
  { name: 'after a moment', see: async (_, { clock }) => clock.advance(WAY_LIFE_MS) },
  {
    name: 'when it has waited',
    see: async (probe, { stdin }) => {
      const waiting = probe.read(0)
      stdin.push('x')
      await waiting
    },
  },
  {
    name: 'in the next request',
    see: async (probe, { grants }) => {
      probe.host.end()
      probe.host.begin(grants)
    },
  },
]

for (const { name, see } of SIGHTS) {
  test(`what others change is seen ${name}`, () =>
    withGrant('at once', {}, async (probe, given) => {
      expect(await sizeOf(probe, 'a/a/f')).toBe(5)
      writeFileSync(join(root, 'a/a/f'), 'longer')
      expect(await sizeOf(probe, 'a/a/f')).toBe(5)
      await see(probe, given)
      expect(await sizeOf(probe, 'a/a/f')).toBe(6)
      renameSync(join(root, 'a'), join(root, 'was'))
      expect(await sizeOf(probe, 'a/a/f')).toBe(6)
      await see(probe, given)
      expect(await sizeOf(probe, 'a/a/f')).toBe(-Errno.NOENT)
    }))
}

test('ways hold so many descriptors and no more, and none when the request has ended', async () => {
  const count = (): number => openPaths(root).length
  for (let each = 0; each < 2 * MAX_WAYS; each++) {
    mkdirSync(join(root, `${each}/deep`), { recursive: true })
    symlinkSync(`${each}/deep`, join(root, `l${each}`))
  }
  const before = count()
  await withGrant('at once', {}, async (probe) => {
    for (let round = 0; round < 2; round++) {
      for (let each = 0; each < 2 * MAX_WAYS; each++) {
        expect(await sizeOf(probe, `l${each}/file`)).toBe(-Errno.NOENT)
        expect((await probe.open(DIR, `${each}/deep/new`, { oflags: Oflags.Creat })).errno).toBe(0)
        await probe.call('fd_close', probe.u32(60_000))
        await probe.onPath('path_unlink_file', DIR, `${each}/deep/new`)
        expect(count()).toBeLessThanOrEqual(before + 1 + MAX_WAYS)
      }
    }
    expect(count()).toBeGreaterThan(before + 2)
  })
  expect(count()).toBe(before)
})

/** What changes a file, or what is found where; `f` is open at descriptor 4. */
const WRITES: Readonly<Record<string, (probe: Probe) => Promise<number>>> = {
  fd_allocate: (probe) => probe.call('fd_allocate', 4, 0n, 100n),
  fd_filestat_set_size: (probe) => probe.call('fd_filestat_set_size', 4, 7n),
  fd_filestat_set_times: (probe) => probe.call('fd_filestat_set_times', 4, 1n, 2n, 5),
  fd_pwrite: (probe) =>
    probe.call('fd_pwrite', 4, ...probe.iovecs(40_000, ...probe.put(41_000, 'new')), 0n, 40_500),
  fd_write: (probe) => probe.write(4, 'more').then((written) => Math.max(written, 0)),
  path_create_directory: (probe) => probe.onPath('path_create_directory', DIR, 'a/n'),
  path_filestat_set_times: (probe) =>
    probe.call('path_filestat_set_times', DIR, 0, ...probe.put(50_000, 'a/f'), 1n, 2n, 5),
  path_link: (probe) =>
    probe.call('path_link', DIR, 0, ...probe.put(49_000, 'a/f'), DIR, ...probe.put(50_000, 'a/n')),
  path_open: (probe) => probe.open(DIR, 'a/n', { oflags: Oflags.Creat }).then(({ errno }) => errno),
  path_remove_directory: (probe) => probe.onPath('path_remove_directory', DIR, 'a/e'),
  path_rename: (probe) => two(probe, 'path_rename', 'a/f', 'a/n'),
  path_symlink: (probe) => two(probe, 'path_symlink', 'f', 'a/n'),
  path_unlink_file: (probe) => probe.onPath('path_unlink_file', DIR, 'a/f'),
}

/** Calls that change nothing that is found, and the ones that have no files. */
const READS =
  /^(args|clock|environ|poll|proc|random|sched|sock)_|^fd_(advise|close|datasync|fdstat_\w+|filestat_get|pread|prestat\w*|read|readdir|renumber|seek|sync|tell)$|^path_(filestat_get|readlink)$/

test('every function that may change a file is here', () => {
  expect(WASI_FUNCTIONS.filter((name) => !READS.test(name))).toEqual(Object.keys(WRITES))
})

for (const [name, write] of Object.entries(WRITES)) {
  test(`${name}: what a guest has found it looks for again`, () =>
    withGrant('at once', {}, async (probe, { clock }) => {
      mkdirSync(join(root, 'a/e'))
      expect((await probe.open(DIR, 'a/f', { fdflags: 0 })).fd).toBe(4)
      const find = async (): Promise<string[]> => {
        const all: string[] = []
        for (const path of ['a/f', 'a/n', 'a/e']) {
          const [pointer, length] = probe.put(50_000, path)
          const errno = await probe.call('path_filestat_get', DIR, 0, pointer, length, RESULT)
          all.push(errno === 0 ? probe.text(RESULT, 64) : `${errno}`)
        }
        return all
      }
      const before = await find()
      expect(await write(probe)).toBe(Errno.SUCCESS)
      const after = await find()
      expect(after).not.toEqual(before)
      clock.advance(WAY_LIFE_MS)
      expect(await find()).toEqual(after)
    }))
}

/** Others remove `a/f`, or make `a/n`, after the guest has found that it is, or is not, there. */
const CHANGED_BY_OTHERS: readonly {
  name: string
  call: (probe: Probe) => Promise<number>
  errno: number
}[] = [
  { name: 'mkdir', call: (probe) => probe.onPath('path_create_directory', DIR, 'a/f'), errno: 0 },
  { name: 'symlink', call: (probe) => two(probe, 'path_symlink', 'x', 'a/f'), errno: 0 },
  { name: 'unlink', call: (probe) => probe.onPath('path_unlink_file', DIR, 'a/n'), errno: 0 },
  { name: 'rename', call: (probe) => two(probe, 'path_rename', 'a/n', 'a/x'), errno: 0 },
  {
    name: 'open, creating',
    call: async (probe) => (await probe.open(DIR, 'a/f', { oflags: Oflags.Creat })).errno,
    errno: 0,
  },
  {
    name: 'open, creating what is not there',
    call: async (probe) =>
      (await probe.open(DIR, 'a/f', { oflags: Oflags.Creat | Oflags.Excl })).errno,
    errno: 0,
  },
  {
    name: 'open, truncating',
    call: async (probe) => (await probe.open(DIR, 'a/n', { oflags: Oflags.Trunc })).errno,
    errno: 0,
  },
  {
    name: 'open of a file that was found',
    call: async (probe) => (await probe.open(DIR, 'a/f', { rights: READ })).errno,
    errno: Errno.NOENT,
  },
]

for (const { name, call, errno } of CHANGED_BY_OTHERS) {
  test(`what changes something looks at what is there now: ${name}`, () =>
    withGrant('at once', {}, async (probe) => {
      expect(await sizeOf(probe, 'a/f')).toBe(3)
      expect(await sizeOf(probe, 'a/n')).toBe(-Errno.NOENT)
      renameSync(join(root, 'a/f'), join(root, 'a/n'))
      expect(await sizeOf(probe, 'a/f')).toBe(3)
      expect(await call(probe)).toBe(errno)
    }))
}

test('files that are opened to be read, and those whose path is found out, are told', async () => {
  const told: string[] = []
  await withGrant('mounted', {}, async (probe, { grants }) => {
    probe.host.begin({ ...grants, onFile: (path) => void told.push(path) })
    for (const path of ['m/a/f', 'm/l/../a/f', 'm/l', 'm/n', 'm/a']) {
      for (const follow of [0, 1]) {
        await probe.call('path_filestat_get', DIR, follow, ...probe.put(50_000, path), RESULT)
      }
    }
    expect(told).toEqual(['m/a/f', 'm/l/../a/f', 'm/l'])
    await probe.open(DIR, 'm/a/a/f', { rights: READ })
    expect(told.slice(3)).toEqual(['m/a/a/f'])
  })
})
