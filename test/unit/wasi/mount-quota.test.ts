/** A mount's account is what the folder holds, whatever is done to it. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { countTree } from '../../../src/wasi/count-tree.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode, OpenFile, OpenMode } from '../../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { type MountLimits, MountQuota } from '../../../src/wasi/mount-quota.ts'
import { MAX_TRIES, type UsageAccount, UsageLedger } from '../../../src/wasi/usage-ledger.ts'

const READ_WRITE: OpenMode = { read: true, write: true, truncate: false }
const KIB = 1024

let folder = ''
let root: DirectoryNode
let account: UsageAccount
let quota: MountQuota
let nowMs = 1_000_000
const clock = { ...systemClock, realtimeNs: () => BigInt(nowMs) * 1_000_000n }
let opened: OpenFile[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasi-quota-'))
  opened = []
})

afterEach(() => {
  for (const file of opened) file.close()
  root.release()
  rmSync(folder, { recursive: true })
})

async function grant(limits: Partial<MountLimits> = {}): Promise<void> {
  account = new UsageLedger().accountOf(statSync(folder, { bigint: true }))
  quota = new MountQuota({
    account,
    limits: { bytes: 10 * KIB, names: 10, ...limits },
    folder,
    clock,
  })
  await quota.start()
  root = openHostDirectory(folder, { writable: true, quota })
}

function open(name: string, mode: Partial<OpenMode> = {}): OpenFile {
  const all = { ...READ_WRITE, ...mode }
  const node = root.lookup(name)
  const file =
    node === Errno.NOENT
      ? root.createFile(name, all)
      : typeof node !== 'number' && node.kind === 'file'
        ? node.open(all)
        : Errno.INVAL
  if (typeof file === 'number' || file.kind !== 'file') throw new Error(`not opened: ${file}`)
  opened.push(file)
  return file
}

function close(file: OpenFile): void {
  opened = opened.filter((one) => one !== file)
  file.close()
}

function write(name: string, bytes: number, offset: number | 'end' = 0): number {
  const file = open(name)
  const count = file.write(Buffer.alloc(bytes, 'x'), offset === 'end' ? undefined : offset)
  close(file)
  return count
}

function usage(): { bytes: number; names: number } {
  return { bytes: account.bytes, names: account.names }
}

/** One step each; what it answers; then the account is compared with the folder. */
const STEPS: ReadonlyArray<readonly [name: string, step: () => unknown, answer: unknown]> = [
  ['writes', () => write('a', 4 * KIB), 4 * KIB],
  ['writes over it', () => write('a', 2 * KIB, KIB), 2 * KIB],
  ['writes behind a gap', () => write('a', KIB, 7 * KIB), KIB],
  ['appends', () => write('a', KIB, 'end'), KIB],
  ['fills it to the last byte', () => write('b', KIB), KIB],
  ['writes one byte more', () => write('b', 1, KIB), -Errno.DQUOT],
  ['appends one byte more', () => write('b', 1, 'end'), -Errno.DQUOT],
  ['grows a file', () => open('b').setSize(KIB + 1), Errno.DQUOT],
  ['allocates', () => open('b').allocate(KIB + 1), Errno.DQUOT],
  ['makes an empty file', () => write('c', 0), 0],
  ['shrinks a file', () => open('a').setSize(KIB), Errno.SUCCESS],
  ['grows it', () => open('a').setSize(2 * KIB), Errno.SUCCESS],
  ['empties one at opening', () => open('b', { truncate: true }).read(Buffer.alloc(1), 0), 0],
  ['makes a folder', () => root.createDirectory('d'), Errno.SUCCESS],
  ['makes it again', () => root.createDirectory('d'), Errno.EXIST],
  ['makes a link', () => root.createSymlink('s', 'a'), Errno.SUCCESS],
  ['makes it once more', () => root.createSymlink('s', '../a'), Errno.EXIST],
  ['makes a second name', () => root.link('h', root, 'a'), Errno.SUCCESS],
  ['removes the first', () => root.unlinkFile('a'), Errno.SUCCESS],
  ['renames it onto itself', () => root.rename('h', root, 'h'), Errno.SUCCESS],
  ['makes a third', () => root.link('i', root, 'h'), Errno.SUCCESS],
  ['renames one name onto the other', () => root.rename('h', root, 'i'), Errno.SUCCESS],
  ['removes one of them', () => root.unlinkFile('h'), Errno.SUCCESS],
  ['writes another', () => write('e', 3 * KIB), 3 * KIB],
  ['renames it over one', () => root.rename('e', root, 'i'), Errno.SUCCESS],
  ['renames it elsewhere', () => root.rename('i', root, 'a'), Errno.SUCCESS],
  ['removes what is not there', () => root.unlinkFile('i'), Errno.NOENT],
  ['makes another folder', () => root.createDirectory('e'), Errno.SUCCESS],
  ['renames it over one', () => root.rename('e', root, 'd'), Errno.SUCCESS],
  ['removes a folder as a file', () => root.unlinkFile('d'), Errno.ISDIR],
  ['removes it', () => root.removeDirectory('d'), Errno.SUCCESS],
  ['removes a link', () => root.unlinkFile('s'), Errno.SUCCESS],
  ['removes a file', () => root.unlinkFile('a'), Errno.SUCCESS],
]

