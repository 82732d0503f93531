/**
 * Files with variables that nobody else may see (`env_file`): KEY=VALUE, one a line. They are read where a guest is about to
 * run, by whoever starts it (the master, as root or as whom it was started), and by nothing that prints a configuration. No message has
 * anything of their content but the number of a line.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { isOpenToOthers, printMode } from '../base/file-mode.ts'
import type { Config, TenantConfig } from './config.ts'
import { ConfigError, type ConfigErrorCode, type ConfigProblem } from './errors.ts'

/** Largest file. */
export const MAX_ENV_FILE_BYTES = 64 * 1024

type Environment = Readonly<Record<string, string>>

/**
 * `config`, with the variables of its files in the `env` of tenants, handlers and [follow]; of a name that is in both, the file's is taken.
 * Throws one `ConfigError` with everything that is wrong.
 */
export function withEnvFiles(config: Config): Config {
  const problems: ConfigProblem[] = []
  const merge = (env: Environment, file: string | undefined, key: string): Environment => {
    if (file === undefined) return env
    try {
      return { ...env, ...readEnvFile(file) }
    } catch (error) {
      if (!(error instanceof EnvFileProblem)) throw error
      const { code, line, message } = error
      problems.push({ code, file, line, key, message })
      return env
    }
  }
  const tenants = config.tenants.map((tenant): TenantConfig => {
    const handlers = tenant.handlers.map((handler) => ({
      ...handler,
      env: merge(
        handler.env,
        handler.envFile,
        `env_file of handler "${handler.name}" of "${tenant.name}"`,
      ),
    }))
    const env = merge(tenant.env, tenant.envFile, `env_file of tenant "${tenant.name}"`)
    const isSame =
      tenant.envFile === undefined && handlers.every((one) => one.envFile === undefined)
    return isSame ? tenant : { ...tenant, env, handlers }
  })
  const { follow } = config
  const ofSource = merge({}, follow?.envFile, 'env_file of [follow]')
  if (problems.length > 0) throw new ConfigError(problems)
  return { ...config, tenants, follow: follow && { ...follow, env: ofSource } }
}

class EnvFileProblem extends Error {
  readonly code: ConfigErrorCode
  readonly line: number | undefined

  constructor(code: ConfigErrorCode, message: string, line?: number) {
    super(message)
    this.code = code
    this.line = line
  }
}

/** A file that is named on a command line. Throws `ConfigError`. */
export function readNamedEnvFile(path: string): Environment {
  try {
    return readEnvFile(path)
  } catch (error) {
    if (!(error instanceof EnvFileProblem)) throw error
    const { code, line, message } = error
    throw new ConfigError([{ code, file: path, line, key: '--env-file', message }])
  }
}

function readEnvFile(path: string): Environment {
  const fd = open(path)
  try {
    checkStats(fstatSync(fd), path)
    return parse(readText(fd))
  } finally {
    closeSync(fd)
  }
}

/** Not through a link: whoever could place one would choose whose secrets it leads to. A FIFO does not hold us up. */
function open(path: string): number {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    if (code === 'ELOOP') {
      throw new EnvFileProblem('CONFIG_ENV_FILE', `is a link, wanted the file that it leads to`)
    }
    const wanted =
      code === 'ENOENT'
        ? `a file: umask 077; echo NAME=value > ${path}`
        : "the right to read it: run this as root, or as the server's user"
    throw new EnvFileProblem('CONFIG_NOT_READABLE', `cannot be read: ${code}, wanted ${wanted}`)
  }
}

function checkStats(stats: Stats, path: string): void {
  if (!stats.isFile()) {
    throw new EnvFileProblem(
      'CONFIG_ENV_FILE',
      'is no plain file, wanted lines of KEY=VALUE in one',
    )
  }
  if (isOpenToOthers(stats.mode)) {
    const message = `has mode ${printMode(stats.mode)}, so that others can use it, wanted 0600: chmod 600 ${path}`
    throw new EnvFileProblem('CONFIG_ENV_FILE_OPEN', message)
  }
  const own = process.geteuid?.() ?? 0
  if (stats.uid !== 0 && stats.uid !== own) {
    const wanted = `root or this user: chown ${own} ${path}`
    const message = `belongs to user ${stats.uid}, wanted ${wanted}`
    throw new EnvFileProblem('CONFIG_ENV_FILE_OPEN', message)
  }
  if (stats.size > MAX_ENV_FILE_BYTES) throw tooLarge(stats.size)
}

function readText(fd: number): string {
  const bytes = Buffer.alloc(MAX_ENV_FILE_BYTES + 1)
  let length = 0
  for (let more = -1; more !== 0; length += more) {
    more = readSync(fd, bytes, length, bytes.length - length, null)
  }
  if (length > MAX_ENV_FILE_BYTES) throw tooLarge(length)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length))
  } catch {
    throw new EnvFileProblem('CONFIG_ENV_FILE', 'is not UTF-8, wanted lines of KEY=VALUE in UTF-8')
  }
}

function tooLarge(size: number): EnvFileProblem {
  const message = `has ${size} bytes, wanted at most ${MAX_ENV_FILE_BYTES}: keep only secrets in it, the rest in env`
  return new EnvFileProblem('CONFIG_ENV_FILE', message)
}

/** A value is everything behind the first `=`, without quotes around it. */
function parse(text: string): Environment {
  const env = new Map<string, string>()
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line) ?? []
    const problem =
      name === undefined || value === undefined || value.includes('\0')
        ? 'is not KEY=VALUE, wanted a name of letters, digits and "_", "=" and a value, or a # comment'
        : env.has(name)
          ? 'has a name that a line before has, wanted each once'
          : undefined
    if (problem !== undefined) throw new EnvFileProblem('CONFIG_ENV_FILE', problem, index + 1)
    env.set(name ?? '', unquoted(value ?? ''))
  }
  return Object.fromEntries(env)
}

function unquoted(value: string): string {
  return /^(["'])(.*)\1$/.exec(value)?.[2] ?? value
}
