/** A gateway with two tenants, `hog` and `neighbour`, hostile guests for the one and hello world for both. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { compileHostile } from '../../guests/hostile/compile.ts'
import { systemClock } from '../../src/base/clock.ts'
import { parseConfig } from '../../src/config/parse.ts'
import type { Gateway } from '../../src/gateway/gateway.ts'
import { compileInThreads } from '../../src/guest/compile-threads.ts'
import { assembleGateway } from '../../src/worker/assemble-gateway.ts'
import { type Ask, begin, type Exchange, type Reply } from './peer.ts'

/** As a worker has it. */
const compile = compileInThreads()

export interface StageOptions {
  /** Keys of `hog`'s mount, with a comma before each. */
  readonly quota?: string
  /** Names of files in guests/hostile that `hog` has. */
  readonly guests?: readonly string[]
  /** More modules of `hog`, by name. */
  readonly modules?: Readonly<Record<string, Uint8Array>>
  /** More tenants that have what `hog` has, keys and limits too. */
  readonly others?: readonly string[]
  /** Keys of `hog`'s table. */
  readonly keys?: string
  /** Keys of `hog`'s `[tenant.limits]`; the default gives 50 ms of CPU and 5 s of time. */
  readonly limits?: string
  /** Keys of `hog`'s `[tenant.queue]`. */
  readonly queue?: string
}

/** A line of the log, parsed. */
export type LogLine = Readonly<Record<string, unknown>>

export type AskOptions = Omit<Ask, 'pool' | 'params'> & {
  readonly params?: ReadonlyArray<readonly [string, string]>
}

export interface Stage extends Disposable {
  /** The folder of `hog`'s mount. */
  readonly mount: string
  readonly gateway: Gateway
  readonly log: LogLine[]
  begin(tenant: string, guest: string, options?: AskOptions): Exchange
  ask(tenant: string, guest: string, options?: AskOptions): Promise<Reply>
  /** Resolves as soon as a guest of `tenant` runs. */
  running(tenant: string): Promise<void>
  /** The log's lines about failed requests of `hog`: code and level by name. */
  failures(): ReadonlyArray<{ readonly code: unknown; readonly level: string }>
}

const POOL = 'hostile'
export const HELLO = 'Hello, World!\n'

export function setStage(options: StageOptions = {}): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-hostile-'))
  const hello = compileHostile('hello')
  const hogs = ['hog', ...(options.others ?? [])]
  for (const tenant of [...hogs, 'neighbour']) {
    mkdirSync(join(folder, tenant))
    writeFileSync(join(folder, tenant, 'hello.wasm'), hello)
  }
  mkdirSync(join(folder, 'hog', 'd'))
  mkdirSync(join(folder, 'mount'))
  const modules = Object.entries(options.modules ?? {})
  for (const name of options.guests ?? []) modules.push([name, compileHostile(name)])
  for (const tenant of hogs)
    for (const [name, bytes] of modules) writeFileSync(join(folder, tenant, `${name}.wasm`), bytes)
  const log: LogLine[] = []
  const logger = pino(
    { level: 'debug', base: null },
    { write: (line: string) => void log.push(JSON.parse(line) as LogLine) },
  )
  const config = parseConfig(configText(folder, options), join(folder, 'wasm-fpm.toml'))
  const gateway = assembleGateway(config, { clock: systemClock, logger, accessLog: true, compile })
  const start = (tenant: string, guest: string, { params = [], ...rest }: AskOptions = {}) =>
    begin(gateway, {
      pool: POOL,
      params: Object.entries({
        REQUEST_METHOD: rest.body === undefined && rest.isBodyOpen !== true ? 'GET' : 'POST',
        REQUEST_URI: `/${guest}.wasm`,
        SCRIPT_FILENAME: join(folder, tenant, `${guest}.wasm`),
        WASM_FPM_TENANT: tenant,
        ...Object.fromEntries(params),
      }),
      ...rest,
    })
  return {
    mount: join(folder, 'mount'),
    gateway,
    log,
    begin: start,
    ask: (...args) => start(...args).reply,
    running: async (tenant) => {
      const isRunning = (): boolean =>
        (gateway.scheduler.tenants.get(tenant)?.slots.active ?? 0) > 0
      while (!isRunning()) await new Promise(setImmediate)
    },
    failures: () =>
      log
        .filter((line) => line['tenant'] === 'hog' && 'code' in line && line['msg'] !== 'access')
        .map((line) => ({
          code: line['code'],
          level: logger.levels.labels[Number(line['level'])] ?? '?',
        })),
    [Symbol.dispose]: () => {
      gateway.scheduler.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

function configText(folder: string, options: StageOptions): string {
  const { keys, limits, queue, quota = '', others = [] } = options
  const hogs = ['hog', ...others].map(
    (name) => `
[[tenant]]
name = "${name}"
root = "${folder}/${name}"
access_log = "stderr"
mounts = [{ host = "${folder}/mount", guest = "/mount", writable = true${quota} }]
${keys ?? ''}
[tenant.limits]
${limits ?? 'cpu = "50ms"\nwall = "5s"'}
[tenant.queue]
${queue ?? ''}
`,
  )
  return `
[[pool]]
name = "${POOL}"
listen = ["${folder}/pool.sock"]
${hogs.join('')}
[[tenant]]
name = "neighbour"
root = "${folder}/neighbour"
access_log = "stderr"
`
}
