/** The process that follows a source (`[follow]`), as the master sees it: started, started again when it ends, and asked nothing. */
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock, Timer } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { VERSION_ARGUMENT } from '../base/version.ts'
import type { Config } from '../config/config.ts'
import type {
  FollowerMessage,
  FollowFacts,
  FollowSettings,
  FollowStep,
  MasterToFollower,
} from '../ipc/follow-messages.ts'
import { type Account, findAccount, readAccountSource } from './account.ts'
import { ownNewStore } from './own-store.ts'
import { decideRestart, NO_HISTORY, type RestartHistory } from './restart-policy.ts'
import { spawnChild } from './spawn-child.ts'
import { workerEnvironment } from './worker-command.ts'

export interface FollowParts {
  readonly clock: Clock
  readonly logger: Logger
  /** Where its error output goes; undefined: to the master's. */
  readonly errorLog: { write(writer: object, chunk: Buffer): void } | undefined
  /** What is asked of `isInStep` may be otherwise. */
  readonly onChange: () => void
}

/** A process that says nothing for so long waits for its source, which may be a file system that hangs, in milliseconds. */
const SILENT_MS = 30_000

/** How long it may take to end before it is killed. */
const KILL_MS = 2000

/** The file itself, in whatever form this program runs: `main.ts` in a checkout, `main.js` in the package. */
const ENTRY = fileURLToPath(
  new URL(`../follow/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/** What a process is started with: another needs another process. */
interface Wanted {
  readonly settings: FollowSettings
  readonly account: Account | undefined
  readonly ca: string | undefined
}

export class FollowSeat {
  readonly #parts: FollowParts
  #wanted: Wanted | undefined
  #child: ChildProcess | undefined
  #gone: Promise<void> = Promise.resolve()
  #history: RestartHistory = NO_HISTORY
  #restart: Timer | undefined
  #startedMs = 0
  #told: { readonly facts: FollowFacts; readonly atMs: number } | undefined

  /** Nothing is live here yet; as long as nobody has looked, something is. */
  #isEmpty = false
  #step: FollowStep = 'bringing'
  #silence: Timer | undefined
  #wasInStep: boolean
  #hasBegun = false

  /** `wasInStep`: a master before this one has said so. */
  constructor(parts: FollowParts, wasInStep: boolean) {
    this.#parts = parts
    this.#wasInStep = wasInStep
  }

  /**
   * Whether this machine has what its source has, or had it once since the master began: then it stays so, and what is behind is told as facts. A
   * source that does not answer is not waited for where there is something to serve.
   */
  get isInStep(): boolean {
    return this.#wasInStep || this.#wanted === undefined
  }

  /** As it was told last; undefined: nobody follows, or has said anything yet. */
  get facts(): FollowFacts | undefined {
    if (this.#told === undefined) return undefined
    const { facts, atMs } = this.#told
    const sinceMs = Math.round(this.#parts.clock.nowMs() - atMs)
    return { ...facts, seenMs: facts.seenMs === null ? null : facts.seenMs + sinceMs }
  }

  /** These settings hold from here on. Throws `MasterError` (MASTER_UNKNOWN_ACCOUNT, MASTER_NOT_ROOT). */
  commit(config: Config): void {
    const wanted = wantedOf(config)
    // A machine that is to follow from now on has got requests before.
    if (this.#hasBegun && this.#wanted === undefined) this.#wasInStep = true
    this.#hasBegun = true
    if (JSON.stringify(wanted) === JSON.stringify(this.#wanted)) return
    void this.drain()
    this.#wanted = wanted
    this.#history = NO_HISTORY
    void this.#gone.then(() => this.#launch(wanted))
  }

  /** For good, unless `commit` follows. Resolves when it is gone. */
  async drain(): Promise<void> {
    this.#wanted = undefined
    this.#told = undefined
    this.#restart?.cancel()
    this.#silence?.cancel()
    const child = this.#child
    if (child === undefined) return
    this.#send({ kind: 'drain' })
    const timer = this.#parts.clock.after(KILL_MS, () => child.kill('SIGKILL'))
    await this.#gone
    timer.cancel()
  }

  async #launch(wanted: Wanted | undefined): Promise<void> {
    if (wanted === undefined || wanted !== this.#wanted) return
    const { clock, logger, errorLog } = this.#parts
    const { settings, account, ca } = wanted
    if (account !== undefined && process.getuid?.() === 0) {
      await ownNewStore(settings.store, account).catch((error: unknown) =>
        logger.error(`the store cannot be given to the user of [follow]: ${toWire(error).message}`),
      )
      if (wanted !== this.#wanted) return
    }
    const errorOutput = errorLog === undefined ? 'inherit' : 'pipe'
    const args = ['--disable-warning=ExperimentalWarning', ENTRY, VERSION_ARGUMENT]
    const { child, ownsStreams } = spawnChild({
      program: process.execPath,
      args,
      options: {
        stdio: ['ignore', 'ignore', errorOutput, 'ipc'],
        cwd: '/',
        env: {
          ...workerEnvironment(process.env),
          ...(ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: ca }),
        },
        // Also drops all other groups (setgroups).
        ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      },
    })
    this.#child = child
    this.#startedMs = clock.nowMs()
    child.on('message', (message: FollowerMessage) => this.#hear(message))
    child.stderr?.on('data', (chunk: Buffer) => errorLog?.write(child, chunk))
    child.on('error', (error) => logger.error(`nobody follows the source: ${error.message}`))
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#gone = promise
    child.on('close', (code, signal) => {
      this.#child = undefined
      resolve()
      this.#ended(wanted, signal ?? `code ${code}`)
    })
    this.#send({ kind: 'start', settings, ownsStreams })
  }

  #hear(message: FollowerMessage): void {
    const { clock, logger } = this.#parts
    switch (message.kind) {
      case 'ready':
        this.#isEmpty = message.isEmpty
        this.#look()
        logger.info({ pid: this.#child?.pid, source: this.#wanted?.settings.source }, 'following')
        return
      case 'failed':
        logger.error({ code: message.error.code }, `cannot follow: ${message.error.message}`)
        this.#child?.kill('SIGKILL')
        this.#step = 'no-source'
        this.#look()
        return
      case 'facts':
        this.#told = { facts: message.facts, atMs: clock.nowMs() }
        this.#step = message.step
        this.#look()
        return
    }
  }

  #look(): void {
    if (this.#wasInStep) return
    this.#silence?.cancel()
    const isDead = this.#step === 'no-source' && !this.#isEmpty
    if (this.#step === 'in-step' || isDead) {
      this.#wasInStep = true
      this.#parts.onChange()
      return
    }
    this.#silence = this.#parts.clock.after(SILENT_MS, () => {
      this.#step = 'no-source'
      this.#look()
    })
  }

  #ended(wanted: Wanted, reason: string): void {
    if (wanted !== this.#wanted) return
    const { clock, logger } = this.#parts
    const nowMs = clock.nowMs()
    const { history, delayMs } = decideRestart(
      this.#history,
      { nowMs, servedMs: nowMs - this.#startedMs, isCrash: true },
      { threshold: 0, intervalMs: 0 },
    )
    this.#history = history
    this.#step = 'no-source'
    this.#look()
    logger.error({ reason, delayMs }, 'the process that follows the source has ended')
    this.#restart = clock.after(delayMs, () => void this.#launch(wanted))
  }

  #send(message: MasterToFollower): void {
    if (this.#child?.connected === true) this.#child.send(message, () => undefined)
  }
}

function wantedOf({
  follow,
  store,
  log,
  logLimitBytes,
  logMemoryBytes,
}: Config): Wanted | undefined {
  if (follow === undefined || store === undefined) return undefined
  const { source, intervalMs, ca, env: secrets, allowsOldServer } = follow
  const isReadable = log.format === 'auto' ? null : log.format === 'readable'
  return {
    settings: {
      ...{ source, secrets, allowsOldServer, store, intervalMs, logLimitBytes, logMemoryBytes },
      log: { level: log.level, isReadable },
    },
    account: findAccount({ ...follow, name: 'follow' }, readAccountSource()),
    ca,
  }
}
