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
import type { ErrorDetails } from '../base/errors.ts'
import { TailSink } from '../base/tail-sink.ts'
import type { WasiGrants } from '../wasi/session.ts'
import { START_EXPORT } from '../wasm/contract.ts'
import { runToEnd } from './engine.ts'
import { GuestError, type GuestErrorCode } from './errors.ts'
import { FaultConduct } from './fault-conduct.ts'
import { REACTOR } from './guest-contract.ts'
import type { GuestModule } from './guest-module.ts'
import { GuestInstance } from './instance.ts'
import type { GuestJob } from './job.ts'
import type { Outcome } from './outcome.ts'
import { ProcessorTime, threadTimeOf } from './processor-time.ts'
import { WaitBudget } from './wait-budget.ts'

/** What a run is given. */
export interface BootRun {
  /** What it sees of the file system, its variables and its random bytes. Its output is not wanted, and its errors are said if it fails. */
  readonly grants: Pick<WasiGrants, 'env' | 'preopens' | 'random' | 'limits' | 'onFile'>
  /** Processor time it may take, and time it may wait for something else than its turn, in milliseconds. */
  readonly cpuMs: number
  readonly wallMs: number
}

export interface BootOptions extends BootRun {
  readonly clock: Clock
  /** Asked for each run, and for what is done around them; default: nobody's, which take turns with the event loop. */
  readonly turns?: (() => BootTurns | undefined) | undefined
}

/** When a run may go on, and who pays for it. */
export interface BootTurns extends Pick<GuestJob, 'faults' | 'waitTurn' | 'takeTurn' | 'onWait'> {
  /** It has ended, and taken so much processor time, in milliseconds. */
  ended(cpuMs: number): void
}

/** What is imported, as its runtime knows it. */
export interface ImportedApplication {
  /** `package.module:variable`. */
  readonly name: string
  /** Its folder, as the guest sees it. */
  readonly root: string
}

/** What tells the runtime to import it, instead of loading files. */
export function variablesOfImport({
  name,
  root,
}: ImportedApplication): Readonly<Record<string, string>> {
  return { WASM_FPM_WARM: '', WASM_FPM_APP: name, WASM_FPM_ROOT: root }
}

/** A request that is run ahead of all others. */
export interface WarmRequest extends BootRun {
  /** For messages: `GET /`. */
  readonly name: string
}

export interface WarmOptions extends BootOptions {
  /** Default: there is none, and what is loaded are files. */
  readonly application?: ImportedApplication | undefined
  /** Run in this order, once it has been loaded. */
  readonly requests?: readonly WarmRequest[]
}

/** Of what it writes to standard error, in bytes: the last ones. A traceback of an import has some forty lines. */
const ERROR_BYTES = 8192
/** Of that, in characters, where it is said in one line. */
const SAID_CHARS = 2048
/** How long it holds the thread, in milliseconds. */
const SLICE_MS = 1

const BOOT = [START_EXPORT, REACTOR.initialize, REACTOR.boot]

/** Rejects with GUEST_BOOT_FAILED, GUEST_WRONG_CONTRACT. */
export function bootModule(module: GuestModule, options: BootOptions): Promise<GuestModule> {
  return advance(module, { ...options, entries: BOOT, runs: [{ ...options, ...BOOTING }] })
}

/**
 * `module` has been booted. Rejects with GUEST_BOOT_FAILED, or GUEST_NO_APPLICATION where there is one, GUEST_WRONG_CONTRACT, and with
 * GUEST_WARM_REQUEST_FAILED, whose details have the name of the `request`: then it can be tried again without that one.
 */
export function warmModule(module: GuestModule, options: WarmOptions): Promise<GuestModule> {
  const { application } = options
  const requests = (options.requests ?? []).map(
    (request): NamedRun => ({
      ...request,
      what: 'warm up',
      mayExit: true,
      failure: (failed) =>
        failedRun('GUEST_WARM_REQUEST_FAILED', `run ${request.name} ahead in`, {
          ...failed,
          details: { request: request.name },
        }),
    }),
  )
  const warming = application === undefined ? WARMING : importing(application)
  const runs: Step['runs'] = [{ ...options, ...warming }, ...requests]
  return advance(module, { ...options, entries: [REACTOR.warm], runs })
}

/**
 * Boots a module and imports an application, for whoever wants to know whether that can be done and nothing else: all of it within the
 * limits of one run. Rejects with GUEST_NO_APPLICATION.
 */
export async function tryImport(
  module: GuestModule,
  { application, ...options }: BootOptions & { readonly application: ImportedApplication },
): Promise<void> {
  const instance = new GuestInstance(module, options.clock, { entries: [...BOOT, REACTOR.warm] })
  await runOnce(instance, { ...options, ...importing(application) }, { ...options, module })
}

/**
 * Runs a module once, from its first state, for nothing but what V8 compiles on the way: it does so at the first call of a function, for all
 * who run the same code, and a large program is in its functions for the first time for longer than a request may wait. Nothing is kept, and
 * nobody is told how it has ended.
 */
export async function rehearse(module: GuestModule, options: BootOptions): Promise<void> {
  const instance = await inTurn(options, () => new GuestInstance(module, options.clock))
  try {
    await runOnce(instance, { ...options, ...failing('rehearse') }, { ...options, module })
  } catch {
    // The first request is told what is wrong with it.
  } finally {
    instance.discard()
  }
}

/** A run that has not come to a good end. */
interface FailedRun {
  /** Of the module. */
  readonly name: string
  readonly ended: string
  /** The end of its standard error. */
  readonly said: string
}

