/** The new program's master, as the one sees it that it is to follow: started beside it with the same sockets, then given everything. */
import type { ChildProcess } from 'node:child_process'
import { afterAwake } from '../base/awake-timer.ts'
import type { Clock } from '../base/clock.ts'
import { asRawSocket, asSendHandle, type RawSocket } from '../base/raw-socket.ts'
import { Departures } from './departures.ts'
import { MasterError } from './errors.ts'
import {
  type Heirloom,
  SUCCESSOR_VARIABLE,
  type ToPredecessor,
  type ToSuccessor,
} from './heirloom.ts'
import { spawnChild } from './spawn-child.ts'

/** From its start until its workers serve, runtimes booted. */
const PREPARE_MS = 180_000

/** For what it does when everything is prepared. */
const TAKE_OVER_MS = 10_000

/** Its first inherited socket: after the standard three and the channel. */
const FIRST_FD = 4

export interface SuccessorOptions {
  /** Program and arguments. */
  readonly command: readonly string[]
  /** Numbers of descriptors are those of this process. */
  readonly heirloom: Heirloom
  readonly clock: Clock
  /** Receives idle connections of a successor that has accepted some and cannot start after all. */
  readonly onGivenBack: (address: string, connection: RawSocket) => void
}

export class Successor {
  readonly pid: number
  /** Where it serves, as bound; known when it is prepared. */
  addresses: readonly string[] = []
  version = ''
  readonly departures = new Departures()
  readonly #child: ChildProcess
  readonly #clock: Clock
  readonly #prepared = Promise.withResolvers<void>()
  readonly #taken = Promise.withResolvers<void>()

  /** Starts the process. Throws `MasterError` (MASTER_UPGRADE_FAILED). */
  constructor({ command, heirloom, clock, onGivenBack }: SuccessorOptions) {
    const [program = '', ...args] = command
    this.#clock = clock
    const { fds, moved } = renumber(heirloom)
    const env: NodeJS.ProcessEnv = { ...process.env, [SUCCESSOR_VARIABLE]: `${process.pid}` }
    // They are about this process.
    for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'WATCHDOG_PID']) {
      delete env[name]
    }
    try {
      const stdio = ['inherit', 'inherit', 'inherit', 'ipc', ...fds] as const
      this.#child = spawnChild({ program, args, options: { stdio, env } }).child
    } catch (cause) {
      throw upgradeFailed(`it cannot be started: ${String(cause)}`, cause)
    }
    this.pid = this.#child.pid ?? -1
    for (const step of [this.#prepared, this.#taken]) step.promise.catch(() => undefined)
    this.#child.on('message', (message, handle) => {
      const connection = asRawSocket(handle)
      this.#hear(message as ToPredecessor, connection, onGivenBack)
    })
    this.#child.on('error', (error) => this.#fail(upgradeFailed(error.message, error)))
    this.#child.on('exit', (code, signal) =>
      this.#fail(upgradeFailed(`it ended (${signal ?? `code ${code}`}) before it served`)),
    )
    this.#send({ kind: 'inherit', heirloom: moved })
  }

  /** Resolves when it serves beside this process. Rejects with `MasterError` (MASTER_UPGRADE_FAILED). */
  prepared(): Promise<void> {
    return this.#within(PREPARE_MS, this.#prepared.promise)
  }

  /** Resolves when commands and ports are its own. Rejects with `MasterError` (MASTER_UPGRADE_FAILED). */
  takeOver(): Promise<void> {
    this.#send({ kind: 'take-over' })
    return this.#within(TAKE_OVER_MS, this.#taken.promise)
  }

  /** It is alone from here on. */
  over(): void {
    this.#send({ kind: 'over' })
  }

  /** Gives it an idle connection; where it does not go, it is closed. */
  adopt(address: string, connection: RawSocket): void {
    if (!this.#child.connected) {
      connection.close()
      return
    }
    const message: ToSuccessor = { kind: 'adopt', address }
    this.departures.send(connection, (gift, done) => {
      this.#child.send(message, asSendHandle(gift), undefined, done)
    })
  }

  /** It is not to follow after all: it answers what it has accepted, and ends. */
  dismiss(): void {
    this.#child.kill('SIGTERM')
  }

  #hear(
    message: ToPredecessor,
    connection: RawSocket | undefined,
    onGivenBack: SuccessorOptions['onGivenBack'],
  ): void {
    switch (message.kind) {
      case 'prepared':
        this.addresses = message.addresses
        this.version = message.version
        this.#prepared.resolve()
        return
      case 'failed': {
        const { code, message: text } = message.error
        this.#fail(upgradeFailed(`${text} [${code}]`))
        return
      }
      case 'taken':
        this.#taken.resolve()
        return
      case 'give-back':
        if (connection !== undefined) onGivenBack(message.address, connection)
        return
    }
  }

  #fail(error: MasterError): void {
    this.#prepared.reject(error)
    this.#taken.reject(error)
  }

  async #within(limitMs: number, step: Promise<void>): Promise<void> {
    const timer = afterAwake(this.#clock, limitMs, () =>
      this.#fail(upgradeFailed(`it was not ready after ${limitMs} ms`)),
    )
    try {
      await step
    } finally {
      timer.cancel()
    }
  }

  #send(message: ToSuccessor): void {
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }
}

/** The descriptors to inherit, and what is said of them with the numbers that they have there. */
function renumber(heirloom: Heirloom): {
  readonly fds: readonly number[]
  readonly moved: Heirloom
} {
  const fds: number[] = []
  const move = <Held extends { readonly fd: number }>(held: Held): Held => {
    fds.push(held.fd)
    return { ...held, fd: FIRST_FD + fds.length - 1 }
  }
  const { sockets, doors, control } = heirloom
  const moved = {
    ...heirloom,
    sockets: sockets.map(move),
    doors: doors.map(move),
    control: control === null ? null : move(control),
  }
  return { fds, moved }
}

/** Why there is no other program in this one's place. */
export function upgradeFailed(problem: string, cause?: unknown): MasterError {
  return new MasterError(
    'MASTER_UPGRADE_FAILED',
    `Cannot upgrade: ${problem}, wanted a new program that serves; the old one goes on`,
    { cause },
  )
}
