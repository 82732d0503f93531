/** Runs a module as a guest, with everything a run needs and nothing granted. */
import type { ByteSink, ByteSource } from '../../src/base/byte-stream.ts'
import { systemClock } from '../../src/base/clock.ts'
import { CompileCache } from '../../src/guest/compile-cache.ts'
import { FaultConduct } from '../../src/guest/fault-conduct.ts'
import type { GuestModule } from '../../src/guest/guest-module.ts'
import type { GuestJob } from '../../src/guest/job.ts'
import { DEFAULT_WASI_LIMITS, type WasiGrants } from '../../src/wasi/session.ts'
import { DEFAULT_MODULE_LIMITS } from '../../src/wasm/limits.ts'

export const MIB = 1024 * 1024

export function compileGuest(bytes: Uint8Array, memoryMaxBytes = 64 * MIB): Promise<GuestModule> {
  return new CompileCache().compile(new Uint8Array(bytes), {
    name: 'test.wasm',
    memoryMaxBytes,
    functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
  })
}

export const emptySource: ByteSource = { read: () => undefined, onReadable: (wake) => wake() }

/** Gives these parts, one after the other; an empty one: nothing has come yet. */
export function sourceOf(parts: readonly string[]): ByteSource {
  const left = parts.map((part) => Buffer.from(part))
  return {
    read: (maxBytes) => {
      const part = left.shift()
      if (part !== undefined && part.length > maxBytes) left.unshift(part.subarray(maxBytes))
      return part?.subarray(0, maxBytes)
    },
    onReadable: (wake) => wake(),
  }
}

/** Keeps everything that is written. */
export class CollectingSink implements ByteSink {
  text = ''

  write(bytes: Uint8Array): number {
    this.text += Buffer.from(bytes).toString('latin1')
    return bytes.length
  }

  onWritable(wake: () => void): void {
    wake()
  }

  end(): void {}
}

export function grants(changes: Partial<WasiGrants> = {}): WasiGrants {
  return {
    args: ['test.wasm'],
    env: [],
    stdin: emptySource,
    stdout: new CollectingSink(),
    stderr: new CollectingSink(),
    preopens: [],
    clock: systemClock,
    random: (into) => into.fill(7),
    limits: DEFAULT_WASI_LIMITS,
    ...changes,
  }
}

export function job(changes: Partial<GuestJob> = {}): GuestJob {
  return {
    grants: grants(),
    cpuMs: 5000,
    wallMs: 10_000,
    sliceMs: 1,
    faults: new FaultConduct(systemClock),
    waitTurn: (wake) => setImmediate(wake),
    takeTurn: (wake) => wake(),
    onWait: () => undefined,
    ...changes,
  }
}
