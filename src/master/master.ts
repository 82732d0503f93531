/**
 * The master: opens the sockets, starts the workers, replaces those that end, and carries a new configuration to them. It
 * never reads a byte that came over those sockets, and never looks into a module.
 */
import type { Timer } from '../base/clock.ts'
import type { RawSocket } from '../base/raw-socket.ts'
import { returnMemory } from '../base/return-memory.ts'
import type { Config } from '../config/config.ts'
import { withEnvFiles } from '../config/env-files.ts'
import { loadConfig } from '../config/load.ts'
import type { ServerDroppedLines } from '../ipc/messages.ts'
import { AdminSeat, listeningOf } from './admin-seat.ts'
import { askTenants } from './ask-tenants.ts'
import { ChangeQueue } from './change-queue.ts'
import { Doors } from './doors.ts'
import { masterBusy } from './errors.ts'
import { FollowSeat } from './follow-seat.ts'
import type { InheritedControl } from './heirloom.ts'
import { type LifeEvent, type LifeState, nextState } from './life-cycle.ts'
import type { MasterOptions } from './master-options.ts'
import { metricsPage } from './metrics-page.ts'
import type { GivenAway } from './passage.ts'
import { type NewPool, poolSteps } from './pool-steps.ts'
import { PoolWorkers } from './pool-workers.ts'
import { Presence } from './presence.ts'
import { type PoolChange, planReload } from './reload-plan.ts'
import { processMemoryBytes, type ServerStatus } from './server-status.ts'
import { type HeldSocket, type Listening, Sockets } from './sockets.ts'
import { withStore } from './store-folder.ts'
import { Succession } from './succession.ts'
import type { Successor } from './successor.ts'
import { warnOfRoot } from './warn-of-root.ts'
import { withInherited } from './with-inherited.ts'
import type { WorkerProcess } from './worker-process.ts'

/** Reading the configuration of so many tenants leaves a heap behind that is worth giving back. */
const MANY_TENANTS = 500

export class Master {
  readonly #options: MasterOptions
  readonly #sockets: Sockets
  readonly #admin: AdminSeat
  readonly #follow: FollowSeat
  readonly #presence: Presence
  readonly #doors: Doors
  #config: Config
  readonly #startMs: number
  #state: LifeState = 'normal'
  #pools = new Map<string, PoolWorkers>()
  /** Being started by a reload: not serving for good yet. */
  #newcomers: readonly PoolWorkers[] = []
  /** A graceful stop that waits for `drain_delay`. */
  #ending: Timer | undefined
  readonly #changes: ChangeQueue
  readonly #succession: Succession
  #hasGivenUp = false
  readonly #stopped = Promise.withResolvers<void>()

