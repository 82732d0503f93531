/** Kills guests one after the other, busy ones and sleeping ones, and looks at the memory of the process. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { compileHostile } from '../../guests/hostile/compile.ts'
import { systemClock } from '../../src/base/clock.ts'
import { CompileCache } from '../../src/guest/compile-cache.ts'
import { runToEnd } from '../../src/guest/engine.ts'
import { FaultConduct } from '../../src/guest/fault-conduct.ts'
import type { GuestModule } from '../../src/guest/guest-module.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import type { GuestJob } from '../../src/guest/job.ts'
import { createMemoryDirectory } from '../../src/wasi/memory-directory.ts'
import { DEFAULT_WASI_LIMITS } from '../../src/wasi/session.ts'
import { DEFAULT_MODULE_LIMITS } from '../../src/wasm/limits.ts'

const MIB = 1024 * 1024

export interface KillRun {
  readonly kills: number
  /** How often `onLook` is called. */
  readonly every: number
  /** Resident memory of the process after so many kills, in MiB. */
  readonly onLook: (kills: number, rssMiB: number) => void
}

/** Every second guest loops and runs out of processor time, every other sleeps and is given up. */
export async function killMany({ kills, every, onLook }: KillRun): Promise<void> {
  const options = {
    name: 'hold.wasm',
    memoryMaxBytes: 4 * MIB,
    functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
  }
  const module = await new CompileCache().compile(compileHostile('hold'), options)
  for (let count = 1; count <= kills; count += 1) {
    await killOne(module, count % 2 === 0)
    if (count % every === 0) onLook(count, process.memoryUsage.rss() / MIB)
    // Garbage is collected while a worker waits for sockets: it does that all the time.
    if (count % 16 === 0) await nextTurn()
  }
}

async function killOne(module: GuestModule, isBusy: boolean): Promise<void> {
  const instance = new GuestInstance(module, systemClock)
  const run = runToEnd(instance, jobOf(isBusy))
  if (!isBusy) instance.kill('aborted')
  const { outcome } = await run
  const wanted = isBusy ? 'cpu' : 'aborted'
  if (outcome.kind !== 'killed' || outcome.reason !== wanted) {
    throw new Error(`Cannot go on: a guest ended as ${JSON.stringify(outcome)}, wanted ${wanted}`)
  }
}

function jobOf(isBusy: boolean): GuestJob {
  let rest: Uint8Array | undefined = Buffer.from(isBusy ? 'L' : 'S')
  const sink = {
    write: (bytes: Uint8Array) => bytes.length,
    onWritable: (wake: () => void) => wake(),
    end: () => undefined,
  }
  const tmp = createMemoryDirectory(systemClock)
  return {
    grants: {
      args: ['hold.wasm'],
      env: [],
      stdin: {
        read: () => {
          const bytes = rest
          rest = undefined
          return bytes
        },
        onReadable: (wake) => wake(),
      },
      stdout: sink,
      stderr: sink,
      preopens: [
        { guestPath: '/', directory: tmp },
        { guestPath: '/tmp', directory: tmp },
      ],
      clock: systemClock,
      random: (into) => into.fill(7),
      limits: DEFAULT_WASI_LIMITS,
    },
    cpuMs: isBusy ? 0.1 : 10_000,
    wallMs: 60_000,
    sliceMs: 1,
    faults: new FaultConduct(systemClock),
    waitTurn: (wake) => setImmediate(wake),
    takeTurn: (wake) => wake(),
    onWait: () => undefined,
  }
}
