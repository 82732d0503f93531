/** A machine that runs wasm-fpm behind a web server, on a loopback address of its own, and is stopped and started. */
import { execFile } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { built } from '../built.ts'
import { Child } from '../peers/child.ts'
import { PROGRAM } from '../program.ts'

export interface MachineOptions {
  /** An address of 127.0.0.0/8. */
  readonly host: string
  readonly port: number
  /** More lines of the configuration, in front of its tables. */
  readonly top?: string
  /** More lines of its pool. */
  readonly pool?: string
}

export class Machine {
  readonly host: string
  readonly port: number
  readonly folder: string
  readonly #config: string
  #child: Child | undefined
  /** Whether a process serves there that is no child of this one. */
  #isUpgraded = false

  constructor({ host, port, top = '', pool = 'workers = 2' }: MachineOptions) {
    this.host = host
    this.port = port
    this.folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-machine-'))
    chmodSync(this.folder, 0o755)
    const root = join(this.folder, 'www')
    mkdirSync(root)
    copyFileSync(built('build/guests/as/hello.wasm'), join(root, 'hello.wasm'))
    this.#config = join(this.folder, 'wasm-fpm.toml')
    writeFileSync(
      this.#config,
      `${top}
[log]
level = "warn"
[[pool]]
name = "www"
listen = ["${host}:${port}"]
${pool}
[[tenant]]
name = "site"
hosts = ["*"]
root = "${root}"
`,
    )
  }

  /** Resolves when it accepts. */
  async start(): Promise<void> {
    const args = [...PROGRAM, 'serve', '--config', this.#config]
    this.#child = new Child(process.execPath, args, { directory: this.folder })
    await this.#child.accepting({ host: this.host, tcpPort: this.port })
  }

  get logs(): string {
    return this.#child?.output() ?? ''
  }

  /** Another master takes over; resolves when it has. */
  async upgrade(): Promise<void> {
    await this.#command('upgrade')
    this.#isUpgraded = true
  }

  /** SIGTERM; resolves when it has ended. Idempotent. */
  async stop(): Promise<void> {
    if (this.#isUpgraded) await this.#command('stop')
    this.#isUpgraded = false
    await this.#child?.stop()
  }

  async #command(name: string): Promise<void> {
    await promisify(execFile)(process.execPath, [...PROGRAM, name, '--config', this.#config])
  }

  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