  /** `config`: what `configFile` says now. */
  constructor(config: Config, options: MasterOptions) {
    const { clock, logger, notifier, predecessor } = options
    this.#succession = new Succession({ predecessor, clock, adopt: this.#adopt })
    const { heirloom } = this.#succession
    this.#sockets = new Sockets(heirloom?.sockets)
    this.#config = withInherited(config, this.#sockets.hasInherited)
    this.#options = options
    this.#startMs = clock.nowMs()
    this.#changes = new ChangeQueue({
      ...{ logger, notifier, state: () => this.#state, enter: (event) => this.#enter(event) },
      summary: () => this.#summary(),
      onDone: () => this.#returnMemory(),
    })
    this.#presence = new Presence({
      ...{ clock, logger },
      // Those of a reload are told when they serve for good.
      pools: () => [...this.#pools.values(), ...(this.#succession.isGuest ? this.#newcomers : [])],
      ...{ isInStep: () => this.#follow.isInStep, before: heirloom },
      slowStartMs: () => this.#config.agent?.slowStartMs ?? 0,
    })
    const { line, page } = this.#presence
    const source = {
      ...{ clock, startMs: this.#startMs, readiness: () => this.#presence.readiness },
      droppedLines: () => this.#droppedLines(),
      ...{ follow: () => this.#follow.facts, pools: () => this.#pools.values() },
    }
    const metrics = { clock, answer: (path: string) => metricsPage(path, source) }
    this.#doors = new Doors({ agent: { clock, line, answer: page }, metrics }, heirloom?.doors)
    const onChange = (): void => this.#presence.look()
    this.#follow = new FollowSeat({ ...options, onChange }, heirloom?.readiness === 'ready')
    this.#admin = new AdminSeat(options.configFile, {
      ...options,
      answer: (question) =>
        question.what === 'reload' ? this.reload() : this.status(question.tenant),
    })
  }

  /** Resolves when it has stopped and every worker is gone. */
  get stopped(): Promise<void> {
    return this.#stopped.promise
  }

  /** Whether it has been told to stop. */
  get isStopping(): boolean {
    return this.#state === 'finishing' || this.#state === 'terminating'
  }

  get config(): Config {
    return this.#config
  }

  /** Where the HTTP front is; undefined: there is none. */
  get httpAddress(): string | undefined {
    return this.#sockets.front?.address
  }

  /** Opens the sockets and starts the workers; resolves when all are ready. When that fails, nothing is left. Called once. */
  start(): Promise<void> {
    return this.#changes.begin(() => this.#start())
  }

  async #start(): Promise<void> {
    const { http, logger, notifier, onTakeOver } = this.#options
    try {
      warnOfRoot(this.#config.pools, logger)
      this.#config = await withStore(this.#config)
      await this.#sockets.open(listeningOf(this.#config))
      await this.#doors.prepare(this.#config)
      if (!this.#succession.isGuest) this.#doors.commit()
      if (http !== undefined) await this.#sockets.openFront(http)
      await this.#prepareAll(planReload([], this.#config), [])
      await this.#admin.prepare(this.#config, this.#socketsOf(this.#config.admin))
      await this.#succession.arrive({
        addresses: this.#sockets.all.map(({ address }) => address),
        take: async () => {
          await onTakeOver?.()
          this.#sockets.inherit()
          this.#doors.commit()
        },
      })
      this.#admin.commit(0)
      this.#pools = new Map(this.#newcomers.map((pool) => [pool.name, pool]))
    } catch (error) {
      this.#hasGivenUp = true
      await Promise.all(this.#newcomers.map((pool) => pool.abandonStart()))
      await this.#admin.abandon()
      this.#sockets.close()
      this.#doors.close()
      throw error
    } finally {
      this.#newcomers = []
    }
    for (const pool of this.#config.pools) {
      for (const { address } of this.#socketsOf(pool)) {
        logger.info({ pool: pool.name, address }, 'listening')
      }
    }
    this.#follow.commit(this.#config)
    this.#presence.started()
    notifier.ready(this.#summary())
    this.#returnMemory()
  }

  /**
   * Reads the configuration again and carries it to the workers. One that is wrong, or that a worker cannot use, changes
   * nothing and is thrown. Waits for a reload or restart under way.
   */
  reload(): Promise<string> {
    return this.#changes.run('reload', async () => {
      const read = withEnvFiles(loadConfig(this.#options.configFile))
      await this.#apply(await withStore(withInherited(read, this.#sockets.hasInherited)))
      return this.#summary()
    })
  }

  /** Replaces all workers, one at a time in each pool, without losing a request. */
  restart(): Promise<string> {
    return this.#changes.run('restart', async () => {
      await Promise.all([...this.#pools.values()].map((pool) => pool.restart()))
      return this.#summary()
    })
  }

  /**
   * Starts another master beside this one, with the same sockets, and ends when that one serves and this one's requests have ended. One
   * that cannot serve changes nothing, and that is thrown (MASTER_UPGRADE_FAILED). `command`: the program with all its arguments.
   */
  upgrade(command: readonly string[], control: InheritedControl | null): Promise<string> {
    return this.#changes.run('upgrade', async () => {
      const { readiness, drainLeftMs: drainMs } = this.#presence
      const [sockets, doors] = [this.#sockets.all, this.#doors.all]
      const successor = await this.#succession.raise({
        command,
        estate: { sockets, doors, control, readiness, drainMs },
        check: () => this.#checkStill('upgrade'),
      })
      this.#retire(successor)
      return `process ${successor.pid} of version ${successor.version} serves`
    })
  }

  /** The processes, and what they know of `tenant`, or of all tenants. */
  async status(tenant: string | undefined): Promise<ServerStatus> {
    const pools = [...this.#pools.values()]
    const asked = this.#config.tenants
      .filter(({ name }) => tenant === undefined || name === tenant)
      .map(({ name, pool }) => ({ tenant: name, pool }))
    return {
      ...{ pid: process.pid, rssBytes: processMemoryBytes(process.pid) },
      ...{ state: this.#state, readiness: this.#presence.readiness },
      uptimeMs: this.#options.clock.nowMs() - this.#startMs,
      droppedLogLines: this.#droppedLines(),
      ...{ follow: this.#follow.facts, workers: pools.flatMap((pool) => pool.facts) },
      tenants: await askTenants(
        asked,
        async ({ tenant: name, pool }) => (await this.#pools.get(pool)?.statusesOf(name)) ?? [],
      ),
    }
  }

  /** SIGUSR1. */
  reopenLogs(): void {
    this.#options.errorLog?.reopen()
    for (const pool of this.#pools.values()) pool.reopenLogs()
  }

  /** Says that this machine is to get no more requests, for `limitMs` or until `undrain`; those that come are answered. */
  drain(limitMs: number | undefined): string {
    this.#presence.drain(limitMs)
    return 'draining'
  }

  undrain(): string {
    if (this.isStopping) throw masterBusy('undrain', `it is ${this.#state}`)
    this.#presence.undrain()
    return this.#presence.readiness
  }

  /**
   * Ends everything: at once for 0, else as soon as requests have ended or `graceMs` is over, after it has said so for `drain_delay`.
   */
  stop(graceMs: number): void {
    if (!this.#enter(graceMs === 0 ? 'terminate' : 'finish')) return
    const { clock, notifier } = this.#options
    const { drainedMs, readiness } = this.#presence
    notifier.stopping()
    this.#presence.stopping()
    this.#ending?.cancel()
    const delayMs = this.#config.drainDelayMs - drainedMs
    if (graceMs === 0 || readiness === 'starting' || delayMs <= 0) this.#end(graceMs)
    else this.#ending = clock.after(delayMs, () => this.#end(graceMs))
  }

  /** What it has is the successor's; what runs here ends here. */
  #retire(successor: Successor): void {
    const { notifier } = this.#options
    this.#enter('finish')
    notifier.close()
    notifier.follow(successor.pid)
    successor.over()
    this.#doors.close()
    this.#sockets.leave(successor.addresses)
    this.#end(this.#config.processControlTimeoutMs)
  }

  #end(graceMs: number): void {
    this.#sockets.close()
    const taken = this.#succession.heirsAt(this.#addressesOf(this.#config))
    const remaining = taken && { hasHeirs: true, taken }
    const all = [this.#admin, this.#follow, ...this.#pools.values(), ...this.#newcomers]
    const gone = Promise.all(all.map((one) => one.drain(graceMs, remaining)))
    void gone
      .then(() => this.#succession.settled())
      .then(() => {
        this.#doors.close()
        this.#options.notifier.close()
        this.#stopped.resolve()
      })
  }

  async #apply(config: Config): Promise<void> {
    const running = [...this.#pools.values()].map((pool) => pool.running)
    const changes = planReload(running, config)
    const undo = await this.#sockets.open(listeningOf(config))
    try {
      await this.#prepareAll(changes, this.#addressesOf(config))
      await this.#admin.prepare(config, this.#socketsOf(config.admin))
      await this.#doors.prepare(config)
      this.#checkStill('reload')
    } catch (error) {
      for (const pool of this.#pools.values()) pool.abandon()
      await this.#admin.abandon()
      this.#doors.abandon()
      await Promise.all(this.#newcomers.map((pool) => pool.abandonStart()))
      this.#newcomers = []
      undo()
      throw error
    }
    this.#commit(config, changes)
  }

  /** Everything about a reload that can fail. Its new pools are in `#newcomers` afterwards, also when it throws. */
  async #prepareAll(changes: readonly PoolChange[], taken: readonly string[]): Promise<void> {
    const { newcomers, steps } = poolSteps(changes, {
      ...{ running: this.#pools, taken },
      make: (settings, pool) => this.#poolWorkers(settings, pool),
      socketsOf: (pool) => this.#socketsOf(pool),
    })
    this.#newcomers = newcomers
    const results = await Promise.allSettled(steps.map((step) => step()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  #commit(config: Config, changes: readonly PoolChange[]): void {
    const before = this.#pools
    const newcomers = new Map(this.#newcomers.map((pool) => [pool.name, pool]))
    this.#newcomers = []
    this.#config = config
    this.#pools = new Map()
    for (const change of changes) {
      const name = change.kind === 'remove' ? change.name : (change.settings.pools[0]?.name ?? '')
      const old = before.get(name)
      if (change.kind === 'keep') old?.commit()
      else if (old !== undefined) {
        void old.drain(config.processControlTimeoutMs, {
          hasHeirs: change.kind === 'replace',
          taken: this.#addressesOf(config),
        })
      }
      const pool = change.kind === 'keep' ? old : newcomers.get(name)
      if (pool !== undefined) this.#pools.set(name, pool)
    }
    this.#doors.commit()
    this.#presence.look()
    this.#admin.commit(config.processControlTimeoutMs)
    this.#follow.commit(config)
    this.#sockets.keep(listeningOf(config))
    this.#options.logger.level = config.log.level
  }

  #poolWorkers(settings: Config, { pool, account, grants }: NewPool): PoolWorkers {
    const { clock, logger, limits, errorLog } = this.#options
    const http = this.#config.pools[0]?.name === pool.name ? this.#sockets.front : undefined
    const rights = { account, grants, sockets: this.#socketsOf(pool), http }
    const onGivenAway = (from: PoolWorkers, gift: GivenAway<WorkerProcess>): void => {
      const isLeaving = this.isStopping || this.#hasGivenUp
      if (isLeaving && this.#succession.pass(gift.address, gift.connection)) return
      const heir = this.#pools.get(from.name) ?? from
      heir.adopt(gift)
    }
    return new PoolWorkers(settings, rights, {
      ...{ clock, logger, limits, errorLog, onGivenAway },
      onChange: () => this.#presence.look(),
      droppedLines: () => this.#droppedLines(),
    })
  }

  #droppedLines(): ServerDroppedLines {
    return { master: this.#options.droppedLines(), admin: this.#admin.droppedLines }
  }

  #addressesOf({ pools }: Config): readonly string[] {
    return pools.flatMap((pool) => this.#socketsOf(pool)).map((socket) => socket.address)
  }

  #socketsOf(one: Pick<Listening, 'listen'> | undefined): readonly HeldSocket[] {
    return one?.listen.flatMap((address) => this.#sockets.get(address)) ?? []
  }

  /** To whoever accepts there. */
  readonly #adopt = (address: string, connection: RawSocket): void => {
    const pools = [...this.#pools.values(), ...this.#newcomers]
    const pool = pools.find((one) => one.addresses.includes(address))
    if (pool === undefined) connection.close()
    else pool.adopt({ from: undefined, address, connection })
  }

  #checkStill(what: string): void {
    if (this.#state !== 'reloading') throw masterBusy(what, `it is ${this.#state}`)
  }

  /** Nobody waits for the master but its own commands. */
  #returnMemory(): void {
    if (this.#config.tenants.length >= MANY_TENANTS) returnMemory()
  }

  #summary(): string {
    const { pools, tenants } = this.#config
    const workers = pools.reduce((sum, pool) => sum + pool.workers, 0)
    return `pools: ${pools.length}, workers: ${workers}, tenants: ${tenants.length}`
  }

  /** Whether the event changes the state. */
  #enter(event: LifeEvent): boolean {
    const next = nextState(this.#state, event)
    if (next === undefined) return false
    this.#state = next
    return true
  }
}
