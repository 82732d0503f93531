/** `wasm-fpm dev`: builds and serves the handler in a folder, and does so again whenever a file changes. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import { type BuildCommand, findBuildCommand } from './dev/build-command.ts'
import { BuildLoop } from './dev/build-loop.ts'
import { DevServer } from './dev/dev-server.ts'
import { findSource } from './dev/find-source.ts'
import { type Build, runBuild } from './dev/run-build.ts'
import { SourceWatch } from './dev/source-watch.ts'
import { CliError } from './errors.ts'
import { parseHttpAddress } from './http-address.ts'
import { printMs } from './quantity.ts'

interface DevOptions {
  readonly http: string
  readonly build?: string
}

export function devCommand(): Command {
  return new Command('dev')
    .description('build and serve the handler in a folder, again whenever a file changes')
    .argument('[dir]', 'the folder of the handler (default: this one)')
    .option('--http <HOST:PORT>', 'where to serve it', '127.0.0.1:8080')
    .option('--build <COMMAND>', 'what builds it (default: make, cargo build or npm run build)')
    .action(dev)
}

async function dev(given: string | undefined, options: DevOptions): Promise<void> {
  const folder = resolve(given ?? '.')
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CliError('CLI_UNREADABLE', `Cannot serve ${folder}: it is no folder, wanted one`)
  }
  const http = parseHttpAddress(options.http)
  // Before anything is there that must be ended.
  const end = interrupted()
  const server = await DevServer.start(http, (text) => process.stdout.write(text))
  const session = new DevSession(folder, findBuildCommand(folder, options.build), server)
  session.start()
  await end
  await session.close()
  // Nothing keeps the process but what is left of the worker's channel.
  process.exit(0)
}

class DevSession {
  readonly #folder: string
  readonly #command: BuildCommand | undefined
  readonly #server: DevServer
  readonly #watch: SourceWatch
  readonly #loop: BuildLoop
  #build: Build | undefined
  #isServing = false
  #isClosed = false

  constructor(folder: string, command: BuildCommand | undefined, server: DevServer) {
    this.#folder = folder
    this.#command = command
    this.#server = server
    this.#watch = new SourceWatch(folder, {
      clock: systemClock,
      outputs: command === undefined ? undefined : /\.wasm$/,
      onChange: (paths) => this.#loop.changed(paths),
    })
    this.#loop = new BuildLoop({
      build: () => this.#buildOnce(),
      takeChanges: () => this.#watch.takeChanges(),
      onGenerated: (path) => say(`${path} changes with every build: it is not watched any more`),
    })
  }

  start(): void {
    this.#watch.start()
    this.#loop.build()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#watch.close()
    this.#build?.end()
    await this.#loop.close()
    await this.#server.close()
  }

  async #buildOnce(): Promise<void> {
    const startMs = systemClock.nowMs()
    try {
      if (this.#command !== undefined) {
        say(`building: ${this.#command.text}`)
        this.#build = runBuild(this.#command, this.#folder)
        await this.#build.done
      }
      const { release } = await this.#server.publish(findSource(this.#folder), () => undefined)
      const routes = release.manifest.routes.map(({ path }) => path).join(', ')
      const took = printMs(systemClock.nowMs() - startMs)
      say(`ready in ${took}: http://${this.#server.address} answers ${routes}`)
      this.#isServing = true
    } catch (error) {
      if (!this.#isClosed) this.#complain(error)
    }
  }

  #complain(error: unknown): void {
    if (!(error instanceof CodedError)) throw error
    const still = this.#isServing ? 'the last good one is still served' : 'nothing is served yet'
    say(`${error.message} [${error.code}]\n${still}; waiting for a change`)
  }
}

function say(text: string): void {
  process.stdout.write(`dev: ${text}\n`)
}

/** Resolves when somebody wants it to end. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve())
    }
  })
}
