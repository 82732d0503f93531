/** Somebody who puts other things in a file's or a folder's place, over and over, from a thread of its own. */
import { Worker } from 'node:worker_threads'

/** Renames the next of the things to the place, and the last one back to where it was kept. */
const CODE = `
  const { renameSync } = require('node:fs')
  const { workerData: { place, things, control } } = require('node:worker_threads')
  const state = new Int32Array(control)
  for (let turn = 0; Atomics.load(state, 0) === 0; turn++) {
    const thing = things[turn % things.length]
    const last = things[(turn + things.length - 1) % things.length]
    if (turn > 0) renameSync(place, last)
    renameSync(thing, place)
    Atomics.add(state, 1, 1)
    Atomics.notify(state, 1)
  }`

export interface Swapper {
  /** How often something else was put there. */
  turns(): number
  /** Resolves when it has stopped. */
  stop(): Promise<void>
}

/** Renames each of `things`, all of which are in the same file system, to `place` and back, in turns. Resolves after the first. */
export async function swap(place: string, things: readonly string[]): Promise<Swapper> {
  const control = new SharedArrayBuffer(8)
  const state = new Int32Array(control)
  const worker = new Worker(CODE, { eval: true, workerData: { place, things, control } })
  await Atomics.waitAsync(state, 1, 0).value
  return {
    turns: () => Atomics.load(state, 1),
    stop: async () => {
      Atomics.store(state, 0, 1)
      await new Promise((resolve) => worker.once('exit', resolve))
    },
  }
}
