/** Which files the logs of a configuration are, and which of its logs are no files. */
import { standardStreamOf } from '../base/log-streams.ts'
import type { Config, TenantConfig } from '../config/config.ts'
import type { LogEntry } from './log-entry.ts'

export interface LogSource {
  readonly path: string
  /** Whose lines alone are in it; undefined: those of several tenants, or the server's. */
  readonly owner: string | undefined
}

export interface LogSources {
  readonly files: readonly LogSource[]
  /** What an operator should know about lines that will not be shown. */
  readonly notes: readonly string[]
}

/** `tenant`: only its logs, and those that may have lines of it. */
export function logSources(config: Config, tenant: string | undefined): LogSources {
  const writers = new Map<string, Set<string>>()
  for (const one of config.tenants) {
    for (const path of filesOf(one)) {
      const names = writers.get(path) ?? new Set()
      writers.set(path, names.add(one.name))
    }
  }
  const files = [...writers]
    .filter(([, names]) => tenant === undefined || names.has(tenant))
    .map(([path, names]): LogSource => {
      const [first] = names
      const isShared = names.size > 1 || path === config.errorLog
      return { path, owner: isShared ? undefined : first }
    })
  const { errorLog } = config
  const isFile = errorLog !== undefined && standardStreamOf(errorLog) === undefined
  const hasErrorLog = !isFile || writers.has(errorLog)
  return {
    files: hasErrorLog ? files : [{ path: errorLog, owner: undefined }, ...files],
    notes: notesOf(config, tenant),
  }
}

function filesOf({ accessLog, slowlog }: TenantConfig): readonly string[] {
  const access = accessLog.kind === 'file' ? [accessLog.path] : []
  const all = slowlog === undefined ? access : [...access, slowlog]
  // A standard stream is another one here.
  return all.filter((path) => standardStreamOf(path) === undefined)
}

function notesOf(config: Config, tenant: string | undefined): readonly string[] {
  const tenants = config.tenants.filter(({ name }) => tenant === undefined || name === tenant)
  const names = (some: readonly TenantConfig[]): string => {
    const shown = some.slice(0, 5).map(({ name }) => name)
    return some.length > shown.length
      ? `${shown.join(', ')} and ${some.length - 5} more`
      : shown.join(', ')
  }
  const notes: string[] = []
  if (config.errorLog === undefined) {
    notes.push(
      'error_log is "stderr": messages, and requests of tenants with access_log = "stderr", go where wasm-fpm was started. Under systemd: journalctl -u wasm-fpm -f. To have them here: error_log = "/var/log/wasm-fpm/error.log" in the configuration, then restart',
    )
  }
  const silent = tenants.filter(({ accessLog: { kind } }) => kind === 'off' || kind === 'unset')
  if (silent.length > 0) notes.push(`access_log is "off": no requests of ${names(silent)}`)
  if (tenant !== undefined) {
    const anonymous = tenants.filter(({ accessFormat }) => accessFormat !== undefined)
    const shared = anonymous.filter((one) => isShared(one, config))
    if (shared.length > 0) {
      notes.push(
        `access_format does not say whose a line is, and ${tenant} shares its access_log: its requests are left out. A file of its own would show them`,
      )
    }
  }
  return notes
}

function isShared({ name, accessLog }: TenantConfig, { errorLog, tenants }: Config): boolean {
  if (accessLog.kind !== 'file') return accessLog.kind === 'stderr' && errorLog !== undefined
  const { path } = accessLog
  return (
    path === errorLog || tenants.some((one) => one.name !== name && filesOf(one).includes(path))
  )
}

/** Whether an entry is `tenant`'s. */
export function isOf(entry: LogEntry, { owner }: LogSource, tenant: string | undefined): boolean {
  return tenant === undefined || owner === tenant || entry.tenant === tenant
}
