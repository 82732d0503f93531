/** Where the requests of each tenant leave a line: standard error as JSON, or a file in php-fpm's format or JSON. */
import { pino } from 'pino'
import type { LineLimit } from '../base/line-limit.ts'
import type { LogSinks } from '../base/log-sinks.ts'
import { gatherIn, type Logger } from '../base/logger.ts'
import type { TenantConfig } from '../config/config.ts'
import { compileAccessFormat, isSuppressed } from './access-line.ts'
import { type AccessLog, createAccessLog } from './access-log.ts'

export class AccessLogs {
  readonly #logger: Logger
  readonly #lines: LineLimit
  readonly #sinks: LogSinks
  /** Whether tenants that do not say have lines on standard error. */
  showAll = false

  /** `lines`: of files, and of those in a format of the operator's. */
  constructor(logger: Logger, lines: LineLimit, sinks: LogSinks) {
    this.#logger = logger
    this.#lines = lines
    this.#sinks = sinks
  }

  /** For requests whose tenant is not known: where a tenant wants lines on standard error, they are there, too. */
  forUnknown(tenants: readonly TenantConfig[]): AccessLog | undefined {
    const isWanted = this.showAll || tenants.some(({ accessLog }) => accessLog.kind === 'stderr')
    return isWanted ? createAccessLog(this.#logger) : undefined
  }

  /** undefined: the tenant wants none. A file is opened at its first line; what goes wrong with it is logged. */
  open({ accessLog, accessFormat, accessSuppressPath }: TenantConfig): AccessLog | undefined {
    if (accessLog.kind === 'off' || (accessLog.kind === 'unset' && !this.showAll)) return undefined
    const write = this.#writer(accessLog, accessFormat)
    return (entry) => {
      if (!isSuppressed(entry, accessSuppressPath)) write(entry)
    }
  }

  #writer(target: TenantConfig['accessLog'], format: string | undefined): AccessLog {
    const isFile = target.kind === 'file'
    if (format === undefined && !isFile) return createAccessLog(this.#logger)
    const sink = isFile ? this.#sinks.to(target.path) : this.#sinks.stream(2)
    const out = this.#lines.before(sink)
    if (format === undefined) return createAccessLog(pino({ base: null }, out))
    const print = compileAccessFormat(format)
    return (entry) => gatherIn(out, `${print(entry)}\n`)
  }
}
