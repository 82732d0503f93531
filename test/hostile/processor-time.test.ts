/** A guest is given the processor time it may use, however busy the machine is. */

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { setStage } from './stage.ts'
import { threadMs } from './turn-watch.ts'

/** Threads that want a processor each, so that whoever has one loses it now and then. They end with the test. */
function makeBusy(): Disposable {
  const stop = new SharedArrayBuffer(4)
  const flag = new Int32Array(stop)
  const code =
    'const stop = new Int32Array(require("node:worker_threads").workerData); while (Atomics.load(stop, 0) === 0);'
  const threads = Array.from(
    { length: 2 * availableParallelism() },
    () => new Worker(code, { eval: true, workerData: stop }),
  )
  return {
    [Symbol.dispose]: () => {
      Atomics.store(flag, 0, 1)
      for (const thread of threads) void thread.terminate()
    },
  }
}

const PLACES = [
  { name: 'by itself', crowd: () => ({ [Symbol.dispose]: () => undefined }) },
  { name: 'beside busy neighbours as well', crowd: makeBusy },
]

test.each(PLACES)(
  'limits.cpu is processor time, $name',
  async ({ crowd }) => {
    using stage = setStage({ guests: ['endless-loop'], limits: 'cpu = "150ms"\nwall = "60s"' })
    await stage.ask('hog', 'endless-loop') // compiled
    using _busy = crowd()
    const before = threadMs()
    const reply = await stage.ask('hog', 'endless-loop')
    const usedMs = threadMs() - before
    expect(reply.status).toBe(503)
    expect(usedMs).toBeGreaterThan(145)
    const access = stage.log.filter((line) => line['msg'] === 'access').at(-1)
    const cpuMs = Number(access?.['cpuMs'])
    expect(cpuMs).toBeGreaterThanOrEqual(150)
    // The thread does little else than run the guest.
    expect(cpuMs).toBeLessThanOrEqual(usedMs + 1)
    expect(cpuMs).toBeGreaterThan(usedMs * 0.8)
  },
  60_000,
)
