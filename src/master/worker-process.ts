/** One worker process as the master sees it. */
import type { ChildProcess } from 'node:child_process'
import { afterAwake } from '../base/awake-timer.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { fromWire } from '../base/errors.ts'
import type { WorkerFigures } from '../base/figures.ts'
import type { Logger } from '../base/logger.ts'
import { asRawSocket, asSendHandle, type RawSocket } from '../base/raw-socket.ts'
import type { Readiness } from '../base/readiness.ts'
import type { Usage } from '../base/usage.ts'
import type { Config } from '../config/config.ts'
import { type PackedConfig, packConfig } from '../config/packed-config.ts'
import type {
  FailingRelease,
  MasterMessage,
  Remaining,
  RuntimeFacts,
  ServerDroppedLines,
  SocketGrant,
} from '../ipc/messages.ts'
import { readWorkerMessage } from '../ipc/read-message.ts'
import { MasterError } from './errors.ts'
import type { Member } from './gathering.ts'
import type { Taker } from './passage.ts'
import type { WorkerFacts } from './server-status.ts'
import { type ChildCommand, spawnChild } from './spawn-child.ts'
import { StallWatch } from './stall-watch.ts'
import type { Asker, Question, RoundMember } from './status-rounds.ts'

/** starting -> ready -> draining -> gone; every state can lead to gone. */
type State = 'starting' | 'ready' | 'draining' | 'gone'

export interface WorkerLimits {
  /** From the start of the process until it is ready, while the machine is awake. */
  readonly startMs: number
  /** How long its event loop may stand still before it is killed. */
  readonly stallMs: number
  /** How long it may go on after the time it was given to finish. */
  readonly killMs: number
}

export const DEFAULT_WORKER_LIMITS: WorkerLimits = {
  startMs: 60_000,
  stallMs: 5000,
  killMs: 2000,
}

export interface WorkerEnding {
  readonly worker: WorkerProcess
  /** False: it was told to, or ended itself in good order. */
  readonly isCrash: boolean
  /** How long it was ready. */
  readonly servedMs: number
  /** For the log: what it complained about, an exit code or a signal. */
  readonly reason: string
}

export interface WorkerProcessOptions {
  readonly command: ChildCommand
  readonly settings: Config
  readonly sockets: readonly SocketGrant[]
  readonly http: SocketGrant | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: WorkerLimits
  /** Receives an idle connection that is to go to another worker; it must be closed or passed on. */
  readonly onGivenAway: (from: WorkerProcess, address: string, socket: RawSocket) => void
  /** It has the connection that was sent to it with that id, or does not want it. */
  readonly onAdopted: (worker: WorkerProcess, id: number) => void
  readonly onDeclined: (worker: WorkerProcess, id: number) => void
  readonly onLoad: (worker: WorkerProcess) => void
  /** It wants to know what the pool's other workers know of a tenant. */
  readonly onStatusAsked: (question: Question<WorkerProcess>) => void
  /** Of the logs of the server's other processes that are no workers. */
  readonly droppedLines: () => ServerDroppedLines
  readonly onStatus: (from: WorkerProcess, id: number, status: string | undefined) => void
  readonly onFigures: (from: WorkerProcess, figures: WorkerFigures) => void
  /** It has said how it has been. `isWorn`: another one is to take its place. */
  readonly onBeat: (worker: WorkerProcess, isWorn: boolean) => void
  /** It takes part by itself. */
  readonly onSteppedIn: (worker: WorkerProcess) => void
  /** Its tenants wait, and have had so much there; what they have had elsewhere is told in return. */
  readonly onUsed: (from: WorkerProcess, usage: Usage) => Usage
  readonly onEnd: (ending: WorkerEnding) => void
  /** Receives what it writes to standard error, if the command pipes it. */
  readonly onFailing: (failing: FailingRelease) => void
  readonly onErrorOutput: (worker: WorkerProcess, chunk: Buffer) => void
}

export class WorkerProcess implements RoundMember, Asker, Member, Taker {
  readonly pid: number
  /** Resolves when it accepts connections. Rejects with `MasterError` (MASTER_WORKER_FAILED) or with what it complains about. */
  readonly ready: Promise<void>
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>
  readonly #options: WorkerProcessOptions
  readonly #child: ChildProcess
  readonly #readiness = Promise.withResolvers<void>()
  readonly #end = Promise.withResolvers<void>()
  #preparation: PromiseWithResolvers<void> | undefined
  #state: State = 'starting'
  #isBusy = false
  #doGuestsWait = false
  /** On its way out, and nobody else gets its connections. */
  #isLast = false
  #load = 0
  #isActive = false
  #runtimes: readonly RuntimeFacts[] = []
  /** As it was told last. */
  #part: 'take-part' | 'watch' | 'rest' = 'take-part'
  readonly #startedMs: number
  #readySinceMs = 0
  readonly #watch: StallWatch
  #deadline: Timer | undefined
  /** What it complained about before it was ready. */
  #failure: string | undefined

