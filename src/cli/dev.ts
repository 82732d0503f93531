/** `wasm-fpm dev`: builds and serves the handler in a folder, and does so again whenever a file changes. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import type { TenantConfig } from '../config/config.ts'
import { tenantFor } from '../config/tenant-for.ts'
import { borrowTenant } from './borrowed-tenant.ts'
import { type BuildCommand, findBuildCommand } from './dev/build-command.ts'
import { BuildLoop } from './dev/build-loop.ts'
import { type DevOutput, jsonOutput, textOutput } from './dev/dev-output.ts'
import { DevServer } from './dev/dev-server.ts'
import { findHandlerName, findSource } from './dev/find-source.ts'
import { type Build, runBuild } from './dev/run-build.ts'
import { SourceWatch } from './dev/source-watch.ts'
import { CliError } from './errors.ts'
import { parseHttpAddress } from './http-address.ts'
import { jsonOption } from './json.ts'

interface DevOptions {
  readonly http: string
  readonly build?: string
  readonly config?: string
  readonly tenant?: string
  readonly json?: boolean
}

export function devCommand(): Command {
  return new Command('dev')
    .description('build and serve the handler in a folder, again whenever a file changes')
    .argument('[dir]', 'the folder of the handler (default: this one)')
    .option('--http <HOST:PORT>', 'where to serve it', '127.0.0.1:8080')
    .option('--build <COMMAND>', 'what builds it (default: make, cargo build or npm run build)')
    .option('--config <FILE>', 'a configuration: the settings of its tenant hold')
    .option('--tenant <T>', 'whose settings hold (default: the only tenant of --config)')
    .addOption(jsonOption())
    .action(dev)
}

async function dev(given: string | undefined, options: DevOptions): Promise<void> {
  const folder = resolve(given ?? '.')
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CliError('CLI_UNREADABLE', `Cannot serve ${folder}: it is no folder, wanted one`)
  }
  const http = parseHttpAddress(options.http)
  const settings = settingsOf(options, folder)
  // Before anything is there that must be ended.
  const end = interrupted()
  const { build, json = false } = options
  const output = json ? jsonOutput(write) : textOutput(write)
  const server = await DevServer.make({ http, settings, show: output.logged })
  const command = findBuildCommand(folder, build)
  const session = new DevSession(
    folder,
    { command, buildOutput: json ? 'stderr' : 'stdout' },
    { server, output },
  )
  session.start()
  try {
    await Promise.race([end, session.broken])
  } finally {
    await session.close()
  }
  // Nothing keeps the process but what is left of the worker's channel.
  process.exit(0)
}

/** What the handler in `folder` will have. Undefined: every setting has its default. */
function settingsOf({ config, tenant }: DevOptions, folder: string): TenantConfig | undefined {
  if (config !== undefined)
    return tenantFor(borrowTenant(config, tenant, 'serve').tenant, findHandlerName(folder))
  if (tenant === undefined) return undefined
  throw new CliError(
    'CLI_USAGE',
    'Cannot serve: --tenant is alone, wanted it with the --config FILE that has the tenant',
  )
}

function write(text: string): void {
  process.stdout.write(text)
}

interface Building {
  /** Undefined: nothing has to be built. */
  readonly command: BuildCommand | undefined
  /** With `--json`, standard output is ours alone. */
  readonly buildOutput: 'stdout' | 'stderr'
}

interface DevParts {
  readonly server: DevServer
  readonly output: DevOutput
}

class DevSession {
  readonly #folder: string
  readonly #building: Building
  readonly #server: DevServer
  readonly #output: DevOutput
  readonly #watch: SourceWatch
  readonly #loop: BuildLoop
  readonly #broken = Promise.withResolvers<never>()
  #build: Build | undefined
  #isServing = false
  #isClosed = false

  constructor(folder: string, building: Building, { server, output }: DevParts) {
    this.#folder = folder
    this.#building = building
    this.#server = server
    this.#output = output
    this.#watch = new SourceWatch(folder, {
      clock: systemClock,
      outputs: building.command === undefined ? undefined : /\.wasm$/,
      onChange: (paths) => this.#loop.changed(paths),
    })
    this.#loop = new BuildLoop({
      build: () => this.#buildOnce(),
      takeChanges: () => this.#watch.takeChanges(),
      onGenerated: output.unwatched,
    })
  }

  /** Rejects with what keeps it from serving anything. */
  get broken(): Promise<never> {
    return this.#broken.promise
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
      const { command, buildOutput } = this.#building
      if (command !== undefined) {
        this.#output.building(command.text)
        this.#build = runBuild(command, this.#folder, buildOutput)
        await this.#build.done
      }
      const { release } = await this.#server.publish(findSource(this.#folder), () => undefined)
      if (!this.#isServing) await this.#serve()
      this.#output.ready({
        ms: systemClock.nowMs() - startMs,
        address: this.#server.address,
        routes: release.manifest.routes.map(({ path }) => path),
      })
    } catch (error) {
      if (this.#isClosed) return
      if (!(error instanceof CodedError)) throw error
      this.#output.failed(error, this.#isServing)
    }
  }

  /** There is something to answer with. What keeps it from that is for `broken` to say. */
  async #serve(): Promise<void> {
    try {
      await this.#server.serve()
      this.#isServing = true
    } catch (error) {
      this.#isClosed = true
      this.#broken.reject(error)
      throw error
    }
  }
}

/** Resolves when somebody wants it to end. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve())
    }
  })
}
