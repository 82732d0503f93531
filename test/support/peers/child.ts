/** A server as a child process: its output kept, its sockets awaited, its end made sure of. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Backend } from './peer.ts'

/** How long a server may take until it accepts, in milliseconds. */
const START_TIMEOUT_MS = 45_000

/** How long a server may take to end after SIGTERM before it is killed, in milliseconds. */
const STOP_TIMEOUT_MS = 5_000

/** The pause between two tries to connect, in milliseconds. */
const RETRY_MS = 20

/** How much of a server's output is kept, in characters. */
const MAX_OUTPUT = 4 * 1024 * 1024

export interface ChildOptions {
  readonly directory: string
  readonly env?: Readonly<Record<string, string>>
}

export class Child {
  readonly #process: ChildProcess
  readonly #name: string
  #output = ''
  #failure: Error | undefined

  constructor(program: string, args: readonly string[], { directory, env = {} }: ChildOptions) {
    this.#name = program
    this.#process = spawn(program, args, {
      cwd: directory,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: what it has started ends with it.
      detached: true,
    })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8')
      stream?.on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-MAX_OUTPUT)
      })
    }
    this.#process.on('error', (error) => {
      this.#failure = error
    })
    process.on('exit', this.#kill)
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  /** What it has written to standard output and error so far. */
  output(): string {
    return this.#output
  }

  hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  /** Resolves when `backend` accepts a connection; rejects when the server ends or takes too long. */
  async accepting(backend: Backend): Promise<void> {
    const deadlineMs = performance.now() + START_TIMEOUT_MS
    while (!(await accepts(backend))) {
      if (this.#failure !== undefined || this.hasEnded()) {
        throw new Error(`Cannot start ${this.#name}: it ended: ${this.#failure ?? this.#output}`)
      }
      if (performance.now() > deadlineMs) {
        await this.stop()
        throw new Error(`Cannot start ${this.#name}: not accepting, it said: ${this.#output}`)
      }
      await delay(RETRY_MS)
    }
  }

  /** Asks it to end, then makes it. Idempotent. */
  async stop(): Promise<void> {
    process.off('exit', this.#kill)
    if (this.#failure !== undefined) return
    if (!this.hasEnded()) {
      const ended = once(this.#process, 'exit')
      this.#process.kill('SIGTERM')
      const timer = setTimeout(this.#kill, STOP_TIMEOUT_MS)
      await ended
      clearTimeout(timer)
    }
    // Whatever it has left behind.
    this.#kill()
  }

  readonly #kill = (): void => {
    const { pid } = this.#process
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // Nobody is left of its group.
    }
  }
}

/** A TCP port on 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('Cannot find a free port')
  return address.port
}

function accepts(backend: Backend): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket =
    'unix' in backend
      ? connect(backend.unix)
      : connect({ host: backend.host, port: backend.tcpPort })
  socket.on('connect', () => {
    socket.destroy()
    resolve(true)
  })
  socket.on('error', () => resolve(false))
  return promise
}
