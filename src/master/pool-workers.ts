/** The workers of one pool: as many as its table says, all with the same settings, sockets and rights. */

import { closeSync } from 'node:fs'
import type { Clock, Timer } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { machineIdleMs } from '../base/machine-idle.ts'
import type { Readiness } from '../base/readiness.ts'
import { createSharedMemory } from '../base/shared-memory.ts'
import type { Config } from '../config/config.ts'
import { poolOf } from '../config/pool-of.ts'
import {
  LEDGER_BYTES,
  type Remaining,
  type ServerDroppedLines,
  type SocketGrant,
} from '../ipc/messages.ts'
import type { Account } from './account.ts'
import { Gathering } from './gathering.ts'
import { ownLogFiles } from './log-files.ts'
import type { PoolReport } from './machine-metrics.ts'
import { ownSessionFolders } from './own-session-folders.ts'
import { type GivenAway, Passage } from './passage.ts'
import { PoolFigures } from './pool-figures.ts'
import { poolReport } from './pool-report.ts'
import type { RunningPool } from './reload-plan.ts'
import { decideRestart, NO_HISTORY, type RestartHistory } from './restart-policy.ts'
import { rollBack } from './roll-back.ts'
import { processMemoryBytes, type WorkerFacts } from './server-status.ts'
import { SharedUsage } from './shared-usage.ts'
import type { HeldSocket } from './sockets.ts'
import { StatusRounds } from './status-rounds.ts'
import { FIRST_SOCKET_FD, type Grants, workerCommand } from './worker-command.ts'
import { type WorkerEnding, type WorkerLimits, WorkerProcess } from './worker-process.ts'

/** What cannot change while a worker lives. */
export interface PoolRights {
  readonly account: Account | undefined
  readonly grants: Grants
  readonly sockets: readonly HeldSocket[]
  readonly http: HeldSocket | undefined
}

export interface PoolParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: WorkerLimits
  /** Receives an idle connection that one of the pool's workers gives away. */
  readonly onGivenAway: (pool: PoolWorkers, gift: GivenAway<WorkerProcess>) => void
  /** It has a worker more that serves, or one less. */
  readonly onChange: () => void
  /** Lines that the server's own logs have dropped. */
  readonly droppedLines: () => ServerDroppedLines
  /** Where workers' error output goes; undefined: to the master's. */
  readonly errorLog: { write(worker: WorkerProcess, chunk: Buffer): void } | undefined
}

const NOBODY: Remaining = { hasHeirs: false, taken: [] }

export class PoolWorkers {
  readonly name: string
  #rights: PoolRights
  readonly #parts: PoolParts
  #settings: Config
  #next: { readonly settings: Config; readonly sockets: readonly HeldSocket[] } | undefined
  readonly #workers = new Set<WorkerProcess>()
  readonly #statusRounds: StatusRounds<WorkerProcess>
  readonly #usage = new SharedUsage<WorkerProcess>()
  readonly #figures = new PoolFigures<WorkerProcess>()
  /** Of workers, so far. */
  readonly #ends = { crash: 0, end: 0 }
  readonly #restarts = new Set<Timer>()
  #ledger: number | undefined
  #history: RestartHistory = NO_HISTORY
  #isEnding = false
  readonly #gathering: Gathering
  readonly #passage = new Passage<WorkerProcess>(() => [...this.#workers])