interface NamedRun extends BootRun {
  /** Tells snapshots apart. */
  readonly what: string
  /** Whether `proc_exit` with code 0 will do as well: what the guest meant to do is done. */
  readonly mayExit: boolean
  readonly failure: (failed: FailedRun) => GuestError | Promise<GuestError>
}

const BOOTING = failing('boot')
const WARMING = failing('warm up')

function failing(what: string): Pick<NamedRun, 'what' | 'mayExit' | 'failure'> {
  const failure: NamedRun['failure'] = (failed) => failedRun('GUEST_BOOT_FAILED', what, failed)
  return { what, mayExit: false, failure }
}

function failedRun(
  code: GuestErrorCode,
  what: string,
  { name, ended, said, details = {} }: FailedRun & { readonly details?: ErrorDetails },
): GuestError {
  const text = said.replace(/[^\x20-\x7e]+/g, ' ').trim()
  const tail = text === '' ? '' : `; it said: ${text.slice(-SAID_CHARS)}`
  return new GuestError(code, `Cannot ${what} ${name}: it ${ended}, wanted it to return${tail}`, {
    details,
  })
}

function importing({
  name: app,
  root,
}: ImportedApplication): Pick<NamedRun, 'what' | 'mayExit' | 'failure'> {
  return {
    what: 'warm up',
    mayExit: false,
    failure: async ({ ended, said }) => {
      // Loaded when it is wanted, as a worker seldom does.
      const { failedImport } = await import('./failed-import.ts')
      const { reason, place } = failedImport(said, root)
      const where = place === undefined ? '' : ` (${place.file}, line ${place.line})`
      const actual = reason === '' ? `it ${ended}` : `${reason.slice(0, SAID_CHARS)}${where}`
      return new GuestError(
        'GUEST_NO_APPLICATION',
        `Cannot import application "${app}": ${actual}, wanted it to be imported without an error`,
        { details: { actual, said: said.trimEnd() } },
      )
    },
  }
}

interface Step extends Pick<BootOptions, 'clock' | 'turns'> {
  readonly entries: readonly string[]
  readonly runs: readonly [NamedRun, ...NamedRun[]]
}

async function advance(module: GuestModule, step: Step): Promise<GuestModule> {
  const { clock, entries, runs } = step
  if (!module.isResettable)
    throw new GuestError(
      'GUEST_WRONG_CONTRACT',
      `Cannot boot ${module.name}: it changes tables or drops segments, which cannot be put back, wanted a module without`,
    )
  const instance = await inTurn(step, () => new GuestInstance(module, clock, { entries }))
  try {
    for (const run of runs) await runOnce(instance, run, { ...step, module })
    const first = await inTurn(step, () => instance.takeState())
    // A new object, and so instances of its own.
    return { ...module, digest: digestOf(module, runs[0].what), first }
  } finally {
    instance.discard()
  }
}

async function runOnce(
  instance: GuestInstance,
  run: NamedRun,
  step: Pick<Step, 'clock' | 'turns'> & { readonly module: GuestModule },
): Promise<void> {
  const { mayExit, failure, grants, cpuMs, wallMs } = run
  const { clock } = step
  const { name } = step.module
  const errors = new TailSink(ERROR_BYTES)
  const turns = await takeTurn(step)
  const waits = new WaitBudget(clock, wallMs, () => instance.kill('wall'))
  const { outcome, cpuMs: usedMs } = await runToEnd(instance, {
    grants: {
      ...grants,
      args: [name],
      stdin: { read: () => undefined, onReadable: (wake) => wake() },
      stdout: { write: ({ length }) => length, onWritable: (wake) => wake(), end: () => undefined },
      stderr: errors,
      clock,
    },
    // How long others have the thread is no fault of its own.
    ...{ cpuMs, wallMs: Number.POSITIVE_INFINITY, sliceMs: SLICE_MS },
    faults: turns.faults,
    waitTurn: (wake, usedMs) => turns.waitTurn(wake, usedMs),
    takeTurn: (wake) => {
      waits.end()
      turns.takeTurn(wake)
    },
    onWait: (usedMs) => {
      waits.begin()
      turns.onWait(usedMs)
    },
  })
  waits.end()
  turns.ended(usedMs)
  const isGood = outcome.kind === 'exited' && outcome.code === 0
  if (isGood && (mayExit || instance.hasReturned)) return
  throw await failure({ name, ended: endOf(outcome), said: errors.utf8() })
}

/** Does something that takes as long as it takes. */
async function inTurn<Result>(
  step: Pick<Step, 'clock' | 'turns'>,
  work: () => Result,
): Promise<Result> {
  const { clock } = step
  const turns = await takeTurn(step)
  const time = new ProcessorTime(threadTimeOf(clock), clock.nowMs())
  try {
    return work()
  } finally {
    time.leave(clock.nowMs())
    turns.ended(time.usedMs)
  }
}

async function takeTurn({
  clock,
  turns: turnsOf,
}: Pick<Step, 'clock' | 'turns'>): Promise<BootTurns> {
  const turns = turnsOf?.() ?? {
    faults: new FaultConduct(clock),
    waitTurn: (wake: () => void) => void setImmediate(wake),
    takeTurn: (wake: () => void) => wake(),
    onWait: () => undefined,
    ended: () => undefined,
  }
  await new Promise<void>((wake) => turns.waitTurn(() => wake(), 0))
  return turns
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
