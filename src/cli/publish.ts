/** `wasm-fpm publish`: verifies a module, stores it as a release, and makes it live for a tenant. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { CodedError, toWire } from '../base/errors.ts'
import { loadConfig } from '../config/load.ts'
import { parseDuration, parseSize } from '../config/units.ts'
import { findAccount, readAccountSource } from '../master/account.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE } from '../store/open-store.ts'
import {
  DEFAULT_CEILING,
  type Publication,
  type PublishProgress,
  type PublishStep,
  publish,
  type TenantCeiling,
} from '../store/publish.ts'
import type { PublisherAccount } from '../store/publisher-process.ts'
import { ExitCode } from './exit-code.ts'

interface PublishCommandOptions {
  readonly tenant: string
  readonly handler?: string
  readonly route?: string
  readonly store: string
  readonly config?: string
  readonly as?: string
  readonly json?: boolean
}

/** Whom the publisher's process runs as when root publishes and nobody else is named. */
const NOBODY: PublisherAccount = { uid: 65_534, gid: 65_534 }

export function publishCommand(): Command {
  return new Command('publish')
    .description('verify a module, store it as a release of a tenant, and make it live')
    .argument('<source>', 'a module, or a folder with a module, its files and wasm-fpm.json')
    .requiredOption('--tenant <T>', 'the tenant it is for')
    .option('--handler <NAME>', "the handler's name (default: the manifest's, then the file's)")
    .option('--route <PATH>', "where it answers (default: the manifest's routes, then /)")
    .option('--store <DIR>', 'the store of releases', DEFAULT_STORE)
    .option('--config <FILE>', "a configuration: its tenant's limits are the most a handler gets")
    .option('--as <USER>', 'as root: the user who verifies (default: the pool\'s, then "nobody")')
    .option('--json', 'print JSON, a line for each step')
    .action(run)
}

async function run(source: string, options: PublishCommandOptions): Promise<void> {
  const show = options.json === true ? jsonOutput() : textOutput()
  try {
    const { ceiling, env, user } = ofTenant(options)
    const store = await DirectoryStore.make(options.store, { clock: systemClock })
    const publication = await publish(source, {
      store,
      tenant: options.tenant,
      handler: options.handler,
      route: options.route,
      units: { size: parseSize, duration: parseDuration },
      ceiling,
      tenantEnv: env,
      clock: systemClock,
      account: accountFor(options.as ?? user),
      onStep: show.step,
      onBytes: show.bytes,
    })
    show.end(publication)
  } catch (error) {
    show.stop()
    if (options.json !== true || !(error instanceof CodedError)) throw error
    process.stdout.write(`${JSON.stringify({ event: 'failed', error: toWire(error) })}\n`)
    process.exitCode = ExitCode.Failure
  }
}

interface OfTenant {
  readonly ceiling: TenantCeiling
  readonly env: Readonly<Record<string, string>>
  /** The pool's. */
  readonly user: string | undefined
}

function ofTenant({ config: file, tenant: name }: PublishCommandOptions): OfTenant {
  if (file === undefined) return { ceiling: DEFAULT_CEILING, env: {}, user: undefined }
  const { tenants, pools } = loadConfig(file)
  const tenant = tenants.find((one) => one.name === name)
  if (tenant === undefined) {
    const known = tenants.slice(0, 20).map((one) => one.name)
    throw new CodedError(
      'CONFIG_UNKNOWN_TENANT',
      `Cannot publish for tenant ${JSON.stringify(name)}: ${file} has none of that name, wanted one of ${known.join(', ') || 'a [[tenant]]'}`,
    )
  }
  const { memoryBytes, cpuMs, wallMs, requestBodyBytes, responseBodyBytes } = tenant.limits
  return {
    ceiling: { memoryBytes, cpuMs, wallMs, requestBodyBytes, responseBodyBytes },
    env: tenant.env,
    user: pools.find((pool) => pool.name === tenant.pool)?.user,
  }
}

/** Undefined: this user, who is not root or insists. */
function accountFor(user: string | undefined): PublisherAccount | undefined {
  if (process.getuid?.() !== 0) return undefined
  if (user === undefined) return NOBODY
  const account = findAccount({ name: 'publish', user, group: undefined }, readAccountSource())
  return account?.uid === 0 ? undefined : account
}

interface Output {
  /** Before anything is said about a failure. */
  readonly stop: () => void
  readonly step: (progress: PublishProgress) => void
  readonly bytes: (bytes: number) => void
  readonly end: (publication: Publication) => void
}

function jsonOutput(): Output {
  const print = (value: object): void => {
    process.stdout.write(`${JSON.stringify(value)}\n`)
  }
  return {
    stop: () => undefined,
    step: ({ step, note, found, ms }) => print({ event: 'step', step, note, found, ms }),
    bytes: () => undefined,
    end: ({ stored, switched }) => print({ event: 'published', ...stored, ...switched }),
  }
}

/** How often a line on a terminal is drawn anew, in bytes read. */
const DRAW_BYTES = 1024 * 1024
const ERASE_LINE = '\r\x1b[K'

/** What is going on while nothing has been reported. */
const NEXT: Readonly<Partial<Record<PublishStep, string>>> = {
  read: 'verify',
  verify: 'harden',
  harden: 'compile',
  compile: 'probe',
  probe: 'store',
  store: 'switch',
}

function textOutput(): Output {
  const isTerminal = process.stderr.isTTY === true
  const draw = (text: string): void => {
    if (isTerminal) process.stderr.write(`${ERASE_LINE}${text}`)
  }
  let drawnBytes = 0
  const bytes = (count: number): void => {
    if (count - drawnBytes < DRAW_BYTES) return
    drawnBytes = count
    draw(`read     ${(count / DRAW_BYTES).toFixed(0)} MiB ...`)
  }
  return {
    stop: () => draw(''),
    step: ({ step, note, ms }) => {
      draw('')
      process.stdout.write(`${step.padEnd(8)} ${note} (${ms.toFixed(ms < 10 ? 1 : 0)} ms)\n`)
      const next = NEXT[step]
      if (next !== undefined) draw(`${next} ...`)
    },
    bytes,
    end: ({ release, switched }) => {
      const routes = release.manifest.routes.map(({ path }) => path).join(', ')
      const { tenant, handler } = switched
      process.stdout.write(`${tenant}/${handler} answers ${routes} with ${switched.release}\n`)
    },
  }
}
