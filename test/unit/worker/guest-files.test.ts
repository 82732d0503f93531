/** What guests of runtimes see of the file system. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RuntimeConfig, TenantConfig } from '../../../src/config/config.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { DeviceDirectory } from '../../../src/wasi/device-directory.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode } from '../../../src/wasi/filesystem.ts'
import { ImageCache } from '../../../src/wasi/image-cache.ts'
import type { RememberedTree } from '../../../src/wasi/remembered-directory.ts'
import { UsageLedger } from '../../../src/wasi/usage-ledger.ts'
import { commonPlacesOf, commonTreeOf, treeOf } from '../../../src/worker/guest-files.ts'
import { InCommon } from '../../../src/worker/in-common.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const WRITE = { read: true, write: true, truncate: false }

let base = ''

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'guest-files-')))
  for (const name of ['a', 'b', 'own']) mkdirSync(join(base, name))
})
afterEach(() => rmSync(base, { recursive: true }))

const ledger = new UsageLedger()
let commonTrees = new InCommon<RememberedTree>()
beforeEach(() => {
  commonTrees = new InCommon()
})
const clock = new FakeClock()

/** What a request of a tenant with these `keys` and these sessions sees. */
function requestOf(sessionFolder: string | undefined, keys = '', runtime = ''): DirectoryNode {
  return maker(sessionFolder, keys, runtime)()
}

/** The same for one request after the other. */
function maker(
  sessionFolder?: string,
  keys = '',
  runtime = '',
  makeTree = treeOf,
): () => DirectoryNode {
  const { tenant, runtimes } = configOf(keys, runtime)
  const make = makeTree(
    { ...tenant, sessionFolder },
    {
      clock,
      images: new ImageCache(),
      ledger,
      commonTrees,
      makeDevices: () => new DeviceDirectory(() => undefined),
      runtimes: runtimes.map((one) => ({ config: one })),
    },
  )
  return () => {
    const [whole] = make()
    if (whole === undefined) throw new Error('no tree')
    whole.directory.retain()
    return whole.directory
  }
}

function configOf(
  keys: string,
  runtime = '',
): { tenant: TenantConfig; runtimes: readonly RuntimeConfig[] } {
  const { tenants, runtimes } = parseConfig(
    `[[runtime]]\nname = "php"\nextensions = [".php"]\n${runtime}
[[pool]]\nname = "www"\nlisten = ["/nowhere/www.sock"]
[[tenant]]\nname = "acme"\nhosts = ["*"]\nruntimes = ["php"]\n${keys}`,
    join(base, 'wasm-fpm.toml'),
  )
  const [tenant] = tenants
  if (tenant === undefined) throw new Error('no tenant')
  return { tenant, runtimes }
}

/** What `act` answers for the folder at a path. */
function inFolder<Answer>(
  tree: DirectoryNode,
  path: string,
  act: (folder: DirectoryNode) => Answer,
): Answer {
  const way = [tree]
  for (const name of path.split('/').filter((one) => one !== '')) {
    const next = way.at(-1)?.lookup(name)
    if (typeof next !== 'object' || next.kind !== 'directory') throw new Error(`no ${name}`)
    way.push(next)
  }
  try {
    return act(way.at(-1) ?? tree)
  } finally {
    for (const folder of way.slice(1)) folder.release()
  }
}

/** Errno. */
function write(tree: DirectoryNode, path: string, text: string): number {
  const file = inFolder(tree, path, (folder) => folder.createFile('sess_1', WRITE))
  if (typeof file === 'number') return file
  if (file.kind !== 'file') throw new Error('no file')
  const count = file.write(Buffer.from(text), 0)
  file.close()
  return count < 0 ? -count : Errno.SUCCESS
}

/** Whether what `write` has written is there. */
function isThere(tree: DirectoryNode): boolean {
  return inFolder(tree, PLACE, (folder) => typeof folder.lookup('sess_1') === 'object')
}

const PLACE = '/var/lib/php/sessions'

test("sessions are in the tenant's own folder, and in no other one's", () => {
  const [a, b] = ['a', 'b'].map((name) => requestOf(join(base, name)))
  if (a === undefined || b === undefined) throw new Error('no trees')
  expect(write(a, PLACE, 'of a')).toBe(Errno.SUCCESS)
  expect(readFileSync(join(base, 'a/sess_1'), 'utf8')).toBe('of a')
  expect(isThere(b)).toBe(false)
  expect(readdirSync(join(base, 'b'))).toEqual([])
})

test('the next request finds them', () => {
  const first = requestOf(join(base, 'a'))
  write(first, PLACE, 'x')
  first.release()
  expect(isThere(requestOf(join(base, 'a')))).toBe(true)
})

