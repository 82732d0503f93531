/**
 * Hardens modules without holding up the requests of others: small ones here, large ones in a thread that is started
 * when one comes and ended when none has come for a while.
 */
import { Worker } from 'node:worker_threads'
import { fromWire, type WireError } from '../base/errors.ts'
import { type Hardened, type HardenRequest, hardenHere } from './harden-here.ts'

/** Up to this size hardening takes a few milliseconds: less than a thread that has to be started first. */
const HERE_BYTES = 128 * 1024

/** How long an idle thread is kept, in milliseconds. */
const IDLE_MS = 10_000

export interface HardenQuestion {
  readonly bytes: Uint8Array
  readonly options: HardenRequest
}

export type HardenAnswer = { readonly hardened: Hardened } | { readonly error: WireError }

interface Waiting extends HardenQuestion {
  readonly resolve: (hardened: Hardened) => void
  readonly reject: (error: unknown) => void
}

let thread: Worker | undefined
let idleTimer: NodeJS.Timeout | undefined
/** First come, first served; the first is the one the thread works on. */
const waiting: Waiting[] = []

/** Rejects with an error that has a `WASM_` code. */
export function hardenModule(bytes: Uint8Array, options: HardenRequest): Promise<Hardened> {
  if (bytes.length <= HERE_BYTES) return Promise.resolve().then(() => hardenHere(bytes, options))
  return new Promise((resolve, reject) => {
    waiting.push({ bytes, options, resolve, reject })
    if (waiting.length === 1) askNext()
  })
}

function askNext(): void {
  clearTimeout(idleTimer)
  const next = waiting[0]
  if (next === undefined) {
    thread?.unref()
    idleTimer = setTimeout(endThread, IDLE_MS)
    idleTimer.unref()
    return
  }
  thread ??= startThread()
  thread.ref()
  thread.postMessage({ bytes: next.bytes, options: next.options } satisfies HardenQuestion)
}

function startThread(): Worker {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  const started = new Worker(new URL(`./harden-thread${extension}`, import.meta.url))
  started.on('message', (answer: HardenAnswer) => {
    const done = waiting.shift()
    if ('hardened' in answer) done?.resolve(answer.hardened)
    else done?.reject(fromWire(answer.error))
    askNext()
  })
  started.on('error', (error) => {
    thread = undefined
    waiting.shift()?.reject(error)
    askNext()
  })
  return started
}

function endThread(): void {
  void thread?.terminate()
  thread = undefined
}
