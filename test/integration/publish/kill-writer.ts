/**
 * Changes a store over and over, and is killed (as by `kill -9`) at operation number N on the file system, halfway through
 * it where it has a half: node kill-writer.ts STORE N SEED. Says on standard output what is about to be live and its canary,
 * what is, and what it has signed. Rounds are of 6 kinds; SEED is the number of the first. With N = 0 it ends at once.
 */

import { writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import type { Switched } from '../../../src/store/release-store.ts'
import { signRelease } from '../../../src/store/signature.ts'
import { createSigningKey } from '../../../src/store/signing-key.ts'
import { nodeFiles, type StoreFiles } from '../../../src/store/store-files.ts'
import { makeDraft } from '../../unit/store/drafts.ts'

const [, , folder = '', killAt = '', seed = ''] = process.argv
let left = Number(killAt)
if (left === 0) process.exit(0)

function count(): void {
  left -= 1
  if (left === 0) process.kill(process.pid, 'SIGKILL')
}

const files: StoreFiles = {
  ...nodeFiles,
  makeFolder: (path) => after(nodeFiles.makeFolder(path)),
  create: async (path, contents) => {
    if (left === 1 && contents instanceof Uint8Array) {
      const file = await open(path, 'wx')
      await file.write(contents.subarray(0, contents.length / 2))
    }
    count()
    await nodeFiles.create(path, contents)
  },
  createFleeting: (path, contents) => after(nodeFiles.createFleeting(path, contents)),
  link: (from, to) => after(nodeFiles.link(from, to)),
  rename: (from, to) => after(nodeFiles.rename(from, to)),
  syncFolder: (path) => after(nodeFiles.syncFolder(path)),
  syncAll: (paths) => after(nodeFiles.syncAll(paths)),
  remove: (path) => after(nodeFiles.remove(path)),
  removeAll: (path) => after(nodeFiles.removeAll(path)),
}

async function after<Result>(operation: Promise<Result>): Promise<Result> {
  const result = await operation
  count()
  return result
}

const KEY = createSigningKey().key
const store = await DirectoryStore.make(folder, { clock: systemClock, files })
let live = (await store.state('acme')).handlers['main']?.release

/** Says what will be live, and its canary, and then that they are. */
async function change(
  work: Promise<Switched>,
  ...[next, canary]: [string, string?]
): Promise<void> {
  const { release, canary: beside } = await work
  if (release !== next || beside?.release !== canary) throw new Error(`${release} is live`)
  live = release
  writeSync(1, `done ${release}/${canary ?? '-'}\n`)
}

function announce(next: string, canary = '-'): void {
  writeSync(1, `try ${next}/${canary}\n`)
}

for (let round = Number(seed); ; round += 1) {
  const workspace = await store.makeWorkspace()
  const module = `${seed}.${round}`
  const draft = await makeDraft(files, workspace.folder, {
    module,
    files: { 'index.html': module, 'css/same.css': 'the same in all' },
  })
  const { release } = await store.put('acme', draft)
  await workspace.remove()
  if (live === undefined || round % 3 === 0) {
    announce(release)
    await change(store.switchTo('acme', release), release)
  } else {
    const before = live
    const signed = { tenant: 'acme', release }
    await store.putSignature('acme', release, signRelease(KEY, signed))
    writeSync(1, `signed ${release}\n`)
    announce(before, release)
    const weight = { weight: 10, sticky: true }
    await change(store.setCanary('acme', release, weight), before, release)
    const isGood = round % 3 === 1
    announce(isGood ? release : before)
    await change(isGood ? store.promote('acme') : store.rollBack('acme'), isGood ? release : before)
  }
  if (round % 2 === 1) await store.collect({ keep: 2 })
}
