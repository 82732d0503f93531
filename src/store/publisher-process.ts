/**
 * Runs the publisher: a process of its own for one module, which may read that module and its files and nothing else,
 * write nothing, reach no network, start nothing, and has so much time and memory. Its word is data, checked here.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAwake } from '../base/awake-timer.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { fromWire } from '../base/errors.ts'
import { permissionFlags, programFolders } from '../base/permission-flags.ts'
import { VERSION_ARGUMENT } from '../base/version.ts'
import { digestOf } from './digest.ts'
import { StoreError } from './errors.ts'
import { type OutputListener, OutputReader } from './publisher-output.ts'
import type { ImportJob, JobDone, ModuleJob, PrintJob, PublisherJob } from './publisher-protocol.ts'

export interface PublisherLimits {
  /** From its start to its end. */
  readonly timeMs: number
  /** Resident memory for the module, its hardened form and V8's compiler; the handler's own memory comes on top. */
  readonly memoryBytes: number
  /** Between two looks at its memory. */
  readonly lookMs: number
  /** Of what it says before the hardened module. */
  readonly talkBytes: number
}

export const DEFAULT_PUBLISHER_LIMITS: PublisherLimits = {
  timeMs: 120_000,
  memoryBytes: 1024 * 1024 * 1024,
  lookMs: 20,
  talkBytes: 1024 * 1024,
}

/** A user the process is to run as; only root can choose one. */
export interface PublisherAccount {
  readonly uid: number
  readonly gid: number
}

export interface RunPublisherOptions extends OutputListener {
  readonly clock: Clock
  readonly account?: PublisherAccount | undefined
  readonly limits?: PublisherLimits | undefined
  /** One that waits for this job; default: it is started. */
  readonly started?: StartedPublisher | undefined
}

export interface PublisherResult {
  readonly done: JobDone
  /** The hardened module. */
  readonly bytes: Uint8Array
}

/** The file itself, in whatever form this program runs: `main.ts` in a checkout, `main.js` in the package. */
const ENTRY = fileURLToPath(
  new URL(`../publisher/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/** Of V8's own heap, in MiB: everything large in there is outside of it. */
const HEAP_MIB = 512

const MAX_COMPLAINT_BYTES = 16 * 1024

/** A process that waits for its job, and has loaded by then what it takes. */
export class StartedPublisher {
  readonly child: ChildProcess
  /** How it has ended. */
  readonly ended: Promise<string>

  /** `readable`: paths that it may read. */
  constructor(readable: readonly string[], account: PublisherAccount | undefined) {
    const child = start(readable, account)
    this.child = child
    this.ended = new Promise((resolve) => {
      child.on('error', (error) => resolve(error.message))
      child.on('close', (code, signal) => resolve(signal ?? `code ${code}`))
    })
    // One that dies before it has read everything is reported by 'close'.
    child.stdin?.on('error', () => undefined)
  }

  /** Resolves when it has ended, whatever it has come to. Idempotent. */
  async stop(): Promise<void> {
    this.child.kill('SIGKILL')
    this.child.stdout?.resume()
    this.child.stderr?.resume()
    await this.ended
  }
}

/**
 * Rejects with the coded error of the step that failed, or with STORE_PUBLISHER_FAILED, _TIMEOUT, _MEMORY. The process has
 * ended when this settles, or is about to.
 */
export async function runPublisher(
  job: ModuleJob,
  options: RunPublisherOptions,
): Promise<PublisherResult> {
  const { imagePath, modulePath, limits } = job
  const readable = imagePath === null ? [modulePath] : [modulePath, imagePath]
  const { reader, died } = await run(
    { job, readable, moduleBytes: limits.hardenedBytes, timeMs: undefined },
    options,
  )
  const { done, module } = reader
  if (done === undefined || module === undefined) throw died
  if (digestOf(module) !== done.hardened.digest) throw died
  return { done, bytes: module }
}

/** Rejects as `runPublisher` does, when the application cannot be imported. */
export async function runImport(job: ImportJob, options: RunPublisherOptions): Promise<void> {
  const { imagePath, mounts, limits } = job
  const modulePath = realPathOf(job.modulePath)
  const readable = [modulePath, imagePath, ...mounts.flatMap(({ host }) => host ?? [])]
  const { timeMs } = options.limits ?? DEFAULT_PUBLISHER_LIMITS
  // Most of it for what comes before: its runtime is compiled. It may be run twice.
  const ownMs = timeMs + 2 * limits.bootMs
  const { reader, died } = await run(
    { job: { ...job, modulePath }, readable, moduleBytes: 0, timeMs: ownMs },
    options,
  )
  if (!reader.hasImported) throw died
}

/** A component's world as WIT. Rejects as `runPublisher` does. */
export async function runPrint(job: PrintJob, options: RunPublisherOptions): Promise<string> {
  const readable = [job.modulePath]
  const { reader, died } = await run({ job, readable, moduleBytes: 0, timeMs: undefined }, options)
  if (reader.printed === undefined) throw died
  return reader.printed.wit
}

/** The operator's own file may be a link. One that is not there is the process's to say. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

interface Running {
  readonly job: PublisherJob
  /** Paths that it may read. */
  readonly readable: readonly string[]
  /** Of the module that it makes. */
  readonly moduleBytes: number
  /** Undefined: the usual time. */
  readonly timeMs: number | undefined
}

interface Ran {
  readonly reader: OutputReader
  /** What is wrong if it has not said what was wanted. */
  readonly died: StoreError
}

async function run(
  { job, readable, moduleBytes, timeMs }: Running,
  options: RunPublisherOptions,
): Promise<Ran> {
  const { clock, limits = DEFAULT_PUBLISHER_LIMITS, account } = options
  const publisher = options.started ?? new StartedPublisher(readable, account)
  const { child } = publisher
  const memoryBytes = limits.memoryBytes + job.limits.memoryBytes
  const guard = new Guard(child, clock, { ...limits, memoryBytes, timeMs: timeMs ?? limits.timeMs })
  const reader = new OutputReader({ talkBytes: limits.talkBytes, moduleBytes }, options)
  let complaints = ''
  let breach: StoreError | undefined
  const complete = Promise.withResolvers<string>()
  child.stdout?.on('data', (chunk: Buffer) => {
    try {
      reader.take(chunk)
      if (reader.module !== undefined) complete.resolve('its word')
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      breach ??= error
      child.kill('SIGKILL')
    }
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString('latin1')).slice(0, MAX_COMPLAINT_BYTES)
  })
  child.stdin?.end(JSON.stringify(job))
  const ending = await Promise.race([publisher.ended, complete.promise])
  guard.stop()
  // It has said all it can, and what it takes to end is nobody's time.
  child.kill('SIGKILL')
  if (guard.breach !== undefined) throw guard.breach
  if (breach !== undefined) throw breach
  if (reader.failure !== undefined) throw fromWire(reader.failure.error)
  return { reader, died: diedError(ending, complaints) }
}

function start(readable: readonly string[], account: PublisherAccount | undefined): ChildProcess {
  return spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      `--max-old-space-size=${HEAP_MIB}`,
      '--permission',
      ...permissionFlags('read', [...programFolders(), '/proc/self/fd', ...readable]),
      ENTRY,
      VERSION_ARGUMENT,
    ],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: '/',
      env: {},
      // Also drops all other groups (setgroups).
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
    },
  )
}

function diedError(ending: string, complaints: string): StoreError {
  const said = complaints.trim().split('\n').slice(-5).join(' ')
  return new StoreError(
    'STORE_PUBLISHER_FAILED',
    `Cannot verify the module: the publisher's process ended with ${ending}${said === '' ? '' : ` (${said})`}, wanted its verdict`,
    { details: { ending } },
  )
}

