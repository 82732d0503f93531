/** Debian's nats-server as a child process, with a store of its own, on a loopback port that it keeps when it is started again. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Child, freePort } from '../peers/child.ts'
import { hasProgram } from '../peers/start-peer.ts'

const PROGRAM = 'nats-server'

export const hasNats = (): boolean => hasProgram(PROGRAM)

export interface NatsServerOptions {
  /** More lines of its configuration. */
  readonly lines?: readonly string[]
  /** Default: a folder of its own. */
  readonly store?: string
  /** Default: 127.0.0.1. */
  readonly host?: string
}

export class NatsServer {
  readonly host: string
  readonly port: number
  readonly #config: string
  readonly #folder: string
  #child: Child | undefined

  /** Resolves when it accepts; it ends with the test. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(options, await freePort())
    onTestFinished(() => server.remove())
    await server.restart()
    return server
  }

  private constructor({ lines = [], store, host = '127.0.0.1' }: NatsServerOptions, port: number) {
    this.#folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-nats-'))
    this.host = host
    this.port = port
    this.#config = join(this.#folder, 'nats.conf')
    const folder = store ?? join(this.#folder, 'store')
    mkdirSync(folder, { recursive: true })
    const all = [
      `listen: "${host}:${port}"`,
      `jetstream { store_dir: "${folder}", max_file_store: 1G }`,
      ...lines,
      '',
    ]
    writeFileSync(this.#config, all.join('\n'))
  }

  get address(): string {
    return `${this.host}:${this.port}`
  }

  /** Starts it; resolves when it accepts. */
  async restart(): Promise<void> {
    const child = new Child(PROGRAM, ['-c', this.#config], { directory: this.#folder })
    this.#child = child
    await child.accepting({ host: this.host, tcpPort: this.port })
  }

  /** What comes is taken, and never answered, until it is let go on. */
  freeze(): void {
    process.kill(this.#child?.pid ?? 0, 'SIGSTOP')
  }

  thaw(): void {
    process.kill(this.#child?.pid ?? 0, 'SIGCONT')
  }

  /** As a power cut would end it. */
  async kill(): Promise<void> {
    process.kill(this.#child?.pid ?? 0, 'SIGKILL')
    await this.stop()
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await this.#child?.stop()
  }

  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
