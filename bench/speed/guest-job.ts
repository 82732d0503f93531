/** What a guest needs to run in this process, with nothing granted and its output thrown away. */
import { randomFillSync } from 'node:crypto'
import type { ByteSink, ByteSource } from '../../src/base/byte-stream.ts'
import { systemClock } from '../../src/base/clock.ts'
import { FaultConduct } from '../../src/guest/fault-conduct.ts'
import type { GuestJob } from '../../src/guest/job.ts'
import { DEFAULT_WASI_LIMITS } from '../../src/wasi/session.ts'

const nobody: ByteSink = {
  write: (bytes) => bytes.length,
  onWritable: (wake) => wake(),
  end: () => undefined,
}
const nothing: ByteSource = { read: () => undefined, onReadable: (wake) => wake() }

export function guestJob(): GuestJob {
  return {
    grants: {
      args: ['guest.wasm'],
      env: [],
      stdin: nothing,
      stdout: nobody,
      stderr: nobody,
      preopens: [],
      clock: systemClock,
      random: (into) => randomFillSync(into),
      limits: DEFAULT_WASI_LIMITS,
    },
    cpuMs: 5000,
    wallMs: 10_000,
    sliceMs: 1,
    faults: new FaultConduct(systemClock),
    waitTurn: (wake) => setImmediate(wake),
    takeTurn: (wake) => wake(),
    onWait: () => undefined,
  }
}
