/**
 * The process of the admin API as the master sees it: started with its sockets, started again when it crashes or stands
 * still, told about other settings, and answered when it asks. Whatever it says comes from a process that strangers talk to.
 */
import type { ChildProcess } from 'node:child_process'
import { lstatSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TokenFile } from '../admin/token-file.ts'
import { afterAwake } from '../base/awake-timer.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { fromWire, toWire } from '../base/errors.ts'
import { isOpenToOthers } from '../base/file-mode.ts'
import type { Logger } from '../base/logger.ts'
import { VERSION_ARGUMENT } from '../base/version.ts'
import type { AdminConfig, Config } from '../config/config.ts'
import {
  type AdminQuestion,
  type AdminSettings,
  type AdminSocketGrant,
  type MasterToAdmin,
  readAdminMessage,
} from '../ipc/admin-messages.ts'
import type { Account } from './account.ts'
import { MasterError } from './errors.ts'
import { ownLogFile } from './log-files.ts'
import { ownNewStore } from './own-store.ts'
import { decideRestart, NO_HISTORY, type RestartHistory } from './restart-policy.ts'
import type { HeldSocket } from './sockets.ts'
import { spawnChild } from './spawn-child.ts'
import { StallWatch } from './stall-watch.ts'
import { workerEnvironment } from './worker-command.ts'
import type { WorkerLimits } from './worker-process.ts'

/** What cannot change while it lives. */
export interface AdminRights {
  readonly account: Account | undefined
  readonly sockets: readonly HeldSocket[]
}

export interface AdminParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Pick<WorkerLimits, 'startMs' | 'stallMs' | 'killMs'>
  /** Where its error output goes; undefined: to the master's. */
  readonly errorLog: { write(writer: object, chunk: Buffer): void } | undefined
  /** Carries out what it asks for, or rejects. */
  readonly answer: (question: AdminQuestion) => Promise<unknown>
}

