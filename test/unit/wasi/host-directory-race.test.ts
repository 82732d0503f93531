/** Somebody swaps a directory for a link out of the grant, over and over, while a guest walks through it. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { Oflags } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { WAY_LIFE_MS } from '../../../src/wasi/ways.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { makeProbe, type Probe, READ } from './probe.ts'

/** Swaps until told to stop: flip is now the directory, now the link. Counts its rounds. */
const SWAPPER = `
  const { renameSync } = require('node:fs')
  const { workerData: { root, control } } = require('node:worker_threads')
  const state = new Int32Array(control)
  while (Atomics.load(state, 0) === 0) {
    renameSync(root + '/flip', root + '/directory')
    renameSync(root + '/link', root + '/flip')
    renameSync(root + '/flip', root + '/link')
    renameSync(root + '/directory', root + '/flip')
    Atomics.add(state, 1, 1)
    Atomics.notify(state, 1)
  }`

interface Place {
  readonly base: string
  readonly probe: Probe
}

/** Each look is late: nothing that is kept for a while is good any more. */
class HastyClock extends FakeClock {
  override nowMs(): number {
    this.ns += BigInt(WAY_LIFE_MS) * 1_000_000n
    return super.nowMs()
  }
}

const GRANTS = [
  { name: 'at once', isWalked: false },
  { name: 'name by name', isWalked: true },
]

/** Runs `use` while a folder of the grant, `flip`, is swapped for a link to a folder outside of it. */
async function whileSwapping(
  isWalked: boolean,
  use: (place: Place) => Promise<void>,
): Promise<void> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-race-')))
  const root = join(base, 'root')
  for (const [folder, text] of [
    [join(root, 'flip'), 'inside'],
    [join(base, 'outside'), 'secret'],
  ] as const) {
    mkdirSync(join(folder, 'deep'), { recursive: true })
    for (const name of ['file', 'deep/file']) writeFileSync(join(folder, name), text)
  }
  mkdirSync(join(base, 'outside/folder'))
  symlinkSync('../outside', join(root, 'link'))
  const control = new SharedArrayBuffer(8)
  const state = new Int32Array(control)
  const swapper = new Worker(SWAPPER, { eval: true, workerData: { root, control } })
  const directory = openHostDirectory(root, { writable: true, isWalked })
  const clock = new HastyClock()
  const probe = await makeProbe({ preopens: [{ guestPath: '/', directory }], clock })
  try {
    await Atomics.waitAsync(state, 1, 0).value
    await use({ base, probe })
  } finally {
    Atomics.store(state, 0, 1)
    await new Promise((resolve) => swapper.once('exit', resolve))
    probe.host.end()
    directory.release()
    rmSync(base, { recursive: true, force: true })
  }
}

test.each(GRANTS)(
  '$name: a directory swapped for a link at any moment never leads out',
  {
    timeout: 30_000,
  },
  ({ isWalked }) =>
    whileSwapping(isWalked, async ({ probe }) => {
      const seen = new Map<string, number>()
      for (let round = 0; round < 4_000; round++) {
        const path = round % 2 === 0 ? 'flip/file' : 'flip/deep/file'
        const { errno, fd } = await probe.open(3, path, { rights: READ })
        const result = errno === 0 ? String(await probe.read(fd)) : `errno ${errno}`
        if (errno === 0) await probe.call('fd_close', fd)
        seen.set(result, (seen.get(result) ?? 0) + 1)
      }
      expect([...seen.keys()]).not.toContain('secret')
      // The two did meet: the way was found open, and found closed.
      expect(seen.get('inside') ?? 0).toBeGreaterThan(0)
      expect(seen.size).toBeGreaterThan(1)
    }),
)

test.each(GRANTS)(
  '$name: nothing is written, made, renamed or removed through it either',
  {
    timeout: 30_000,
  },
  ({ isWalked }) =>
    whileSwapping(isWalked, async ({ base, probe }) => {
      const errnos = new Set<number>()
      for (let round = 0; round < 1_000; round++) {
        const opened = await probe.open(3, 'flip/file', { oflags: Oflags.Trunc })
        if (opened.errno === 0) await probe.write(opened.fd, 'inside')
        if (opened.errno === 0) await probe.call('fd_close', opened.fd)
        const made = await probe.open(3, 'flip/new', { oflags: Oflags.Creat })
        if (made.errno === 0) await probe.call('fd_close', made.fd)
        errnos.add(opened.errno).add(made.errno)
        for (const [call, name] of [
          ['path_unlink_file', 'new'],
          ['path_create_directory', 'made'],
          ['path_remove_directory', 'made'],
          ['path_remove_directory', 'folder'],
        ] as const) {
          errnos.add(await probe.onPath(call, 3, `flip/${name}`))
        }
        const [from, to] = [probe.put(49_000, 'flip/file'), probe.put(50_000, 'flip/file2')]
        await probe.call('path_rename', 3, ...from, 3, ...to)
        await probe.call('path_rename', 3, ...to, 3, ...from)
      }
      expect(errnos).toContain(Errno.SUCCESS)
      expect(errnos).toContain(Errno.NOTCAPABLE)
      expect(readdirSync(join(base, 'outside')).sort()).toEqual(['deep', 'file', 'folder'])
      expect(readFileSync(join(base, 'outside/file'), 'utf8')).toBe('secret')
    }),
)