  /** `settings`: a configuration with this pool and its tenants only. */
  constructor(settings: Config, rights: PoolRights, parts: PoolParts) {
    this.name = poolOf(settings).name
    this.#rights = rights
    this.#settings = settings
    this.#parts = parts
    this.#statusRounds = new StatusRounds(parts.clock)
    this.#gathering = new Gathering({
      clock: parts.clock,
      members: () => [...this.#workers].filter((worker) => worker.isReady),
      idleMs: machineIdleMs,
    })
    this.#gathering.isOn = poolOf(settings).gatherConnections
  }

  /** Its processes, those on their way out included. */
  get facts(): readonly WorkerFacts[] {
    return [...this.#workers].map((worker) => ({
      ...worker.facts,
      pool: this.name,
      rssBytes: processMemoryBytes(worker.pid),
    }))
  }

  /** What its workers know of a tenant, as JSON; those that do not answer in time are left out. */
  statusesOf(tenant: string): Promise<readonly string[]> {
    const members = [...this.#workers].filter((worker) => worker.isReady)
    return new Promise((resolve) => {
      const asker = { tellStatuses: (_: number, found: readonly string[]) => resolve(found) }
      this.#statusRounds.start({ asker, id: 0, tenant }, members)
    })
  }

  /** Where its workers accept. */
  get addresses(): readonly string[] {
    return this.#rights.sockets.map(({ address }) => address)
  }

  /** What it has counted, and its workers. */
  report(): Promise<PoolReport> {
    return poolReport({
      settings: this.#settings,
      workers: [...this.#workers],
      figures: this.#figures,
      ends: { ...this.#ends },
      clock: this.#parts.clock,
    })
  }

  get running(): RunningPool {
    return { pool: poolOf(this.#settings), grants: this.#rights.grants }
  }

  /** Starts all workers; resolves when they are ready. When one cannot start, none stays, and that is thrown. */
  async start(): Promise<void> {
    this.#ownFiles(this.#settings)
    this.#ledger ??= createSharedMemory('wasm-fpm-ledger', LEDGER_BYTES)
    const { workers } = poolOf(this.#settings)
    try {
      await Promise.all(Array.from({ length: workers }, () => this.#startOne().ready))
    } catch (error) {
      await this.abandonStart()
      throw error
    }
  }

  /** It is not to serve after all: what it has accepted meanwhile is answered, and kept connections go to those who serve. */
  abandonStart(): Promise<void> {
    const { processControlTimeoutMs } = this.#settings
    return this.drain(processControlTimeoutMs, { hasHeirs: true, taken: this.addresses })
  }

  /** First half of a reload; `sockets`: those that stay; `taken`: addresses that somebody accepts on then. When a worker objects, nothing has changed, and its objection is thrown. */
  async prepare(
    settings: Config,
    sockets: readonly HeldSocket[],
    taken: readonly string[],
  ): Promise<void> {
    this.#next = { settings, sockets }
    this.#ownFiles(settings)
    const addresses = sockets.map(({ address }) => address)
    try {
      const workers = [...this.#workers]
      await Promise.all(workers.map((worker) => worker.prepare(settings, addresses, taken)))
    } catch (error) {
      this.abandon()
      throw error
    }
  }

  /** Second half of a reload: new settings, and as many workers as they say. */
  commit(): void {
    if (this.#next === undefined) return
    this.#settings = this.#next.settings
    this.#rights = { ...this.#rights, sockets: this.#next.sockets }
    this.#next = undefined
    for (const worker of this.#workers) worker.commit()
    this.#gathering.isOn = poolOf(this.#settings).gatherConnections
    this.#fill()
    const surplus = this.#active().slice(poolOf(this.#settings).workers)
    for (const worker of surplus) this.#retire(worker)
  }

  abandon(): void {
    this.#next = undefined
    for (const worker of this.#workers) worker.abandon()
  }

  /** Replaces the workers one by one: each drains when its successor is ready. Throws when a successor cannot start. */
  async restart(): Promise<void> {
    for (const worker of this.#active()) await this.#replace(worker)
  }

  async #replace(worker: WorkerProcess): Promise<void> {
    if (worker.isGone || this.#isEnding) return
    const successor = this.#startOne()
    await successor.ready
    this.#retire(worker)
  }

  /** Ends all workers; resolves when they are gone. By default nobody is left. */
  async drain(graceMs: number, remaining: Remaining = NOBODY): Promise<void> {
    this.#isEnding = true
    for (const timer of this.#restarts) timer.cancel()
    this.#restarts.clear()
    this.#sendAgain(this.#passage.takeWaiting())
    await Promise.all([...this.#workers].map((worker) => worker.drain(graceMs, remaining)))
    if (this.#ledger !== undefined) closeSync(this.#ledger)
    this.#ledger = undefined
  }

  /** Gives the connection to one of its workers, the next one to come if there is none; at the end of the pool it is closed when the last is. */
  adopt(gift: GivenAway<WorkerProcess>): void {
    const isNobodyThere = ![...this.#workers].some((worker) => worker.canTake)
    if (this.#isEnding && isNobodyThere) gift.connection.close()
    else this.#passage.send(gift)
  }

  /** To whoever gets connections of this pool by now: after a reload it may be another one of its name. */
  #sendAgain(gifts: readonly GivenAway<WorkerProcess>[]): void {
    for (const gift of gifts) this.#parts.onGivenAway(this, gift)
  }

  /** Whether somebody serves. */
  get isServing(): boolean {
    return [...this.#workers].some((worker) => worker.isReady)
  }

  /** Of each worker that serves: the share of its time in which it had work. */
  get loads(): readonly number[] {
    return [...this.#workers].filter(({ isReady }) => isReady).map(({ load }) => load)
  }

  tellReadiness(readiness: Readiness): void {
    for (const worker of this.#workers) worker.tellReadiness(readiness)
  }

  reopenLogs(): void {
    this.#ownLogFiles(this.#settings)
    for (const worker of this.#workers) worker.reopenLogs()
  }

  #ownFiles(settings: Config): void {
    this.#ownLogFiles(settings)
    ownSessionFolders(settings, this.#rights.account, this.#parts.logger)
  }

  #ownLogFiles(settings: Config): void {
    ownLogFiles(settings, this.#rights.account, this.#parts.logger)
  }

  /** Its connections go to others, one of which takes part from now on. */
  #retire(worker: WorkerProcess): void {
    void worker.drain(this.#settings.processControlTimeoutMs, {
      hasHeirs: true,
      taken: this.addresses,
    })
    this.#gathering.update()
  }

  /** Workers that are not on their way out. */
  #active(): WorkerProcess[] {
    return [...this.#workers].filter((worker) => !worker.isLeaving)
  }

  #startOne(): WorkerProcess {
    const { account, grants, sockets, http } = this.#rights
    const { clock, logger, limits, errorLog } = this.#parts
    const all = http === undefined ? sockets : [...sockets, http]
    const granted = all.map(
      ({ address, transport }, index): SocketGrant => ({
        fd: FIRST_SOCKET_FD + index,
        address,
        transport,
      }),
    )
    const command = workerCommand(grants, account, {
      ledger: this.#ledger,
      fds: all.map(({ fd }) => fd),
      errorOutput: errorLog === undefined ? 'inherit' : 'pipe',
    })
    const worker = new WorkerProcess({
      command,
      settings: this.#settings,
      sockets: granted.slice(0, sockets.length),
      http: http === undefined ? undefined : granted.at(-1),
      clock,
      logger: logger.child({ pool: this.name }),
      limits,
      onGivenAway: (from, address, connection) =>
        this.#parts.onGivenAway(this, { from, address, connection }),
      onAdopted: (by, id) => this.#passage.taken(by, id),
      onDeclined: this.#declined,
      onLoad: this.#balance,
      onBeat: (from, isWorn) => {
        this.#gathering.beat(from)
        if (!isWorn || from.isLeaving) return
        logger.info({ pid: from.pid }, 'worker is replaced: it has compiled very much')
        // It goes on should no other one start.
        this.#replace(from).catch(() => undefined)
      },
      onSteppedIn: (from) => this.#gathering.steppedIn(from),
      onStatusAsked: (question) => {
        const others = [...this.#workers].filter((one) => one.isReady && one !== question.asker)
        this.#statusRounds.start(question, others)
      },
      droppedLines: this.#parts.droppedLines,
      onStatus: (from, id, status) => this.#statusRounds.answer(from, id, status),
      onFigures: (from, figures) => this.#figures.take(from, figures),
      onUsed: (from, usage) => this.#usage.exchange(from, usage, clock.nowMs()),
      onFailing: (failing) => void rollBack(failing, this.#settings, this.#parts),
      onEnd: this.#ended,
      onErrorOutput: (from, chunk) => errorLog?.write(from, chunk),
    })
    this.#workers.add(worker)
    worker.ready.then(
      () => {
        this.#parts.onChange()
        this.#gathering.update()
        this.#sendAgain(this.#passage.takeWaiting())
      },
      () => undefined,
    )
    return worker
  }

  /** Sends the idle connections of a busy worker to those that are not. */
  readonly #balance = (worker: WorkerProcess): void => {
    if (!worker.isBusy) return
    this.#gathering.busy(worker)
    for (const other of this.#workers) {
      if (other.isReady && other.takesPart && !other.isBusy) {
        worker.relieve()
        return
      }
    }
  }

  /** It is about to end, whoever told it so. */
  readonly #declined = (worker: WorkerProcess, id: number): void => {
    if (worker.isReady) this.#retire(worker)
    this.#sendAgain(this.#passage.takeBack(worker, id))
  }

  readonly #ended = (ending: WorkerEnding): void => {
    this.#workers.delete(ending.worker)
    this.#sendAgain(this.#passage.takeBack(ending.worker))
    this.#statusRounds.forget(ending.worker)
    this.#figures.forget(ending.worker)
    this.#ends[ending.isCrash ? 'crash' : 'end'] += 1
    if (this.#isEnding) return
    this.#parts.onChange()
    this.#gathering.update()
    const { clock, logger } = this.#parts
    const { emergencyRestartThreshold: threshold, emergencyRestartIntervalMs: intervalMs } =
      this.#settings
    const { history, delayMs, isEmergency } = decideRestart(
      this.#history,
      { nowMs: clock.nowMs(), servedMs: ending.servedMs, isCrash: ending.isCrash },
      { threshold, intervalMs },
    )
    this.#history = history
    const line = { pool: this.name, pid: ending.worker.pid, reason: ending.reason, delayMs }
    if (!ending.isCrash) logger.info(line, 'worker has ended')
    else if (ending.servedMs === 0 && delayMs === 0) logger.error(line, 'worker cannot be started')
    else if (delayMs === 0) logger.error(line, 'worker has crashed and is replaced')
    else {
      logger.error(
        { ...line, crashesInARow: history.streak },
        `workers of pool ${this.name} crash one after the other: the next one is started in ${delayMs} ms`,
      )
    }
    this.#later(delayMs, () => this.#fill())
    if (!isEmergency) return
    logger.error(
      { pool: this.name, threshold, intervalMs },
      'too many crashes: all workers are replaced',
    )
    this.restart().catch((error: unknown) =>
      logger.error({ pool: this.name }, `workers cannot be replaced: ${String(error)}`),
    )
  }

  #later(delayMs: number, action: () => void): void {
    if (delayMs === 0) {
      action()
      return
    }
    const timer = this.#parts.clock.after(delayMs, () => {
      this.#restarts.delete(timer)
      action()
    })
    this.#restarts.add(timer)
  }

  /** Starts the workers that are missing; their ends, should they fail, come back to `#ended`. */
  #fill(): void {
    if (this.#isEnding) return
    const missing = poolOf(this.#settings).workers - this.#active().length
    for (let started = 0; started < missing; started += 1) this.#startOne()
  }
}