test.for(['', 'nowhere'])('without a folder (%j) they end with the request', (name) => {
  const folder = name === '' ? undefined : join(base, name)
  const first = requestOf(folder)
  expect(write(first, PLACE, 'x')).toBe(Errno.SUCCESS)
  expect(isThere(first)).toBe(true)
  first.release()
  first.retain()
  expect(isThere(first)).toBe(false)
})

test("a mount of the operator's wins", () => {
  const mount = `mounts = [{ host = "${base}/own", guest = "${PLACE}", writable = true }]`
  expect(write(requestOf(join(base, 'a'), mount), PLACE, 'x')).toBe(Errno.SUCCESS)
  expect([readdirSync(join(base, 'own')), readdirSync(join(base, 'a'))]).toEqual([['sess_1'], []])
})

test.for([
  { name: 'bytes', keys: 'sessions_quota = "1KiB"', text: 'x'.repeat(1025) },
  { name: 'files', keys: 'sessions_quota_files = 0', text: 'x' },
])('their quota of $name', ({ keys, text }) => {
  expect(write(requestOf(join(base, 'a'), '', keys), PLACE, text)).toBe(Errno.DQUOT)
})

test('elsewhere, or nowhere, if the runtime says so', () => {
  expect(write(requestOf(join(base, 'a'), '', 'sessions = "/state"'), '/state', 'x')).toBe(0)
  expect(readdirSync(join(base, 'a'))).toEqual(['sess_1'])
  expect(requestOf(join(base, 'a'), '', 'sessions = "off"').lookup('var')).toBe(Errno.NOENT)
})

test('a root that is a link leads where it leads, until it leads elsewhere', () => {
  mkdirSync(join(base, 'a/data'))
  mkdirSync(join(base, 'b/data'))
  symlinkSync('a', join(base, 'current'))
  const next = maker(
    undefined,
    `root = "current"\nrevalidate = "0s"\nmounts = [{ host = "own", guest = "${base}/current/data", writable = true }]`,
  )
  for (const target of ['a', 'b']) {
    rmSync(join(base, 'current'))
    symlinkSync(target, join(base, 'current'))
    const tree = next()
    const link = inFolder(tree, base, (folder) => folder.lookup('current'))
    if (typeof link !== 'object' || link.kind !== 'symlink') throw new Error('no link')
    expect(link.readLink()).toBe(join(base, target))
    expect(inFolder(tree, join(base, target), (folder) => folder.createDirectory('x'))).toBe(
      Errno.ROFS,
    )
    expect(write(tree, join(base, target, 'data'), target)).toBe(
      target === 'a' ? Errno.SUCCESS : Errno.EXIST,
    )
    tree.release()
  }
  expect(readFileSync(join(base, 'own/sess_1'), 'utf8')).toBe('a')
})

/** What requests find at `path`, one after the other: before a file is there, when it is, and when the look before is too old. */
function looks(keys: string, path: string): boolean[] {
  const make = maker(undefined, keys)
  const look = (): boolean => {
    const tree = make()
    const isFound = inFolder(tree, path, (folder) => typeof folder.lookup('f') === 'object')
    tree.release()
    return isFound
  }
  const before = look()
  writeFileSync(join(base, 'own/w/f'), 'f')
  const soon = look()
  clock.advance(1000)
  return [before, soon, look()]
}

test.for([
  { name: 'the root', keys: '', soon: false },
  { name: 'the root, with revalidate 0', keys: 'revalidate = "0"', soon: true },
  { name: 'the root, of which a part is written elsewhere', mount: 'own/w', at: '/x', soon: true },
  { name: 'the root, written as a whole elsewhere', mount: 'own', at: '/x', soon: true },
  { name: 'the root, in a folder that is written elsewhere', mount: '', at: '/x', soon: true },
])('a look is believed for `revalidate`: $name', ({ keys = '', mount, at, soon }) => {
  mkdirSync(join(base, 'own/w'))
  const mounts =
    mount === undefined
      ? ''
      : `mounts = [{ host = "${join(base, mount)}", guest = "${at}", writable = true }]`
  const own = `root = "${base}/own"\n${keys}\n${mounts}`
  expect(looks(own, join(base, 'own/w'))).toEqual([false, soon, true])
})

test('of a root that is written to at the same paths, only what nobody writes to', () => {
  for (const name of ['own/w', 'own/r']) mkdirSync(join(base, name))
  const mounts = `mounts = [{ host = "${base}/own/r", guest = "${base}/own/r", writable = true }]`
  expect(looks(`root = "${base}/own"\n${mounts}`, join(base, 'own/w'))).toEqual([
    false,
    false,
    true,
  ])
})