test('each step changes the account as it changes the folder', async () => {
  writeFileSync(join(folder, 'before'), 'x'.repeat(KIB))
  await grant({ bytes: 11 * KIB })
  expect(usage()).toEqual({ bytes: KIB, names: 1 })
  for (const [name, step, answer] of STEPS) {
    expect([name, step()]).toEqual([name, answer])
    for (const file of opened) close(file)
    expect([name, usage()]).toEqual([name, await countTree(folder)])
  }
})

test('names are limited, of whatever kind', async () => {
  await grant({ names: 3 })
  expect(root.createDirectory('d')).toBe(Errno.SUCCESS)
  expect(root.createSymlink('s', 'd')).toBe(Errno.SUCCESS)
  write('f', 1)
  expect(root.createFile('g', READ_WRITE)).toBe(Errno.DQUOT)
  expect(root.createDirectory('g')).toBe(Errno.DQUOT)
  expect(root.createSymlink('g', 'd')).toBe(Errno.DQUOT)
  expect(root.link('g', root, 'f')).toBe(Errno.DQUOT)
  // As whoever makes what another worker has made since he looked.
  for (const name of ['d', 's', 'f']) expect(root.createFile(name, READ_WRITE)).toBe(Errno.EXIST)
  expect(root.createDirectory('f')).toBe(Errno.EXIST)
  expect(readdirSync(folder).sort()).toEqual(['d', 'f', 's'])
  expect(root.unlinkFile('s')).toBe(Errno.SUCCESS)
  expect(root.createDirectory('g')).toBe(Errno.SUCCESS)
})

test('a file that was removed counts until the last one closes it', async () => {
  await grant()
  write('f', 8 * KIB)
  const [one, other] = [open('f'), open('f', { write: false })]
  expect(root.unlinkFile('f')).toBe(Errno.SUCCESS)
  expect(usage()).toEqual({ bytes: 8 * KIB, names: 0 })
  // Also what it grows by then.
  expect(one.write(Buffer.alloc(KIB), 8 * KIB)).toBe(KIB)
  expect(one.write(Buffer.alloc(2 * KIB), 9 * KIB)).toBe(-Errno.DQUOT)
  close(one)
  expect(usage()).toEqual({ bytes: 9 * KIB, names: 0 })
  close(other)
  expect(usage()).toEqual({ bytes: 0, names: 0 })
})

test('so does one that another was renamed over', async () => {
  await grant()
  write('f', 4 * KIB)
  write('g', 2 * KIB)
  const file = open('f')
  expect(root.rename('g', root, 'f')).toBe(Errno.SUCCESS)
  expect(usage()).toEqual({ bytes: 6 * KIB, names: 1 })
  close(file)
  expect(usage()).toEqual({ bytes: 2 * KIB, names: 1 })
})

test('a large write is one write', async () => {
  await grant({ bytes: KIB * KIB })
  expect(write('f', 700 * KIB)).toBe(700 * KIB)
  // As much of it as fits in whole parts.
  expect(write('g', 400 * KIB)).toBe(256 * KIB)
  expect(usage()).toEqual({ bytes: 956 * KIB, names: 2 })
})

test('what is there from the start counts, links in it once, other names of it too', async () => {
  mkdirSync(join(folder, 'a/b'), { recursive: true })
  writeFileSync(join(folder, 'a/b/f'), 'x'.repeat(9 * KIB))
  await grant()
  expect(usage()).toEqual({ bytes: 9 * KIB, names: 3 })
  expect(write('f', 2 * KIB)).toBe(-Errno.DQUOT)
})

test('what others have removed is noticed when the quota is reached', async () => {
  writeFileSync(join(folder, 'full'), 'x'.repeat(10 * KIB))
  await grant()
  rmSync(join(folder, 'full'))
  expect(write('f', KIB)).toBe(-Errno.DQUOT)
  expect(account.bytes).toBe(10 * KIB)
  nowMs += 60_000
  expect(write('f', KIB)).toBe(-Errno.DQUOT)
  await expect.poll(() => account.bytes).toBe(0)
  expect(write('f', KIB)).toBe(KIB)
})