/** Kills the process when it is over its time or its memory. */
class Guard {
  breach: StoreError | undefined
  readonly #child: ChildProcess
  readonly #clock: Clock
  readonly #limits: PublisherLimits
  readonly #deadline: Timer
  #look: Timer | undefined
  #isStopped = false

  constructor(child: ChildProcess, clock: Clock, limits: PublisherLimits) {
    this.#child = child
    this.#clock = clock
    this.#limits = limits
    this.#deadline = afterAwake(clock, limits.timeMs, () =>
      this.#kill(
        new StoreError(
          'STORE_PUBLISHER_TIMEOUT',
          `Cannot verify the module: not done after ${limits.timeMs} ms, wanted less`,
        ),
      ),
    )
    this.#lookLater()
  }

  stop(): void {
    this.#isStopped = true
    this.#deadline.cancel()
    this.#look?.cancel()
  }

  #lookLater(): void {
    this.#look = this.#clock.after(this.#limits.lookMs, () => void this.#lookAtMemory())
  }

  async #lookAtMemory(): Promise<void> {
    const bytes = await residentBytes(this.#child.pid)
    if (this.#isStopped) return
    const { memoryBytes } = this.#limits
    if (bytes === undefined || bytes <= memoryBytes) {
      this.#lookLater()
      return
    }
    this.#kill(
      new StoreError(
        'STORE_PUBLISHER_MEMORY',
        `Cannot verify the module: it takes ${bytes} bytes of memory, wanted at most ${memoryBytes}`,
        { details: { actual: bytes, wanted: memoryBytes } },
      ),
    )
  }

  #kill(breach: StoreError): void {
    this.breach ??= breach
    this.#child.kill('SIGKILL')
  }
}

/** Undefined where there is no /proc: there only the heap is limited. */
async function residentBytes(pid: number | undefined): Promise<number | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'latin1')
    const kib = /^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]
    return kib === undefined ? undefined : Number(kib) * 1024
  } catch {
    return undefined
  }
}
