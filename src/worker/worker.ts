/** A worker: accepts connections on its pool's sockets and answers their requests until it is told to end. */
import type { Socket } from 'node:net'
import { type Clock, loopActiveMs, type Timer } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import { loadLibc } from '../base/libc.ts'
import type { LineLimit } from '../base/line-limit.ts'
import type { LogSinks } from '../base/log-sinks.ts'
import type { Logger, LogLevel } from '../base/logger.ts'
import type { RawSocket } from '../base/raw-socket.ts'
import type { Readiness } from '../base/readiness.ts'
import { returnMemory } from '../base/return-memory.ts'
import type { Usage } from '../base/usage.ts'
import type { Config, PoolConfig } from '../config/config.ts'
import { poolOf } from '../config/pool-of.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { HttpFront } from '../gateway/http/front.ts'
import type { Listener } from '../gateway/listen/listener.ts'
import type { Router } from '../gateway/router.ts'
import { compileInThreads } from '../guest/compile-threads.ts'
import type { MasterMessage, Remaining, SocketGrant, WorkerMessage } from '../ipc/messages.ts'
import { ReleaseReader } from '../store/release-reader.ts'
import type { UsageLedger } from '../wasi/usage-ledger.ts'
import { GatewayAssembly } from './assemble-gateway.ts'
import { Beat } from './beat.ts'
import { BusyPoll } from './busy-poll.ts'
import { HandOver, type HandOverOptions } from './hand-over.ts'
import { connectionSettings, openPoolListener } from './listeners.ts'
import { LoadWatch, MEASURE_MS } from './load-watch.ts'
import { dismiss, drained, leave, leaveFront, type Parting } from './parting.ts'
import { Standby } from './standby.ts'
import { StatusExchange, type ToldStatuses } from './status-exchange.ts'

/** What so many tenants leave behind when they have been made is worth giving back before there are requests. */
const MANY_TENANTS = 500

/** After a reload it is given back in the first such pause without a request. */
const RETURN_MEMORY_MS = 1000

/**
 * How long a busy worker leaves new connections to the others when it is told that one of them has time. As long as that is so
 * it is told again, at every measurement; if it is not, somebody has to accept.
 */
const PAUSE_MS = 2 * MEASURE_MS

/** How long the master may take to receive what was given away. */
const LAST_SENDING_MS = 1000

export interface WorkerOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Of the logger's lines, and those of log files. */
  readonly lines: LineLimit
  /** What writable mounts hold, shared with the pool's other workers. */
  readonly ledger: UsageLedger
  readonly sinks: LogSinks
  readonly send: (message: WorkerMessage) => void
  readonly sendAway: HandOverOptions['send']
  /** Called once, when everything is over. */
  readonly onEnd: () => void
}

export type Start = Extract<MasterMessage<Config>, { readonly kind: 'start' }>
type Prepare = Extract<MasterMessage<Config>, { readonly kind: 'prepare' }>

/** What a reload has made ready. */
interface Prepared {
  readonly settings: Config
  readonly gateway: Gateway
  readonly pool: PoolConfig
  readonly addresses: readonly string[]
  readonly taken: readonly string[]
  readonly level: LogLevel
}

export class Worker {
  readonly #options: WorkerOptions
  readonly #assembly: GatewayAssembly
  readonly #load: LoadWatch
  readonly #poll: BusyPoll
  readonly #standby: Standby
  readonly #beat: Beat
  readonly #statuses: StatusExchange
  #listeners: Listener[] = []
  /** Whose sockets a reload has taken away; some of their connections may still be there. */
  readonly #left: Listener[] = []
  #front: HttpFront | undefined
  #releases: ReleaseReader | undefined
  #gateway: Gateway | undefined
  #prepared: Prepared | undefined
  #memoryTimer: Timer | undefined
  #pauseTimer: Timer | undefined
  /** Whether connections that would be closed go to other workers. */
  #givesAway = false
  readonly #handOver: HandOver
  readonly #timeUp = Promise.withResolvers<void>()
  #isEnding = false
  /** Of the machine, as the master says. */
  readiness: Readiness = 'starting'

