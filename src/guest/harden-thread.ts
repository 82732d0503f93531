/** The thread that hardens large modules: bytes in, a hardened module or an error out. Entry point; see hardener.ts. */
import { parentPort } from 'node:worker_threads'
import { toWire } from '../base/errors.ts'
import { hardenHere } from './harden-here.ts'
import type { HardenAnswer, HardenQuestion } from './hardener.ts'

parentPort?.on('message', ({ bytes, options }: HardenQuestion) => {
  parentPort?.postMessage(answer(bytes, options))
})

function answer(bytes: Uint8Array, options: HardenQuestion['options']): HardenAnswer {
  try {
    return { hardened: hardenHere(bytes, options) }
  } catch (error) {
    return { error: toWire(error) }
  }
}