  /** Starts the process. */
  constructor(options: WorkerProcessOptions) {
    const { command, settings, sockets, http, clock, limits } = options
    this.#options = options
    this.ready = this.#readiness.promise
    // Whoever waits for it is told; when nobody does, `onEnd` tells.
    this.ready.catch(() => undefined)
    this.gone = this.#end.promise
    this.#startedMs = clock.nowMs()
    const { stallMs } = limits
    this.#watch = new StallWatch({
      clock,
      stallMs,
      onStall: () => this.#kill(`its event loop has stood still for ${stallMs} ms`),
    })
    const { child, ownsStreams } = spawnChild(command)
    this.#child = child
    this.pid = this.#child.pid ?? -1
    this.#child.on('message', this.#hear)
    this.#child.on('error', (error) => this.#ended(error.message, true))
    // 'close', not 'exit': its last words have been read then.
    this.#child.on('close', (code, signal) => this.#ended(signal ?? `code ${code}`, code !== 0))
    this.#child.stderr?.on('data', (chunk: Buffer) => options.onErrorOutput(this, chunk))
    this.#send({
      kind: 'start',
      settings: packConfig(settings),
      ownsStreams,
      sockets,
      http: http ?? null,
    })
    const late = `it was not ready after ${limits.startMs} ms`
    this.#deadline = afterAwake(clock, limits.startMs, () => this.#kill(late))
  }

  /** Without its channel it is gone. */
  get isReady(): boolean {
    return this.#state === 'ready' && this.#child.connected
  }

  /** Whether it takes connections of other workers. */
  get canTake(): boolean {
    return this.isReady || (this.#state === 'draining' && this.#isLast && this.#child.connected)
  }

  /** Whether it has been told to end, or has ended. */
  get isLeaving(): boolean {
    return this.#state === 'draining' || this.#state === 'gone'
  }

  get isGone(): boolean {
    return this.#state === 'gone'
  }

  /** Whether a request that comes now would have to wait there. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  get doGuestsWait(): boolean {
    return this.#doGuestsWait
  }

  get load(): number {
    return this.#load
  }

  get isActive(): boolean {
    return this.#isActive
  }

  /** Whether it accepts connections. */
  get takesPart(): boolean {
    return this.#part === 'take-part'
  }

  takePart(): void {
    if (this.#part === 'take-part') return
    this.#part = 'take-part'
    this.#send({ kind: 'take-part' })
  }

  standBy(isWatching: boolean): void {
    const part = isWatching ? 'watch' : 'rest'
    if (this.#part === part) return
    this.#part = part
    this.#send({ kind: 'stand-by', isWatching })
  }

  /** For `wasm-fpm status`. */
  get facts(): Omit<WorkerFacts, 'pool' | 'rssBytes'> {
    const readyMs = this.#readySinceMs === 0 ? 0 : this.#options.clock.nowMs() - this.#readySinceMs
    const [state, isBusy, runtimes] = [this.#state, this.#isBusy, this.#runtimes]
    return { pid: this.pid, state, isBusy, uptimeMs: readyMs, runtimes }
  }

  /** First half of a reload. Rejects with what the worker complains about; resolves when it is going to end anyway. */
  prepare(settings: Config, addresses: readonly string[], taken: readonly string[]): Promise<void> {
    if (this.#state !== 'ready') return Promise.resolve()
    this.#preparation = Promise.withResolvers<void>()
    this.#send({ kind: 'prepare', settings: packConfig(settings), addresses, taken })
    return this.#preparation.promise
  }

  commit(): void {
    this.#send({ kind: 'commit' })
  }

  abandon(): void {
    this.#send({ kind: 'abandon' })
  }

  /** Gives it an idle connection of another worker, which stays open here, too. When it cannot be sent, `onEnd` will come. */
  adopt(id: number, address: string, socket: RawSocket): void {
    const message: MasterMessage<PackedConfig> = { kind: 'adopt', id, address }
    if (!this.#child.connected) return
    this.#child.send(message, asSendHandle(socket), undefined, () => undefined)
  }

  relieve(): void {
    this.#send({ kind: 'relieve' })
  }

  tellReadiness(readiness: Readiness): void {
    this.#send({ kind: 'readiness', readiness })
  }

  reopenLogs(): void {
    this.#send({ kind: 'reopen-logs' })
  }

  /** `onFigures` comes, if it is still there. */
  askFigures(): void {
    this.#send({ kind: 'give-figures' })
  }

  askStatus(id: number, tenant: string): void {
    this.#send({ kind: 'give-status', id, tenant })
  }

  tellStatuses(id: number, statuses: readonly string[]): void {
    this.#send({ kind: 'statuses', id, statuses, droppedLines: this.#options.droppedLines() })
  }

  /**
   * Lets it finish what runs for up to `graceMs`; a shorter time than before counts. `hasHeirs`: its idle connections go to
   * others. `taken`: addresses that others accept on. Resolves when it is gone.
   */
  drain(graceMs: number, { hasHeirs, taken }: Remaining): Promise<void> {
    if (this.#state === 'gone') return this.gone
    const { clock, limits } = this.#options
    const wasStarting = this.#state === 'starting'
    this.#state = 'draining'
    this.#isLast = !hasHeirs
    this.#deadline?.cancel()
    if (wasStarting) {
      this.#readiness.reject(failed(this.pid, 'it was told to end before it was ready'))
      this.#child.kill('SIGKILL')
    } else {
      this.#send({ kind: 'drain', graceMs, hasHeirs, taken })
      this.#deadline = clock.after(graceMs + limits.killMs, () =>
        this.#kill(`it was still there ${limits.killMs} ms after its time was up`),
      )
    }
    return this.gone
  }

  readonly #hear = (value: unknown, handle: unknown): void => {
    const message = readWorkerMessage(value)
    const socket = asRawSocket(handle)
    if (message?.kind === 'give-away' && socket !== undefined) {
      this.#options.onGivenAway(this, message.address, socket)
      return
    }
    socket?.close()
    if (message === undefined) {
      this.#options.logger.warn({ pid: this.pid }, 'worker said something that is no message')
      return
    }
    switch (message.kind) {
      case 'ready':
        this.#becomeReady()
        return
      case 'failed':
        this.#failure ??= message.error.message
        this.#readiness.reject(fromWire(message.error))
        this.#child.kill('SIGKILL')
        return
      case 'prepared':
        if (message.error === undefined) this.#preparation?.resolve()
        else this.#preparation?.reject(fromWire(message.error))
        return
      case 'beat':
        this.#watch.beat()
        this.#load = message.load
        this.#isActive = message.isActive
        this.#options.onBeat(this, message.isWorn)
        return
      case 'runtimes':
        this.#runtimes = message.runtimes
        return
      case 'stepped-in':
        this.#part = 'take-part'
        this.#options.onSteppedIn(this)
        return
      case 'give-away':
        return
      case 'adopted':
        this.#options.onAdopted(this, message.id)
        return
      case 'declined':
        this.#isLast = false
        this.#options.onDeclined(this, message.id)
        return
      case 'busy':
      case 'idle':
        this.#isBusy = message.kind === 'busy'
        this.#doGuestsWait = message.kind === 'busy' && message.doGuestsWait
        this.#options.onLoad(this)
        return
      case 'used': {
        const usage = this.#options.onUsed(this, message.usage)
        if (usage.length > 0) this.#send({ kind: 'used-elsewhere', usage })
        return
      }
      case 'ask-status':
        this.#options.onStatusAsked({ asker: this, id: message.id, tenant: message.tenant })
        return
      case 'figures':
        this.#options.onFigures(this, message.figures)
        return
      case 'roll-back':
        this.#options.onFailing(message)
        return
      case 'status':
        this.#options.onStatus(this, message.id, message.status)
        return
    }
  }

  #becomeReady(): void {
    if (this.#state !== 'starting') return
    this.#state = 'ready'
    this.#readySinceMs = this.#options.clock.nowMs()
    this.#deadline?.cancel()
    this.#watch.start()
    this.#readiness.resolve()
    const startMs = Math.round(this.#readySinceMs - this.#startedMs)
    this.#options.logger.info({ pid: this.pid, startMs }, 'worker is ready')
  }

  #kill(why: string): void {
    this.#options.logger.error({ pid: this.pid }, `worker is killed: ${why}`)
    this.#readiness.reject(failed(this.pid, why))
    this.#child.kill('SIGKILL')
  }

  #ended(reason: string, isBadEnd: boolean): void {
    if (this.#state === 'gone') return
    const { clock, onEnd } = this.#options
    const before = this.#state
    this.#state = 'gone'
    this.#watch.stop()
    this.#deadline?.cancel()
    this.#readiness.reject(failed(this.pid, `it ended (${reason})`))
    this.#preparation?.resolve()
    this.#end.resolve()
    const servedMs = this.#readySinceMs === 0 ? 0 : clock.nowMs() - this.#readySinceMs
    const isCrash = isBadEnd && before !== 'draining'
    onEnd({ worker: this, isCrash, servedMs, reason: this.#failure ?? reason })
  }

  #send(message: MasterMessage<PackedConfig>): void {
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }
}

function failed(pid: number, why: string): MasterError {
  return new MasterError(
    'MASTER_WORKER_FAILED',
    `Cannot start worker ${pid}: ${why}, wanted a worker that serves`,
  )
}
