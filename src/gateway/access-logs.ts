/** Where the requests of each tenant leave a line: standard error as JSON, or a file in php-fpm's format or JSON. */
import { pino } from 'pino'
import type { LineLimit } from '../base/line-limit.ts'
import type { LogSinks } from '../base/log-sinks.ts'
import type { Logger } from '../base/logger.ts'
import type { TenantConfig } from '../config/config.ts'
import { compileAccessFormat, isSuppressed } from './access-line.ts'
import { type AccessLog, createAccessLog } from './access-log.ts'

export class AccessLogs {
  readonly #logger: Logger
  readonly #lines: LineLimit
  readonly #sinks: LogSinks

  /** `lines`: of files, and of those in a format of the operator's. */
  constructor(logger: Logger, lines: LineLimit, sinks: LogSinks) {
    this.#logger = logger
    this.#lines = lines
    this.#sinks = sinks
  }

  /** undefined: the tenant wants none. A file is opened at its first line; what goes wrong with it is logged. */
  open({ accessLog, accessFormat, accessSuppressPath }: TenantConfig): AccessLog | undefined {
    if (accessLog.kind === 'off') return undefined
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
    return (entry) => out.write(`${print(entry)}\n`)
  }
}
