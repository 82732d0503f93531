/** Somebody swaps a directory for a link out of the grant, over and over, while a guest walks through it. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { makeProbe, READ } from './probe.ts'

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

test('a directory swapped for a link at any moment never leads out', {
  timeout: 30_000,
}, async () => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-race-')))
  const root = join(base, 'root')
  mkdirSync(join(root, 'flip'), { recursive: true })
  writeFileSync(join(root, 'flip/file'), 'inside')
  mkdirSync(join(base, 'outside'))
  writeFileSync(join(base, 'outside/file'), 'secret')
  symlinkSync('../outside', join(root, 'link'))
  const control = new SharedArrayBuffer(8)
  const state = new Int32Array(control)
  const swapper = new Worker(SWAPPER, { eval: true, workerData: { root, control } })
  const directory = openHostDirectory(root, { writable: false })
  const probe = await makeProbe({ preopens: [{ guestPath: '/', directory }] })
  try {
    await Atomics.waitAsync(state, 1, 0).value
    const seen = new Map<string, number>()
    for (let round = 0; round < 4_000; round++) {
      const { errno, fd } = await probe.open(3, 'flip/file', { rights: READ })
      const result = errno === 0 ? String(await probe.read(fd)) : `errno ${errno}`
      if (errno === 0) await probe.call('fd_close', fd)
      seen.set(result, (seen.get(result) ?? 0) + 1)
    }
    expect([...seen.keys()]).not.toContain('secret')
    // The two did meet: the way was found open, and found closed.
    expect(seen.get('inside') ?? 0).toBeGreaterThan(0)
    expect(seen.size).toBeGreaterThan(1)
  } finally {
    Atomics.store(state, 0, 1)
    await new Promise((resolve) => swapper.once('exit', resolve))
    probe.host.end()
    directory.release()
    rmSync(base, { recursive: true, force: true })
  }
})
