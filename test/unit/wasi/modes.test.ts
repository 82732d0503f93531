/** Permissions that guests see, and those of what they make. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
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
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { MountPlan } from '../../../src/wasi/mount-tree.ts'
import { ALL_RIGHTS, Right } from '../../../src/wasi/rights.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FILL, makeProbe, type Probe } from './probe.ts'

const RESULT = 4096
const LONG_BYTES = 80
const FOLLOW = 1
const [R, W, X] = [4, 2, 1]
const { SUCCESS, ACCES, INVAL, NOENT, NOSYS, NOTDIR, ROFS } = Errno
const UID = process.geteuid?.() ?? 0
const GID = process.getegid?.() ?? 0

let base = ''
let probe: Probe
let held: DirectoryNode[] = []

/** `/w`: writable, `/r`: not, `/i`: an image, `/tmp`: memory, `/dev`; `/` itself holds these. */
beforeEach(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-modes-')))
  mkdirSync(join(base, 'folder'))
  writeFileSync(join(base, 'file'), 'text')
  chmodSync(join(base, 'file'), 0o640)
  chmodSync(join(base, 'folder'), 0o2750)
  symlinkSync('file', join(base, 'link'))
  const [w, r] = [true, false].map((writable) => openHostDirectory(base, { writable }))
  if (w === undefined || r === undefined) throw new Error('no folders')
  held = [w, r]
  const tree = new MountPlan(['/w', '/r', '/i', '/tmp', '/dev']).open([
    w,
    r,
    new ImageDirectory(base, new ImageCache()),
    createMemoryDirectory(new FakeClock()),
    new DeviceDirectory(() => undefined),
  ])
  probe = await makeProbe({ preopens: [{ guestPath: '/', directory: tree, isWhole: true }] })
})
afterEach(() => {
  probe.host.end()
  for (const directory of held) directory.release()
  rmSync(base, { recursive: true })
})