test('a look at a mount that nobody may write to is believed as long', () => {
  mkdirSync(join(base, 'own/w'))
  const mounts = `mounts = [{ host = "${base}/own", guest = "/m" }]`
  expect(looks(mounts, '/m/w')).toEqual([false, false, true])
})

test.for([
  { name: 'with the same in common: once for both', seen: [false, false] },
  { name: 'with a variable of its own: for itself', keys: 'env = { A = "1" }', seen: [true, true] },
  { name: 'with requests to run ahead: for itself', keys: 'warm = ["/"]', seen: [true, true] },
  { name: 'with another mount: for itself', more: ['/more', 'b'] as const, seen: [true, true] },
])('what tenants have looked at is remembered, $name', ({ keys = '', more, seen }) => {
  mkdirSync(join(base, 'c'))
  const places = ['/lib', join(base, 'own')]
  const [one, other] = (['b', 'c'] as const).map((data) => {
    const isOther = data === 'c'
    const mounts = `${mount('/lib', 'a', false)}${mount('/data', data, true)}`
    const another = isOther && more !== undefined ? mount(...more, false) : ''
    return maker(undefined, `root = "${base}/own"\n${isOther ? keys : ''}\n${mounts}${another}`)
  })
  const look = (make: (() => DirectoryNode) | undefined): boolean[] =>
    places.map((place) =>
      inFolder(make?.() ?? requestOf(undefined), place, (at) => typeof at.lookup('f') === 'object'),
    )
  expect(look(one)).toEqual([false, false])
  for (const name of ['own/f', 'a/f']) writeFileSync(join(base, name), '')
  expect(look(other)).toEqual(seen)
  clock.advance(1000)
  expect([look(one), look(other)].flat()).not.toContain(false)
})

test('a folder that has taken the place of a mount is looked at by whoever is configured then', () => {
  const keys = mount('/lib', 'a', false)
  const before = maker(undefined, keys)
  const has = (make: () => DirectoryNode): boolean =>
    inFolder(make(), '/lib', (folder) => typeof folder.lookup('late') === 'object')
  expect(has(before)).toBe(false)
  renameSync(join(base, 'a'), join(base, 'gone'))
  mkdirSync(join(base, 'a'))
  writeFileSync(join(base, 'a/late'), '')
  expect([has(maker(undefined, keys)), has(before)]).toEqual([true, false])
})

function mount(guest: string, host: string, writable: boolean): string {
  return `[[tenant.mounts]]\nguest = "${guest}"\nhost = "${join(base, host)}"\nwritable = ${writable}\n`
}

test('what tenants have in common shows nothing of what one of them can write', () => {
  for (const name of ['a', 'b', 'own', 'own/data'].map((one) => join(base, one))) {
    mkdirSync(name, { recursive: true })
    writeFileSync(join(name, 'file'), '')
  }
  mkdirSync(join(base, 'sessions'))
  writeFileSync(join(base, 'sessions/sess_1'), '')
  const keys = `root = "${base}/own"\n${mount('/lib', 'b', false)}${mount(`${base}/own/data`, 'a', true)}`
  const own = maker(join(base, 'sessions'), keys)()
  const tree = maker(join(base, 'sessions'), keys, '', commonTreeOf)()
  const has = (whole: DirectoryNode, path: string): boolean =>
    inFolder(whole, path, (folder) => typeof folder.lookup('file') === 'object')
  const places = ['/lib', `${base}/own`, `${base}/own/data`]
  expect(places.map((place) => has(own, place))).toEqual([true, true, true])
  expect(places.map((place) => has(tree, place))).toEqual([true, true, false])
  expect([isThere(own), isThere(tree)]).toEqual([true, false])
  expect(write(tree, `${base}/own/data`, 'x')).toBe(Errno.SUCCESS)
  expect(readdirSync(join(base, 'a')), 'it is no folder of this machine').toEqual(['file'])
})

test('which tenants have the same in common', () => {
  const placesOf = (...mounts: string[]): string =>
    commonPlacesOf(configOf(`root = "${base}/own"\n${mounts.join('')}`).tenant)
  const mine = placesOf(mount('/lib', 'b', false), mount('/data', 'a', true))
  expect(placesOf(mount('/lib', 'b', false), mount('/data', 'own', true))).toBe(mine)
  expect(placesOf(mount('/lib', 'own', false), mount('/data', 'a', true))).not.toBe(mine)
  expect(placesOf(mount('/lib', 'b', false), mount('/other', 'a', true))).not.toBe(mine)
  expect(placesOf(mount('/lib', 'b', false), mount('/data', 'a', false))).not.toBe(mine)
  expect(placesOf(mount('/lib', 'b', false))).not.toBe(mine)
})