  constructor(options: WorkerOptions) {
    const { clock, logger, lines, sinks, ledger, send } = options
    this.#options = options
    this.#statuses = new StatusExchange({ clock, send })
    this.#assembly = new GatewayAssembly({
      clock,
      logger,
      lines,
      ledger,
      sinks,
      accessLog: true,
      compile: compileInThreads(),
      onEnded: () => this.#poll.requestEnded(),
      otherStatuses: (tenant) => this.#statuses.ask(tenant),
      readiness: () => this.readiness,
      onRuntimes: (runtimes) => send({ kind: 'runtimes', runtimes }),
      onFailing: (failing) => send({ kind: 'roll-back', ...failing }),
    })
    this.#poll = new BusyPoll({
      nowMs: clock.nowMs,
      giveWay: loadLibc()?.schedYield,
      schedule: setImmediate,
    })
    this.#standby = new Standby({
      clock,
      listeners: () => this.#listeners,
      onLeftWaiting: () => {
        this.takePart()
        send({ kind: 'stepped-in' })
      },
    })
    this.#handOver = new HandOver({ send: options.sendAway, receive: this.#receive })
    this.#beat = new Beat({ clock, send, lookingMs: () => this.#poll.spentMs })
    this.#load = new LoadWatch({
      clock,
      activeRequests: () => this.#activeRequests(),
      loopActiveMs,
      lookingMs: () => this.#poll.spentMs,
      doGuestsWait: () => this.#doGuestsWait,
      onLoad: (isBusy) => {
        // Before the master hears of it, and stops others from accepting.
        if (!isBusy) this.#acceptAgain()
        if (isBusy) send({ kind: 'busy', doGuestsWait: this.#doGuestsStayLong })
        else send({ kind: 'idle' })
      },
      onMeasured: () => this.#tellUsage(),
    })
  }

  /** Where it accepts. */
  get addresses(): readonly string[] {
    return this.#listeners.map(({ address }) => address)
  }

  /** Resolves when every socket accepts, or when the master has been told why not. */
  async start({ settings, sockets, http }: Start): Promise<void> {
    const { send } = this.#options
    try {
      const pool = poolOf(settings)
      // Whoever tries things out has no web server whose log shows the requests.
      if (http !== null) this.#assembly.showAccess()
      if (settings.store !== undefined) await this.#openStore(settings.store)
      this.#gateway = this.#assembly.assemble(settings, pool.workers)
      this.#assembly.use(settings, pool.workers)
      this.#poll.limitMs = pool.busyPollMs
      await this.#gateway.booted
      await this.#assembly.preparePublished()
      const { params } = this.#gateway.router
      for (const socket of sockets) {
        this.#listeners.push(await this.#listen(socket, pool, params))
      }
      if (http !== null) this.#front = await this.#openFront(http)
    } catch (error) {
      send({ kind: 'failed', error: toWire(error) })
      return
    }
    if (settings.tenants.length >= MANY_TENANTS) returnMemory()
    send({ kind: 'ready' })
    this.#beat.start()
  }

  async #openStore(folder: string): Promise<void> {
    this.#releases = await ReleaseReader.open(folder, { clock: this.#options.clock })
    this.#assembly.follow(this.#releases)
  }

  /** First half of a reload: everything that can fail. */
  prepare({ settings, addresses, taken }: Prepare): void {
    const { send } = this.#options
    try {
      const pool = poolOf(settings)
      const gateway = this.#assembly.assemble(settings, pool.workers)
      this.#prepared = {
        settings,
        gateway,
        pool,
        addresses,
        taken,
        level: settings.log.level,
      }
      send({ kind: 'prepared', error: undefined })
    } catch (error) {
      send({ kind: 'prepared', error: toWire(error) })
    }
  }

  /** Second half of a reload. Requests that run finish with what they started with; connections stay. */
  commit(): void {
    const next = this.#prepared
    if (next === undefined || this.#isEnding) return
    this.#prepared = undefined
    this.#gateway = next.gateway
    this.#poll.limitMs = next.pool.busyPollMs
    this.#assembly.use(next.settings, next.pool.workers)
    if (next.settings.tenants.length >= MANY_TENANTS) this.#returnMemoryLater()
    this.#options.logger.level = next.level
    const goes = (listener: Listener): boolean => !next.addresses.includes(listener.address)
    const gone = this.#listeners.filter(goes)
    this.#left.push(...gone)
    void leave(gone, { ...this.#parting, taken: next.taken })
    this.#listeners = this.#listeners.filter((listener) => !goes(listener))
    for (const listener of this.#listeners) {
      listener.update(connectionSettings(next.pool, next.gateway.router.params))
    }
  }

  abandon(): void {
    this.#prepared = undefined
  }

  reopenLogs(): void {
    this.#assembly.reopenLogs()
  }

  /** Tells the master what this worker knows of a tenant. */
  giveStatus(id: number, tenant: string): void {
    const own = this.#gateway === undefined ? undefined : this.#assembly.ownStatus(tenant)
    const status = own === undefined ? undefined : JSON.stringify(own)
    this.#options.send({ kind: 'status', id, status })
  }

  giveFigures(): void {
    const figures = this.#assembly.figures([...this.#listeners, ...this.#left])
    this.#options.send({ kind: 'figures', figures })
  }

  /** What other workers know of a tenant, as this one has asked. */
  takeStatuses(id: number, told: ToldStatuses): void {
    this.#statuses.settle(id, told)
  }

  /** Gives idle connections to other workers, and leaves new ones to them where they would have to wait for guests. */
  relieve(): void {
    if (this.#isEnding) return
    this.#givesAway = true
    for (const listener of this.#listeners) listener.handOverKept()
    this.#givesAway = this.#standby.isStandingBy
    if (!this.#load.isBusy || !this.#doGuestsWait) return
    for (const listener of this.#listeners) listener.pause()
    this.#pauseTimer?.cancel()
    this.#pauseTimer = this.#options.clock.after(PAUSE_MS, () => this.#acceptAgain())
  }

  /** Leaves connections to others, its own too as soon as they are idle. */
  standBy(isWatching: boolean): void {
    if (this.#isEnding) return
    this.#givesAway = true
    this.#standby.begin(isWatching)
  }

  /** Accepts connections, as at the start. */
  takePart(): void {
    if (this.#isEnding) return
    this.#standby.end()
    this.#givesAway = false
    this.#acceptAgain()
  }

  /** What its tenants have had of other workers' threads. */
  countElsewhere(usage: Usage): void {
    this.#gateway?.scheduler.runQueue.countElsewhere(usage)
  }

  /** Takes an idle connection of another worker. */
  adopt(id: number, address: string, raw: RawSocket): void {
    this.#handOver.take(id, address, raw)
  }

  readonly #receive = (address: string, connection: Socket): void => {
    const isOfAddress = (listener: Listener): boolean => listener.address === address
    // Its peer does not know that a reload has taken the address away.
    const left = this.#left.find(isOfAddress)
    const listener = this.#listeners.find(isOfAddress) ?? left ?? this.#listeners[0]
    listener?.adopt(connection)
    if (listener !== undefined && (listener === left || this.#isEnding))
      dismiss([listener], this.#parting)
    this.#standby.look()
  }

  /**
   * Stops accepting, finishes what runs for up to `graceMs`, stops what runs then, and ends. When it is called again, the
   * shorter time counts.
   */
  drain(graceMs: number, left: Remaining): void {
    this.#options.clock.after(graceMs, this.#timeUp.resolve)
    if (this.#isEnding) return
    this.#isEnding = true
    this.#standby.end()
    this.#givesAway = left.hasHeirs
    void this.#end(left)
  }

  async #end({ hasHeirs, taken }: Remaining): Promise<void> {
    const { clock, onEnd } = this.#options
    const listeners = [...this.#listeners, ...this.#left]
    const timeUp = this.#timeUp.promise
    // The last ones take what is on its way between them until they are done with their own.
    if (this.#givesAway) await Promise.race([this.#handOver.close(), timeUp])
    const front = leaveFront(this.#front, { clock, hasHeirs })
    await Promise.race([
      Promise.all([front, leave(listeners, { ...this.#parting, taken })]),
      timeUp,
    ])
    await Promise.race([this.#handOver.close().then(() => drained(listeners)), timeUp])
    this.#gateway?.scheduler.stop()
    for (const listener of listeners) listener.destroyConnections()
    this.#beat.stop()
    this.#memoryTimer?.cancel()
    this.#pauseTimer?.cancel()
    this.#load.stop()
    // What `stop` and `destroyConnections` have set off is written first.
    setImmediate(() => {
      this.giveFigures()
      const closed = this.#releases?.close().catch(() => undefined)
      const late = new Promise((resolve) => clock.after(LAST_SENDING_MS, () => resolve(undefined)))
      void Promise.race([Promise.all([this.#handOver.sent(), closed]), late]).then(onEnd)
    })
  }

  get #parting(): Omit<Parting, 'taken'> {
    return { clock: this.#options.clock, givesAway: () => this.#givesAway }
  }

  #listen(socket: SocketGrant, pool: PoolConfig, params: Router['params']): Promise<Listener> {
    const { clock, logger } = this.#options
    const gateway = (): Gateway => {
      this.#load.requestBegins()
      this.#beat.requestBegins()
      this.#poll.requestBegins()
      if (this.#gateway === undefined) throw new Error('a request before the start')
      return this.#gateway
    }
    const handOver = (connection: Socket, address: string): boolean =>
      this.#givesAway && this.#handOver.give(connection, address)
    return openPoolListener(socket, { pool, params, gateway, clock, logger, handOver })
  }

  /** The front is a client like any other, but for how it connects: the pool's socket may be another user's. */
  async #openFront({ fd }: SocketGrant): Promise<HttpFront | undefined> {
    const [first] = this.#listeners
    if (first === undefined) return undefined
    // Loaded only where it is wanted: Node's HTTP is as much as a fifth of all else a worker loads.
    const { openOwnFront } = await import('./own-front.ts')
    return openOwnFront(fd, first, this.#options.logger)
  }

  /** Whether guests wait that have used up a slice. */
  get #doGuestsStayLong(): boolean {
    return (this.#gateway?.scheduler.runQueue.waitingGuests ?? 0) > 0
  }

  get #doGuestsWait(): boolean {
    return (this.#gateway?.scheduler.runQueue.waiting ?? 0) > 0
  }

  #activeRequests(): number {
    return this.#listeners.reduce((sum, listener) => sum + listener.activeRequests, 0)
  }

  #acceptAgain(): void {
    this.#pauseTimer?.cancel()
    if (this.#standby.isStandingBy) return
    for (const listener of this.#listeners) listener.resume()
  }

  #tellUsage(): void {
    const usage = this.#gateway?.scheduler.runQueue.takeUsage() ?? []
    if (usage.length > 0) this.#options.send({ kind: 'used', usage })
  }

  #returnMemoryLater(): void {
    this.#memoryTimer?.cancel()
    this.#memoryTimer = this.#options.clock.after(RETURN_MEMORY_MS, () => {
      if (this.#activeRequests() === 0) returnMemory()
      else this.#returnMemoryLater()
    })
  }
}
