/**
 * Changes a store over and over, and is killed (as by `kill -9`) at operation number N on the file system, halfway through
 * it where it has a half: node kill-writer.ts STORE N SEED. Says on standard output what it is about to make live, and what is.
 */

import { writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { nodeFiles, type StoreFiles } from '../../../src/store/store-files.ts'
import { makeDraft } from '../../unit/store/drafts.ts'

const [, , folder = '', killAt = '', seed = ''] = process.argv
let left = Number(killAt)

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
  remove: (path) => after(nodeFiles.remove(path)),
  removeAll: (path) => after(nodeFiles.removeAll(path)),
}

async function after<Result>(operation: Promise<Result>): Promise<Result> {
  const result = await operation
  count()
  return result
}

const store = await DirectoryStore.make(folder, { clock: systemClock, files })
for (let round = 0; ; round += 1) {
  const workspace = await store.makeWorkspace()
  const module = `${seed}.${round}`
  const draft = await makeDraft(files, workspace.folder, {
    module,
    files: { 'index.html': module, 'css/same.css': 'the same in all' },
  })
  const { release } = await store.put('acme', draft)
  await workspace.remove()
  writeSync(1, `try ${release}\n`)
  await store.switchTo('acme', release)
  writeSync(1, `live ${release}\n`)
  if (round % 2 === 1) await store.collect({ keep: 2 })
}