/** While the folder is counted; each leaves it as large as it was, or says what is gone. */
const MEANWHILE: ReadonlyArray<readonly [what: string, act: () => unknown]> = [
  ['removes a file', () => root.unlinkFile('full')],
  ['moves it where the count has been, or comes to', () => root.rename('full', root, 'd/full')],
  ['moves the folder it is in', () => root.rename('d', root, 'e')],
  ['gives it another name', () => [root.link('z', root, 'full'), root.unlinkFile('full')]],
  ['makes one larger and another one', () => [write('full', 9 * KIB), write('a', KIB)]],
]

test.each(MEANWHILE)(
  'while the folder is counted, one %s: the account stays right',
  async (_, act) => {
    await grant({ names: 2000 })
    root.createDirectory('d')
    for (let count = 0; count < 500; count++) root.createSymlink(`l${count}`, 'd')
    expect(write('full', 5 * KIB)).toBe(5 * KIB)
    nowMs += 60_000
    const counting = quota.start()
    // Somewhere in the middle of it.
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
    act()
    await counting
    expect(usage()).toEqual(await countTree(folder))
  },
)

/** A file that takes all there is, a minute after it was removed. */
async function openRemoved() {
  await grant()
  write('full', 10 * KIB)
  const file = open('full')
  root.unlinkFile('full')
  nowMs += 60_000
  return file
}

test('a file that was removed counts until it is closed, whatever is counted', async () => {
  const file = await openRemoved()
  expect(write('more', 1)).toBe(-Errno.DQUOT)
  // Longer than the count that has begun takes.
  for (let count = 0; count < 3; count++) await countTree(folder)
  expect(usage()).toEqual({ bytes: 10 * KIB, names: 1 })
  close(file)
  expect(usage()).toEqual({ bytes: 0, names: 1 })
})

test('one of a process that has died is forgotten when the next one starts, and never given back twice', async () => {
  const file = await openRemoved()
  await quota.start()
  expect(usage()).toEqual({ bytes: 0, names: 0 })
  close(file)
  expect(usage()).toEqual({ bytes: 0, names: 0 })
})

test('folders deeper than any path goes are counted', async () => {
  await grant({ names: 400 })
  const name = 'n'.repeat(200)
  let here = root
  here.retain()
  for (let depth = 0; depth < 40; depth++) {
    expect(here.createDirectory(name)).toBe(Errno.SUCCESS)
    const inner = here.lookup(name)
    here.release()
    if (typeof inner === 'number' || inner.kind !== 'directory') throw new Error('no folder')
    here = inner
  }
  const file = here.createFile('f', READ_WRITE)
  if (typeof file === 'number' || file.kind !== 'file') throw new Error('no file')
  file.write(Buffer.alloc(9 * KIB), 0)
  file.close()
  here.release()
  write('g', 1)
  expect(await countTree(folder)).toEqual({ bytes: 9 * KIB + 1, names: 42 })
})

test('folders have accounts of their own in one memory, and the same one in every ledger over it', () => {
  const memory = new ArrayBuffer(4096 * 64)
  const ledgers = [new UsageLedger(memory), new UsageLedger(memory)]
  for (let ino = 1n; ino <= 5000n; ino++) {
    ledgers[Number(ino % 2n)]?.accountOf({ dev: 3n, ino }).addBytes(Number(ino))
  }
  for (let ino = 1n; ino <= 4000n; ino++) {
    for (const ledger of ledgers) {
      expect(ledger.accountOf({ dev: 3n, ino }).bytes).toBe(Number(ino))
    }
  }
  // No slot is left: such an account is there, and shared with nobody.
  expect(ledgers[0]?.accountOf({ dev: 3n, ino: 5000n }).bytes).toBe(0)
  root = openHostDirectory(folder, { writable: false })
})

test('while one worker makes a name, no other one makes or removes any', () => {
  let turns = 0
  const ledger = new UsageLedger(new ArrayBuffer(64), () => turns++)
  const place = { dev: 1n, ino: 1n }
  const limits = { bytes: 1, names: 1 }
  const quota = new MountQuota({
    ...{ account: ledger.accountOf(place), limits, folder, clock: systemClock },
  })
  const made = quota.adding({ directory: -1, name: 'f', path: join(folder, 'f') }, () =>
    ledger.accountOf(place).exclusively(() => Errno.SUCCESS),
  )
  expect([made, turns]).toEqual([Errno.SUCCESS, MAX_TRIES])
  root = openHostDirectory(folder, { writable: false })
})

test('a lock that is never given back is not waited for', () => {
  let turns = 0
  const memory = new ArrayBuffer(64)
  const ledger = new UsageLedger(memory, () => turns++)
  const place = { dev: 1n, ino: 1n }
  const inner = ledger.accountOf(place)
  const seen = ledger.accountOf(place).exclusively(() => inner.exclusively(() => 'run'))
  expect(seen).toBe('run')
  expect(turns).toBe(MAX_TRIES)
  root = openHostDirectory(folder, { writable: false })
})
