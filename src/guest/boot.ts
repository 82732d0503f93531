/**
 * Makes a reactor ready for requests: runs what it does once, and takes what that has left behind as what its instances begin with.
 *
 *     compiled ── bootModule ──> engine, for all tenants ── warmModule ──> with an application loaded, for one of them
 *
 * The result is a module like any other. Instances of it begin where the run has ended: in memory, globals and nothing else. Files
 * that it has opened are closed; a later run has the preopens of its own grants, which should have the same names, for C libraries
 * remember them.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { TailSink } from '../base/tail-sink.ts'
import type { WasiGrants } from '../wasi/session.ts'
import { START_EXPORT } from '../wasm/contract.ts'
import { runToEnd } from './engine.ts'
import { GuestError } from './errors.ts'
import { FaultConduct } from './fault-conduct.ts'
import { REACTOR } from './guest-contract.ts'
import type { GuestModule } from './guest-module.ts'
import { GuestInstance } from './instance.ts'
import type { Outcome } from './outcome.ts'

export interface BootOptions {
  readonly clock: Clock
  /** What it sees of the file system, its variables and its random bytes. Its output is not wanted, and its errors are said if it fails. */
  readonly grants: Pick<WasiGrants, 'env' | 'preopens' | 'random' | 'limits'>
  /** Processor time and time it may take, in milliseconds. */
  readonly cpuMs: number
  readonly wallMs: number
}

/** Of what it writes to standard error, in bytes: the last ones. */
const ERROR_BYTES = 2048
/** How long it holds the thread, in milliseconds. */
const SLICE_MS = 1

const BOOT = [START_EXPORT, REACTOR.initialize, REACTOR.boot]

/** Rejects with GUEST_BOOT_FAILED, GUEST_WRONG_CONTRACT. */
export function bootModule(module: GuestModule, options: BootOptions): Promise<GuestModule> {
  return advance(module, { ...options, entries: BOOT, what: 'boot' })
}

/** `module` has been booted. Rejects with GUEST_BOOT_FAILED, GUEST_WRONG_CONTRACT. */
export function warmModule(module: GuestModule, options: BootOptions): Promise<GuestModule> {
  return advance(module, { ...options, entries: [REACTOR.warm], what: 'warm-up' })
}

interface Step extends BootOptions {
  readonly entries: readonly string[]
  readonly what: string
}

async function advance(module: GuestModule, step: Step): Promise<GuestModule> {
  const { clock, grants, cpuMs, wallMs, entries, what } = step
  if (!module.isResettable)
    throw new GuestError(
      'GUEST_WRONG_CONTRACT',
      `Cannot boot ${module.name}: it changes tables or drops segments, which cannot be put back, wanted a module without`,
    )
  const instance = new GuestInstance(module, clock, entries)
  const errors = new TailSink(ERROR_BYTES)
  const { outcome } = await runToEnd(instance, {
    grants: {
      ...grants,
      args: [module.name],
      stdin: { read: () => undefined, onReadable: (wake) => wake() },
      stdout: { write: ({ length }) => length, onWritable: (wake) => wake(), end: () => undefined },
      stderr: errors,
      clock,
    },
    ...{ cpuMs, wallMs, sliceMs: SLICE_MS },
    faults: new FaultConduct(clock),
    waitTurn: (wake) => setImmediate(wake),
    takeTurn: (wake) => wake(),
    onWait: () => undefined,
  })
  if (outcome.kind !== 'exited' || outcome.code !== 0) {
    throw new GuestError(
      'GUEST_BOOT_FAILED',
      `Cannot ${what} ${module.name}: it ${endOf(outcome)}, wanted it to return${saidBy(errors)}`,
    )
  }
  const first = instance.takeState()
  instance.discard()
  // A new object, and so instances of its own.
  return { ...module, digest: digestOf(module, what), first }
}

let count = 0

/** No two snapshots are the same: each has its own hash seed, say. */
function digestOf({ digest }: GuestModule, what: string): string {
  count += 1
  return createHash('sha256').update(`${digest} ${what} ${process.pid} ${count}`).digest('hex')
}

function endOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'exited':
      return `exited with code ${outcome.code}`
    case 'trapped':
      return `trapped (${outcome.message}; ${outcome.backtrace.slice(0, 3).join(', ')})`
    default:
      return `took more than its ${outcome.reason} time`
  }
}

function saidBy(errors: TailSink): string {
  const text = errors
    .text()
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
  return text === '' ? '' : `; it said: ${text}`
}
