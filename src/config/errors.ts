/** What can be wrong with a configuration. */
import { CodedError } from '../base/errors.ts'

export type ConfigErrorCode =
  /** There is no file where one is looked for. */
  | 'CONFIG_NOT_FOUND'
  /** A file is not there or may not be read. */
  | 'CONFIG_NOT_READABLE'
  /** A file is not TOML. */
  | 'CONFIG_SYNTAX'
  /** A key that does not exist. */
  | 'CONFIG_UNKNOWN_KEY'
  /** A value that its key cannot have, or a key that is missing. */
  | 'CONFIG_BAD_VALUE'
  /** A pool, tenant, host, address or mount point given twice. */
  | 'CONFIG_DUPLICATE'
  /** A tenant of a pool that does not exist. */
  | 'CONFIG_UNKNOWN_POOL'
  /** A tenant with a runtime that does not exist. */
  | 'CONFIG_UNKNOWN_RUNTIME'
  /** The module of a runtime that a tenant names is not there. */
  | 'CONFIG_NO_RUNTIME_MODULE'
  /** The module of a tenant's `app` is not there. */
  | 'CONFIG_NO_APP'
  /** A TCP address that strangers can reach, without `allowed_clients`. */
  | 'CONFIG_OPEN_LISTEN'
  /** Process manager settings that contradict each other. */
  | 'CONFIG_BAD_PM'
  /** An engine that is no sandbox, for a tenant that is not trusted. */
  | 'CONFIG_UNTRUSTED_ENGINE'
  /** An `env_file` that others than its owner can read, or that belongs to a stranger. */
  | 'CONFIG_ENV_FILE_OPEN'
  /** An `env_file` that is no file of KEY=VALUE lines. */
  | 'CONFIG_ENV_FILE'
  /** Several problems of different kinds. */
  | 'CONFIG_INVALID'
  /** A tenant that the configuration does not have. */
  | 'CONFIG_UNKNOWN_TENANT'
  /** A tenant cannot be added as a file: no `include` would find it. */
  | 'CONFIG_NO_INCLUDE'
  /** A tenant cannot be removed as a file: there is more in it. */
  | 'CONFIG_SHARED_FILE'
  /** A file of the configuration cannot be written or removed. */
  | 'CONFIG_NOT_WRITABLE'

/** One thing to put right. */
export interface ConfigProblem {
  readonly code: ConfigErrorCode
  readonly file: string
  /** From 1; undefined when nothing in the file stands for it. */
  readonly line: number | undefined
  /** Such as `tenant "acme": limits.memory`; empty for the whole file. */
  readonly key: string
  /** Actual and wanted: `is "64X", wanted a size such as "64MiB"`. */
  readonly message: string
}

/** Most problems that the message lists; `problems` has them all. */
const MAX_PRINTED_PROBLEMS = 100

/** Everything that is wrong with a configuration, in one go. */
export class ConfigError extends CodedError<ConfigErrorCode> {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[], cause?: unknown) {
    const codes = new Set(problems.map(({ code }) => code))
    const [only] = codes
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
    const printed = problems.slice(0, MAX_PRINTED_PROBLEMS).map(printProblem)
    const rest = problems.length - printed.length
    if (rest > 0) printed.push(`... and ${rest} more`)
    super(
      codes.size === 1 && only !== undefined ? only : 'CONFIG_INVALID',
      `Cannot use the configuration: ${count}, wanted none\n${printed.join('\n')}`,
      { cause },
    )
    this.problems = problems
  }
}

/** Why one change to a configuration cannot be made. */
export class ConfigChangeError extends CodedError<ConfigErrorCode> {}

/** Prints a problem as `file:line: key message`. */
export function printProblem({ file, line, key, message }: ConfigProblem): string {
  const place = line === undefined ? file : `${file}:${line}`
  return `${place}: ${key === '' ? '' : `${key} `}${message}`
}
