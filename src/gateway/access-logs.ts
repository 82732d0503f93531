/** Where the requests of each tenant leave a line: standard error as JSON, or a file in php-fpm's format or JSON. */
import { pino } from 'pino'
import type { LineLimit } from '../base/line-limit.ts'
import type { LogDestination, Logger } from '../base/logger.ts'
import type { TenantConfig } from '../config/config.ts'
import { compileAccessFormat, isSuppressed } from './access-format.ts'
import { type AccessLog, createAccessLog } from './access-log.ts'

interface LogFile extends LogDestination {
  reopen(): void
}

export class AccessLogs {
  readonly #logger: Logger
  readonly #lines: LineLimit
  /** Tenants may share a file. */
  readonly #files = new Map<string, LogFile>()

  /** `lines`: of files, and of those in a format of the operator's. */
  constructor(logger: Logger, lines: LineLimit) {
    this.#logger = logger
    this.#lines = lines
  }

  /** undefined: the tenant wants none. A file is opened at its first line; what goes wrong with it is logged. */
  open({ accessLog, accessFormat, accessSuppressPath }: TenantConfig): AccessLog | undefined {
    if (accessLog.kind === 'off') return undefined
    const write = this.#writer(accessLog, accessFormat)
    return (entry) => {
      if (!isSuppressed(entry, accessSuppressPath)) write(entry)
    }
  }

  /** Opens the files anew, after somebody has moved them away. */
  reopen(): void {
    for (const file of this.#files.values()) file.reopen()
  }

  #writer(target: TenantConfig['accessLog'], format: string | undefined): AccessLog {
    const file = target.kind === 'file' ? this.#file(target.path) : undefined
    if (format === undefined) {
      return createAccessLog(file === undefined ? this.#logger : pino({ base: null }, file))
    }
    const print = compileAccessFormat(format)
    const out = file ?? this.#lines.before(process.stderr)
    return (entry) => {
      out.write(`${print(entry)}\n`)
    }
  }

  #file(path: string): LogFile {
    let file = this.#files.get(path)
    if (file === undefined) {
      const destination = pino.destination({ dest: path, append: true, sync: false })
      destination.on('error', (error: unknown) =>
        this.#logger.error({ path, err: error }, 'cannot write an access log'),
      )
      file = { ...this.#lines.before(destination), reopen: () => destination.reopen() }
      this.#files.set(path, file)
    }
    return file
  }
}