/** The file itself, in whatever form this program runs: `main.ts` in a checkout, `main.js` in the package. */
const ENTRY = fileURLToPath(
  new URL(`../admin/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/** After the standard three and the channel. */
const FIRST_SOCKET_FD = 4

export class AdminProcess {
  readonly #rights: AdminRights
  readonly #parts: AdminParts
  #settings: AdminSettings<Config>
  #child: ChildProcess | undefined
  #history: RestartHistory = NO_HISTORY
  #restart: Timer | undefined
  #readySinceMs = 0
  #hasServed = false
  #isEnding = false
  /** Of the process that there is, as it said last, and of those before it. */
  #droppedLines = 0
  #droppedBefore = 0
  readonly #gone = Promise.withResolvers<void>()

  /** `settings`: with an `[admin]` table. */
  constructor(settings: AdminSettings<Config>, rights: AdminRights, parts: AdminParts) {
    this.#settings = settings
    this.#rights = rights
    this.#parts = parts
  }

  /** Whether it can go on with other settings as it runs. */
  fits({ admin, store, log }: Config): boolean {
    const { settings } = this.#settings
    const own = { admin: settings.admin, store: settings.store, log: settings.log }
    return JSON.stringify(own) === JSON.stringify({ admin, store, log })
  }

  /** Resolves when it serves. Rejects with `MasterError` (MASTER_WORKER_FAILED) or with what it complains about; then it is gone. */
  async start(): Promise<void> {
    await this.#ownFiles()
    try {
      await this.#launch()
    } catch (error) {
      this.#isEnding = true
      throw error
    }
  }

  /** Lines that its logs have dropped. */
  get droppedLines(): number {
    return this.#droppedBefore + this.#droppedLines
  }

  update(settings: AdminSettings<Config>): void {
    this.#settings = settings
    this.#send({ kind: 'settings', ...settings })
  }

  /** Lets it finish what runs for up to `graceMs`; resolves when it is gone. */
  drain(graceMs: number): Promise<void> {
    this.#isEnding = true
    this.#restart?.cancel()
    const child = this.#child
    if (child === undefined) return Promise.resolve()
    const { clock, limits } = this.#parts
    this.#send({ kind: 'drain', graceMs })
    const timer = clock.after(graceMs + limits.killMs, () => child.kill('SIGKILL'))
    return this.#gone.promise.finally(() => timer.cancel())
  }

  /** What root has to do, so that another user can keep tokens and audit lines. */
  async #ownFiles(): Promise<void> {
    const { account } = this.#rights
    if (account === undefined || process.getuid?.() !== 0) return
    const { tokens, auditLog } = adminOf(this.#settings)
    await new TokenFile(tokens, { clock: this.#parts.clock, owner: account }).prepare()
    ownLogFile(auditLog, account)
    const { store } = this.#settings.settings
    if (store !== undefined) await ownNewStore(store, account)
  }

  /** Resolves when the process serves; one that does not is killed. */
  #launch(): Promise<void> {
    const { account, sockets } = this.#rights
    const { clock, limits, errorLog, logger } = this.#parts
    const errorOutput = errorLog === undefined ? 'inherit' : 'pipe'
    const args = ['--disable-warning=ExperimentalWarning', ENTRY, VERSION_ARGUMENT]
    const options = {
      stdio: ['ignore', 'inherit', errorOutput, 'ipc', ...sockets.map(({ fd }) => fd)],
      serialization: 'json',
      cwd: '/',
      env: workerEnvironment(process.env),
      // Also drops all other groups (setgroups).
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
    } as const
    const { child, ownsStreams } = spawnChild({ program: process.execPath, args, options })
    this.#child = child
    this.#readySinceMs = 0
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const deadline = afterAwake(clock, limits.startMs, () => {
      reject(failed(`it was not ready after ${limits.startMs} ms`))
      child.kill('SIGKILL')
    })
    const { stallMs } = limits
    const watch = new StallWatch({
      clock,
      stallMs,
      onStall: () => {
        const why = `its event loop has stood still for ${stallMs} ms`
        logger.error({ pid: child.pid }, `admin process is killed: ${why}`)
        child.kill('SIGKILL')
      },
    })
    let isServing = false
    const said: Said = {
      beat: (droppedLines) => {
        watch.beat()
        this.#droppedLines = Math.max(this.#droppedLines, droppedLines)
      },
      ready: () => {
        // Said twice by a process that has been taken over: it is watched already.
        if (isServing) return
        isServing = true
        watch.start()
        deadline.cancel()
        this.#readySinceMs = clock.nowMs()
        this.#hasServed = true
        logger.info(
          { pid: child.pid, addresses: sockets.map(({ address }) => address) },
          'admin API is ready',
        )
        resolve()
      },
      failed: (error: Error) => {
        reject(error)
        child.kill('SIGKILL')
      },
    }
    child.on('message', (value) => this.#hear(value, said))
    child.stderr?.on('data', (chunk: Buffer) => errorLog?.write(child, chunk))
    child.on('error', (error) => reject(failed(error.message)))
    child.on('close', (code, signal) => {
      deadline.cancel()
      watch.stop()
      const reason = signal ?? `code ${code}`
      reject(failed(`it ended (${reason})`))
      this.#ended(reason)
    })
    this.#send({ kind: 'start', ownsStreams, sockets: sockets.map(grantOf), ...this.#settings })
    return promise
  }

  #hear(value: unknown, said: Said): void {
    const message = readAdminMessage(value)
    switch (message?.kind) {
      case undefined:
        this.#parts.logger.warn('the admin process said something that is no message')
        return
      case 'ready':
        said.ready()
        return
      case 'beat':
        said.beat(message.droppedLines)
        return
      case 'failed':
        said.failed(fromWire(message.error))
        return
      case 'ask':
        void this.#tell(message.id, message.question)
        return
    }
  }

  async #tell(id: number, question: AdminQuestion): Promise<void> {
    try {
      this.#send({ kind: 'told', id, value: await this.#parts.answer(question) })
    } catch (error) {
      this.#send({ kind: 'told', id, error: toWire(error) })
    }
  }

  #ended(reason: string): void {
    this.#child = undefined
    this.#droppedBefore += this.#droppedLines
    this.#droppedLines = 0
    // A first start that fails is for whoever asked for it to know.
    if (this.#isEnding || !this.#hasServed) {
      this.#gone.resolve()
      return
    }
    const { clock, logger } = this.#parts
    const nowMs = clock.nowMs()
    const servedMs = this.#readySinceMs === 0 ? 0 : nowMs - this.#readySinceMs
    const { emergencyRestartIntervalMs: intervalMs } = this.#settings.settings
    const { history, delayMs } = decideRestart(
      this.#history,
      { nowMs, servedMs, isCrash: true },
      // There is one of its kind: no others to be replaced.
      { threshold: 0, intervalMs },
    )
    this.#history = history
    logger.error({ reason, delayMs }, 'admin process has crashed and is replaced')
    this.#restart = clock.after(delayMs, () => {
      this.#launch().catch((error: unknown) =>
        logger.error(`admin process cannot be started: ${toWire(error).message}`),
      )
    })
  }

  #send(message: MasterToAdmin<Config>): void {
    // One that has just ended gets no message; its end is told by the 'close' event.
    if (this.#child?.connected === true) this.#child.send(message, () => undefined)
  }
}

/** What is done about what the process says of itself. */
interface Said {
  readonly beat: (droppedLines: number) => void
  readonly ready: () => void
  readonly failed: (error: Error) => void
}

function adminOf({ settings }: AdminSettings<Config>): AdminConfig {
  if (settings.admin === undefined) throw new Error('an admin process without [admin]')
  return settings.admin
}

/** What the socket's file permits counts, and not what the configuration says it should. */
function grantOf({ address, transport }: HeldSocket, index: number): AdminSocketGrant {
  const isOwnersOnly = transport === 'unix' && address.includes('/') && isClosedToOthers(address)
  return { fd: FIRST_SOCKET_FD + index, address, transport, isOwnersOnly }
}

function isClosedToOthers(path: string): boolean {
  try {
    const stats = lstatSync(path)
    return stats.isSocket() && !isOpenToOthers(stats.mode)
  } catch {
    return false
  }
}

function failed(why: string): MasterError {
  return new MasterError(
    'MASTER_WORKER_FAILED',
    `Cannot start the admin API: ${why}, wanted a process that serves`,
  )
}
