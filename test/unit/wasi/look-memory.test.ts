/** Looks at whole paths of a tree are believed as long as all that they come over, and by all who look. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Errno } from '../../../src/wasi/errno.ts'
import type { FileNode } from '../../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { LookMemory, lookAt, MOST_LOOKS, nothingAt } from '../../../src/wasi/look-memory.ts'
import { MountPlan } from '../../../src/wasi/mount-tree.ts'
import { RememberedTree } from '../../../src/wasi/remembered-directory.ts'
import { Resolved } from '../../../src/wasi/resolved.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { makeGrants, makeProbe, type Probe } from './probe.ts'

const LIFE_MS = 1000
const DIR = 3
const RESULT = 1024

let base = ''
let clock = new FakeClock()
let open: () => Promise<Probe>

/** `/r`: not writable, and believed. `/r/w`: writable. */
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-looks-')))
  for (const name of ['r/a/b', 'r/w', 'w/c']) mkdirSync(join(base, name), { recursive: true })
  symlinkSync('a/b', join(base, 'r/link'))
  symlinkSync('/r/w', join(base, 'r/out'))
  clock = new FakeClock()
  const tree = new RememberedTree(() => openHostDirectory(join(base, 'r'), { writable: false }), {
    ...{ clock, lifeMs: LIFE_MS },
  })
  const written = openHostDirectory(join(base, 'w'), { writable: true })
  const plan = new MountPlan(['/r', '/r/w'])
  open = () => {
    const directory = plan.open([tree.take, written])
    return makeProbe(
      makeGrants({ preopens: [{ guestPath: '/', directory, isWhole: true }], clock }),
    )
  }
})
afterEach(() => {
  clock.advance(2 * LIFE_MS)
  rmSync(base, { recursive: true, force: true })
})

async function look(probe: Probe, path: string): Promise<number> {
  const errno = await probe.call('path_filestat_get', DIR, 1, ...probe.put(50_000, path), RESULT)
  return errno === 0 ? Number(probe.u64(RESULT + 32)) : -errno
}

for (const path of ['r/a/f', 'r/a/b/../f', 'r//a/./f', 'r/link/../f', 'r/a/no/f'])
  test(`${path}: believed for so long by the next request as well, and no longer`, async () => {
    const first = await open()
    expect(await look(first, path)).toBe(-Errno.NOENT)
    mkdirSync(join(base, 'r/a/no'))
    for (const name of ['f', 'no/f']) writeFileSync(join(base, 'r/a', name), 'four')
    clock.advance(LIFE_MS - 1)
    first.host.end()
    const second = await open()
    expect(await look(second, path)).toBe(-Errno.NOENT)
    clock.advance(1)
    expect(await look(second, path)).toBe(4)
    second.host.end()
  })

for (const path of ['r/w/f', 'r/out/f', 'r/a/../w/f', 'r/w/c/../f'])
  test(`${path}: what may be written to is always what is there`, async () => {
    const probe = await open()
    expect(await look(probe, path)).toBe(-Errno.NOENT)
    probe.host.end()
    writeFileSync(join(base, 'w/f'), 'four')
    const next = await open()
    expect(await look(next, path)).toBe(4)
    next.host.end()
  })

test('a folder that may be written to is always what it is, though the one it is in is believed', async () => {
  const probe = await open()
  const modified = async (path: string): Promise<bigint> => {
    await look(probe, path)
    return probe.u64(RESULT + 48)
  }
  const before = [await modified('r/w'), await modified('r/out'), await modified('r/w/.')]
  writeFileSync(join(base, 'w/f'), 'four')
  clock.advance(200)
  for (const [index, path] of ['r/w', 'r/out', 'r/w/.'].entries())
    expect(await modified(path), path).not.toBe(before[index])
  probe.host.end()
})

test('so many looks are kept and no more, and none when nobody asks any more', () => {
  const looks = new LookMemory()
  const untilMs = clock.nowMs() + LIFE_MS
  const keep = (each: number): void => looks.keep(`${each}`, true, nothingAt(untilMs), clock)
  for (let each = 0; each < MOST_LOOKS; each += 1) keep(each)
  expect(looks.get('0', true, clock.nowMs())).toEqual(nothingAt(untilMs))
  expect(looks.get('0', false, clock.nowMs())).toBeUndefined()
  keep(MOST_LOOKS)
  expect(looks.get('0', true, clock.nowMs())).toBeUndefined()
  expect(clock.pending).toBe(1)
  clock.advance(LIFE_MS)
  expect(clock.pending).toBe(0)
  expect(looks.get(`${MOST_LOOKS}`, true, 0)).toBeUndefined()
})

test('an error that may be another one soon is not kept', () => {
  const directory = openHostDirectory(base, { writable: false })
  const node: FileNode = {
    kind: 'file',
    stat: () => Errno.IO,
    open: () => Errno.IO,
    setTimes: () => Errno.IO,
  }
  expect(lookAt(new Resolved(directory, 'f', node, false), 1)).toBe(Errno.IO)
})