interface Long {
  readonly filetype: number
  readonly size: bigint
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

function longAt(at: number): Long {
  const view = new DataView(probe.memory.buffer)
  expect(view.getUint8(at + LONG_BYTES)).toBe(FILL)
  expect(view.getUint32(at + 76, true)).toBe(0)
  return {
    filetype: view.getUint8(at + 16),
    size: view.getBigUint64(at + 32, true),
    mode: view.getUint32(at + 64, true),
    uid: view.getUint32(at + 68, true),
    gid: view.getUint32(at + 72, true),
  }
}

async function look(path: string, flags = FOLLOW): Promise<Long | number> {
  const [at, length] = probe.put(1024, path)
  const errno = await probe.call('stat', 3, flags, at, length, RESULT)
  return errno === SUCCESS ? longAt(RESULT) : errno
}

const file = { filetype: Filetype.RegularFile, size: 4n, mode: 0o640, uid: UID, gid: GID }

test.for(['w', 'r', 'i'])('stat of what is on the disk, in /%s', async (place) => {
  expect(await look(`${place}/file`)).toEqual(file)
  expect(await look(`${place}/link`)).toEqual(file)
  expect(await look(`${place}/link`, 0)).toMatchObject({ filetype: Filetype.SymbolicLink })
  expect(await look(`${place}/folder`)).toMatchObject({ mode: 0o2750, uid: UID, gid: GID })
  expect(await look(`${place}/nothing`)).toBe(NOENT)
  expect(await look(`${place}/file/`)).toBe(NOTDIR)
})

test('stat of what is not on the disk', async () => {
  const own = { uid: UID, gid: GID }
  expect(await look('.')).toMatchObject({ ...own, filetype: Filetype.Directory, mode: 0o755 })
  expect(await look('tmp')).toMatchObject({ ...own, filetype: Filetype.Directory, mode: 0o755 })
  expect(await look('dev/null')).toMatchObject({ filetype: Filetype.CharacterDevice, mode: 0o666 })
})

test('fstat of what is open', async () => {
  const fd = await open('w/file', 0)
  expect(await probe.call('fstat', fd, RESULT)).toBe(SUCCESS)
  expect(longAt(RESULT)).toEqual(file)
  expect(await probe.call('fstat', 0, RESULT)).toBe(SUCCESS)
  expect(longAt(RESULT)).toMatchObject({ mode: 0o666 })
  expect(await probe.call('fstat', 99, RESULT)).toBe(Errno.BADF)
  expect(await probe.call('fstat', fd, 65_536 - LONG_BYTES + 1)).toBe(Errno.FAULT)
})

async function open(path: string, oflags: number = Oflags.Creat | Oflags.Excl): Promise<number> {
  const [at, length] = probe.put(1024, path)
  const rights = BigInt(ALL_RIGHTS & ~Right.FdReaddir)
  const errno = await probe.call('path_open', 3, 0, at, length, oflags, rights, 0n, 0, RESULT)
  expect(errno).toBe(SUCCESS)
  return new DataView(probe.memory.buffer).getUint32(RESULT, true)
}

const isRoot = UID === 0
const ACCESSES = [
  { path: 'w/file', wanted: R | W, errno: SUCCESS },
  { path: 'w/link', wanted: R | W, errno: SUCCESS },
  { path: 'w/file', wanted: X, errno: ACCES },
  { path: 'w/folder', wanted: R | W | X, errno: SUCCESS },
  { path: 'w', wanted: W, errno: SUCCESS },
  { path: 'r/file', wanted: R, errno: SUCCESS },
  { path: 'r/file', wanted: R | W, errno: ROFS },
  { path: 'r/folder', wanted: W, errno: ROFS },
  { path: 'i/file', wanted: R, errno: SUCCESS },
  { path: 'i/file', wanted: W, errno: ROFS },
  { path: 'i', wanted: W, errno: ROFS },
  { path: '.', wanted: W, errno: ROFS },
  { path: '.', wanted: R | X, errno: SUCCESS },
  { path: 'tmp', wanted: R | W | X, errno: SUCCESS },
  { path: 'dev/null', wanted: R | W, errno: SUCCESS },
  { path: 'w/nothing', wanted: 0, errno: NOENT },
  { path: 'w/file/', wanted: 0, errno: NOTDIR },
  { path: 'w/file', wanted: 8, errno: INVAL },
]

test.for(ACCESSES)('access of $path for $wanted: $errno', async ({ path, wanted, errno }) => {
  expect(await probe.onPath('access', 3, path, wanted)).toBe(errno)
})

const ROOMS = [
  { path: 'w/folder', errno: SUCCESS, hasFree: true },
  { path: 'w/link', errno: SUCCESS, hasFree: true },
  { path: 'tmp', errno: SUCCESS, hasFree: true },
  { path: 'r/file', errno: SUCCESS, hasFree: false },
  { path: '.', errno: NOSYS, hasFree: false },
  { path: 'i/file', errno: NOSYS, hasFree: false },
  { path: 'dev', errno: NOSYS, hasFree: false },
  { path: 'w/nothing', errno: NOENT, hasFree: false },
  { path: 'w/file/', errno: NOTDIR, hasFree: false },
]

test.for(ROOMS)('room at $path: $errno', async ({ path, errno, hasFree }) => {
  new Uint8Array(probe.memory.buffer).fill(0, RESULT, RESULT + 16)
  expect(await probe.onPath('space', 3, path, RESULT)).toBe(errno)
  const [bytes, free] = [probe.u64(RESULT), probe.u64(RESULT + 8)]
  expect([bytes > 0n, free > 0n, free <= bytes]).toEqual([errno === SUCCESS, hasFree, true])
})

test.skipIf(isRoot)('access where the permissions forbid it', async () => {
  chmodSync(join(base, 'file'), 0o440)
  expect(await probe.onPath('access', 3, 'w/file', W)).toBe(ACCES)
})

const MODES = [
  { mode: 0o600, file: 0o600, folder: 0o700, inMemory: 0o600 },
  { mode: 0o777, file: 0o777, folder: 0o777, inMemory: 0o777 },
  { mode: 0o000, file: 0o400, folder: 0o500, inMemory: 0o000 },
  { mode: 0o7666, file: 0o666, folder: 0o766, inMemory: 0o666 },
]

test.for(MODES)('create_mode $mode', async ({ mode, file, folder, inMemory }) => {
  for (const [place, wanted] of [
    ['w', [file, folder]],
    ['tmp', [inMemory, inMemory]],
  ] as const) {
    expect(await probe.call('create_mode', mode)).toBe(SUCCESS)
    await open(`${place}/new`)
    expect(await probe.call('create_mode', mode)).toBe(SUCCESS)
    expect(await probe.onPath('path_create_directory', 3, `${place}/made`)).toBe(SUCCESS)
    expect(await look(`${place}/new`)).toMatchObject({ mode: wanted[0] })
    expect(await look(`${place}/made`)).toMatchObject({ mode: wanted[1] })
  }
  expect(statSync(join(base, 'new')).mode & 0o7777).toBe(file)
  expect(statSync(join(base, 'made')).mode & 0o777).toBe(folder)
})

test('create_mode holds for one call, whatever becomes of it, and changes nothing that is there', async () => {
  const usual = 0o666 & ~process.umask()
  await probe.call('create_mode', 0o600)
  expect(await probe.onPath('path_create_directory', 3, 'w/folder')).toBe(Errno.EXIST)
  await open('w/after')
  await probe.call('create_mode', 0o600)
  await open('w/file', Oflags.Creat)
  await open('w/then')
  const modes = ['after', 'file', 'then'].map((name) => lstatSync(join(base, name)).mode & 0o777)
  expect(modes).toEqual([usual, 0o640, usual])
})

test('chmod in memory is seen', async () => {
  await open('tmp/new')
  expect(await probe.onPath('chmod', 3, 'tmp/new', 0o400)).toBe(SUCCESS)
  expect(await look('tmp/new')).toMatchObject({ mode: 0o400 })
})
