/**
 * The runtimes of a worker: read, compiled and booted once for all tenants that have them, and anew when a reload finds their file, or
 * what the configuration says of them, changed. The one before goes on until then; and if it comes to nothing, further on.
 */
import { randomFillSync } from 'node:crypto'
import { realpathSync, statSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { openFile } from '../base/opened-file.ts'
import { processUser } from '../base/process-user.ts'
import type { RuntimeConfig } from '../config/config.ts'
import { howToGet } from '../config/runtime-use.ts'
import { bootModule } from '../guest/boot.ts'
import type { CompileCache } from '../guest/compile-cache.ts'
import { GuestError } from '../guest/errors.ts'
import {
  checkModuleBytes,
  type GuestModule,
  RUNTIME_FUNCTION_BYTES,
} from '../guest/guest-module.ts'
import type { LoadTurns } from '../guest/load-turns.ts'
import type { RuntimeFacts } from '../ipc/messages.ts'
import { DEFAULT_WASI_LIMITS, type Preopen } from '../wasi/session.ts'
import { entriesOf } from './boot-handler.ts'

export interface RuntimesOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly modules: CompileCache
  readonly turns: LoadTurns
  /** What a boot sees of the file system: what all tenants have. */
  readonly makePreopens: () => readonly Preopen[]
  /** Is told of each that is ready. Default: nobody is. */
  readonly onReady?: ((module: GuestModule) => void) | undefined
  /** Is told how all of them are when that has changed. Default: nobody is. */
  readonly onChange?: ((runtimes: readonly RuntimeFacts[]) => void) | undefined
}

/** How long a worker is not ready because of its runtimes; the master gives it longer altogether. */
const MOST_WAIT_MS = 45_000

let lastId = 0

/** A runtime as it is at one time. */
export class Runtime {
  /** No two have the same. */
  readonly id = ++lastId
  readonly config: RuntimeConfig
  /** What it was made of: the same text means the same one. */
  readonly madeOf: string
  /** Never rejects. */
  readonly settled: Promise<void>
  readonly #booting: Promise<GuestModule>
  #booted: GuestModule | undefined
  #facts: RuntimeFacts

  /** `before`: what answers until this one does. */
  constructor(
    { config, madeOf }: Pick<Runtime, 'config' | 'madeOf'>,
    { booting, clock }: { readonly booting: Promise<GuestModule>; readonly clock: Clock },
    before: GuestModule | undefined,
  ) {
    const { name } = config
    const startMs = clock.nowMs()
    const tookMs = (): number => Math.round(clock.nowMs() - startMs)
    this.config = config
    this.madeOf = madeOf
    this.#booted = before
    this.#booting = booting
    this.#facts = { name, state: 'booting' }
    this.settled = booting.then(
      (module) => {
        this.#booted = module
        this.#facts = { name, state: 'ready', tookMs: tookMs() }
      },
      (error: unknown) => {
        this.#facts = { name, state: 'failed', tookMs: tookMs(), reason: toWire(error).message }
      },
    )
  }

  get facts(): RuntimeFacts {
    return this.#facts
  }

  /** The next reload tries again. */
  get hasFailed(): boolean {
    return this.#facts.state === 'failed'
  }

  get booted(): GuestModule | undefined {
    return this.#booted
  }

  /** Rejects with GUEST_NO_RUNTIME. */
  get module(): GuestModule | Promise<GuestModule> {
    return this.#booted ?? this.#booting
  }
}

export class Runtimes {
  readonly #options: RuntimesOptions
  readonly #latest = new Map<string, Runtime>()

  constructor(options: RuntimesOptions) {
    this.#options = options
  }

  /** Those that `configs` mean, by name; of others, what was made is forgotten. */
  take(configs: readonly RuntimeConfig[]): ReadonlyMap<string, Runtime> {
    const user = processUser()
    const wanted = new Map(
      configs.map((config) => [
        config.name,
        this.#take({ ...config, env: { ...user, ...config.env } }),
      ]),
    )
    for (const name of this.#latest.keys()) if (!wanted.has(name)) this.#latest.delete(name)
    this.#tell()
    return wanted
  }

  #take(config: RuntimeConfig): Runtime {
    const madeOf = JSON.stringify([config, identityOf(config.module)])
    const known = this.#latest.get(config.name)
    if (known?.madeOf === madeOf && !known.hasFailed) return known
    const { clock } = this.#options
    const making = { booting: this.#boot(config), clock }
    const runtime = new Runtime({ config, madeOf }, making, known?.booted)
    this.#latest.set(config.name, runtime)
    void runtime.settled.then(() => {
      if (this.#latest.get(config.name) === runtime) this.#tell()
    })
    return runtime
  }

  #tell(): void {
    this.#options.onChange?.([...this.#latest.values()].map(({ facts }) => facts))
  }

  async #boot(config: RuntimeConfig): Promise<GuestModule> {
    const { clock, logger } = this.#options
    const startMs = clock.nowMs()
    try {
      const module = await this.#load(config)
      const tookMs = Math.round(clock.nowMs() - startMs)
      logger.info({ runtime: config.name, tookMs }, 'runtime is ready')
      this.#options.onReady?.(module)
      return module
    } catch (cause) {
      const { code, message } = toWire(cause)
      logger.error({ runtime: config.name, code }, `runtime cannot be used: ${message}`)
      const why = `Cannot run scripts of runtime ${config.name}: ${message}`
      throw new GuestError('GUEST_NO_RUNTIME', why, { cause })
    }
  }

  async #load(config: RuntimeConfig): Promise<GuestModule> {
    const { clock, makePreopens, modules, turns } = this.#options
    const { name, bootTimeoutMs, env, memoryBytes: memoryMaxBytes } = config
    using file = openModule(config)
    const { size } = file.stats
    checkModuleBytes(size)
    const compiled = await turns.take(`runtime ${name}`, size, async () => {
      const bytes = new Uint8Array(size)
      const length = await file.fill(bytes)
      const options = { memoryMaxBytes, functionBytes: RUNTIME_FUNCTION_BYTES, name }
      return modules.compile(bytes.slice(0, length), { ...options, contract: 'reactor' })
    })
    return bootModule(compiled, {
      clock,
      grants: {
        env: entriesOf(env),
        preopens: makePreopens(),
        random: (into) => void randomFillSync(into),
        limits: DEFAULT_WASI_LIMITS,
      },
      cpuMs: bootTimeoutMs,
      wallMs: bootTimeoutMs,
    })
  }
}

/** Requests of a runtime that takes longer than a worker can wait for wait for it themselves. */
export async function untilSettled(runtimes: Iterable<Runtime>, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = clock.after(MOST_WAIT_MS, late.resolve)
  const all = Promise.all([...runtimes].map(({ settled }) => settled))
  await Promise.race([all, late.promise])
  timer.cancel()
}

/** The operator's own file, which may be a link. */
function openModule({ name, module }: RuntimeConfig): ReturnType<typeof openFile> {
  try {
    return openFile(realpathSync(module), module)
  } catch (cause) {
    const { message } = toWire(cause)
    const wanted = `its module: ${howToGet(name)} (then \`wasm-fpm reload\`)`
    throw new GuestError(
      'GUEST_UNREADABLE',
      `Cannot load runtime ${name} from ${module}: ${message}, wanted ${wanted}`,
      { cause },
    )
  }
}

/** Changes when the file does; the same for all that cannot be read. */
function identityOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path)
    return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`
  } catch {
    return 'none'
  }
}
