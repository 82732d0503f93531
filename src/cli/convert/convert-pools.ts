/** From php-fpm's directives to the text of our configuration: each one becomes a key, or a comment that says why not. */

import { join } from 'node:path'
import { isLocal, parseListenAddress } from '../../base/listen-address.ts'
import { ConfigError } from '../../config/errors.ts'
import { parseConfig } from '../../config/parse.ts'
import { CliError } from '../errors.ts'
import type { Directive } from './directive.ts'
import { GLOBAL_RULES, POOL_RULES, type Rule, SETTING_RULES } from './directive-rules.ts'
import { looksSecret } from './looks-secret.ts'
import { type PhpNeed, PhpRuntimes } from './php-runtimes.ts'
import { Sheet } from './sheet.ts'

const PHP_ACCESS_FORMAT = '%R - %u %t "%m %r" %s'

/** Of `listen.backlog`, on Linux. */
const PHP_BACKLOG = 511

/** The most that `queue.timeout` may be. */
const LONGEST_WAIT = '1h'

const WORKERS_NOTE =
  'processes, each of about 105 MiB: one keeps one core busy, and runs all of max_children'

export interface ConvertOptions {
  /** Where php-fpm's relative paths start. */
  readonly prefix: string
  /** Worker processes of each pool. */
  readonly workers: number
  /** Document root of the tenants; `$pool` is the pool's name. */
  readonly root?: string | undefined
  /** Named in the first line. */
  readonly source: string
  /** Where the files with secrets are, or will be. */
  readonly secretsFolder: string
}

/** A file of variables that nobody else may read: its path, and those in it. */
export interface SecretsFile {
  readonly path: string
  readonly variables: Readonly<Record<string, string>>
}

export interface Converted {
  /** A good configuration (`parseConfig` takes it). */
  readonly toml: string
  /** What is not the same here, one line each: directives without meaning, values we do not take. */
  readonly notes: readonly string[]
  /** What of `env[...]` looks like a secret: it is in no other part. */
  readonly secrets: readonly SecretsFile[]
  /** Whether a setting of PHP looks like one: those are lines of one variable, which no such file takes. */
  readonly hasSecretSettings: boolean
}

/** Throws CONVERT_NO_POOL, CONVERT_BAD_POOL. */
export function convertPools(directives: readonly Directive[], options: ConvertOptions): Converted {
  const names = [...new Set(directives.map(({ section }) => section))].filter(
    (name) => name !== 'global',
  )
  if (names.length === 0) {
    throw new CliError(
      'CONVERT_NO_POOL',
      `Cannot convert ${options.source}: no [pool] section, wanted at least one`,
    )
  }
  const main = new Sheet()
  const runtimes = new PhpRuntimes()
  for (const directive of directives.filter(({ section }) => section === 'global')) {
    apply(directive, GLOBAL_RULES[directive.name], { sheet: main, prefix: options.prefix })
  }
  const sheets = names.map((name) =>
    convertPool(
      name,
      directives.filter(({ section }) => section === name),
      { ...options, runtimes },
    ),
  )
  const secrets = sheets.flatMap((sheet) => {
    const path = sheet.get('tenant', 'env_file')
    return typeof path === 'string' ? [{ path, variables: sheet.secrets }] : []
  })
  const lines = [
    ...introduction(options.source),
    ...main.lines('main'),
    ...main.comments(),
    ...main.table('[log]', 'log'),
    ...runtimes.lines(),
    ...sheets.flatMap(poolLines),
  ]
  const repaired = repair(lines)
  return {
    toml: `${repaired.lines.join('\n')}\n`,
    notes: [...main.notes, ...sheets.flatMap(({ notes }) => notes), ...repaired.notes],
    secrets,
    hasSecretSettings: sheets.some((sheet) => sheet.hasSecretSettings),
  }
}

function introduction(source: string): string[] {
  return [
    `# Converted from php-fpm's ${oneLine(source)}.`,
    "# Sockets, logs and pid files are still php-fpm's own: stop php-fpm first, or change them.",
    '',
  ]
}

function poolLines(sheet: Sheet): string[] {
  return [
    ...sheet.table('[[pool]]', 'pool'),
    ...sheet.table('[[tenant]]', 'tenant'),
    ...sheet.comments(),
    ...sheet.table('[tenant.limits]', 'limits'),
    ...sheet.table('[tenant.queue]', 'queue'),
  ]
}

function convertPool(
  section: string,
  directives: readonly Directive[],
  options: ConvertOptions & { readonly runtimes: PhpRuntimes },
): Sheet {
  const sheet = new Sheet()
  const name = safeName(section)
  const prefix = directives.findLast((one) => one.name === 'prefix')?.value ?? options.prefix
  const context: Context = { sheet, prefix: expand(prefix, section) }
  sheet.set('pool', 'name', {
    value: name,
    ...(name === section ? {} : { note: `was "${oneLine(section)}"` }),
  })
  sheet.set('tenant', 'name', { value: name })
  sheet.set('tenant', 'pool', { value: name })
  sheet.set('tenant', 'hosts', {
    value: ['*'],
    note: "as php-fpm: whoever reaches the socket is this pool's",
  })
  if (options.root === undefined) {
    sheet.remark(
      'tenant',
      '# root = "/srv/www" -- php-fpm has no document root: name the folder of your scripts',
    )
  } else sheet.set('tenant', 'root', { value: expand(options.root, name) })
  for (const directive of directives) {
    const expanded = { ...directive, value: expand(directive.value, section) }
    apply(expanded, POOL_RULES[directive.name], context)
  }
  sheet.set('tenant', 'runtimes', { value: [options.runtimes.nameFor(needOf(directives))] })
  for (const line of WRITABLE_REMARK) sheet.remark('tenant', line)
  sheet.set('pool', 'workers', { value: options.workers, note: WORKERS_NOTE })
  nameSecrets(sheet, join(options.secretsFolder, `${name}.env`))
  openListeners(directives, sheet, section)
  keepWaiting(sheet)
  keepAccessLog(directives, sheet)
  return sheet
}

/** `env_file`, where there is something for it. */
function nameSecrets(sheet: Sheet, path: string): void {
  if (Object.keys(sheet.secrets).length === 0) return
  sheet.set('tenant', 'env_file', {
    value: path,
    note: `mode 0600: ${Object.keys(sheet.secrets).join(', ')}`,
  })
}

/** What the pool's scripts may be called, and how much memory they may take. */
function needOf(directives: readonly Directive[]): PhpNeed {
  const named = directives.findLast(({ name }) => name === 'security.limit_extensions')
  const endings = (named?.value ?? '').split(/[,\s]+/).filter((one) => /^\.[^/]+$/.test(one))
  // Modules are run in any case.
  const extensions = endings.filter((one) => one !== '.wasm')
  const limit = directives.findLast(
    ({ name, index }) => index === 'memory_limit' && /^php_(?:admin_)?value$/.test(name),
  )
  return {
    extensions: extensions.length === 0 ? undefined : extensions,
    memoryLimit: limit?.value,
  }
}

/** php-fpm's children write wherever their user may. */
const WRITABLE_REMARK = [
  '# Scripts can write their sessions, /tmp, which ends with the request, and what is named here; for all of root: guest and host the same as root',
  '# [[tenant.mounts]]',
  '# host = "/srv/www/uploads"',
  '# guest = "/srv/www/uploads"',
  '# writable = true',
]

/**
 * In php-fpm whoever finds no idle child waits in the kernel's queue of the socket, for as long as the web server does. Here
 * connections are taken at once, and their requests wait in the tenant's queue: it has to be as long.
 */
function keepWaiting(sheet: Sheet): void {
  const backlog = sheet.get('pool', 'listen_backlog')
  sheet.set('queue', 'max', {
    value: typeof backlog === 'number' ? Math.max(1, backlog) : PHP_BACKLOG,
    note: "as php-fpm's listen.backlog: so many requests wait for a child, further ones are refused (503; php-fpm: 502)",
  })
  sheet.set('queue', 'timeout', {
    value: LONGEST_WAIT,
    note: 'php-fpm lets them wait as long as the web server does',
  })
}

interface Context {
  readonly sheet: Sheet
  readonly prefix: string
}

function apply(directive: Directive, rule: Rule | undefined, context: Context): void {
  const { sheet, prefix } = context
  if (rule === undefined) sheet.drop(directive, 'is not a directive of php-fpm')
  else if ('why' in rule) sheet.drop(directive, rule.why)
  else if ('special' in rule) applySpecial(directive, rule.special, context)
  else if (directive.value === '') sheet.drop(directive, 'is empty')
  else {
    const result = rule.read(directive.value, { prefix })
    if ('why' in result) sheet.drop(directive, result.why)
    else sheet.set(rule.target, rule.key, result)
  }
}

function applySpecial(
  directive: Directive,
  special: Extract<Rule, { readonly special: string }>['special'],
  context: Context,
): void {
  const { sheet } = context
  switch (special) {
    case 'prefix':
    case 'extensions':
      return // already in the paths, or the runtime
    case 'suppress':
      sheet.append('access_suppress_path', directive.value)
      return
    case 'env':
      if (!directive.index) sheet.drop(directive, 'has no name')
      else if (directive.value.startsWith('$')) {
        sheet.drop(
          directive,
          "took its value from php-fpm's own environment: write the value into env, or into env_file",
        )
      } else if (!looksSecret(directive.index, directive.value)) {
        sheet.setEnv(directive.index, directive.value)
      } else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(directive.index)) {
        sheet.drop(
          directive,
          'looks like a secret, and its name has more than letters, digits, "_"',
        )
      } else sheet.setSecret(directive.index, directive.value)
      return
    case 'setting': {
      if (!directive.index) {
        sheet.drop(directive, 'has no name')
        return
      }
      const variable = directive.name.includes('admin') ? 'PHP_ADMIN_VALUE' : 'PHP_VALUE'
      sheet.addSetting(variable, directive.index, directive.value)
      const rule = SETTING_RULES[directive.index]
      if (rule !== undefined) apply(directive, rule, context)
    }
  }
}

/** php-fpm lets everybody in unless told otherwise; we must be told so. */
function openListeners(directives: readonly Directive[], sheet: Sheet, section: string): void {
  const lastOf = (name: string): string =>
    directives.findLast((one) => one.name === name)?.value ?? ''
  const listen = lastOf('listen')
  if (listen === '') {
    throw new CliError(
      'CONVERT_BAD_POOL',
      `Cannot convert pool [${oneLine(section)}]: no "listen", wanted an address`,
    )
  }
  const address = parseListenAddress(listen)
  const clients = lastOf('listen.allowed_clients').replace(/\bany\b|[\s,]/g, '')
  if (address === undefined || isLocal(address) || clients !== '') return
  sheet.set('pool', 'insecure_listen', {
    value: true,
    note: 'DANGER: whoever reaches this address can run any handler: name the web servers in allowed_clients instead',
  })
}

/** php-fpm keeps no access log unless told to, and has another default format. */
function keepAccessLog(directives: readonly Directive[], sheet: Sheet): void {
  const isSet = (name: string): boolean =>
    directives.some((one) => one.name === name && one.value !== '')
  if (!isSet('access.log')) {
    sheet.set('tenant', 'access_log', { value: 'off', note: 'as php-fpm without access.log' })
  } else if (!isSet('access.format')) {
    sheet.set('tenant', 'access_format', {
      value: PHP_ACCESS_FORMAT,
      note: "php-fpm's default; without: JSON",
    })
  }
}

/**
 * Takes out, as comments, the lines that our configuration refuses: numbers beyond our limits, contradictions that
 * php-fpm would refuse as well.
 */
function repair(lines: readonly string[]): {
  readonly lines: readonly string[]
  readonly notes: readonly string[]
} {
  const notes: string[] = []
  const repaired = [...lines]
  for (let round = 0; round <= lines.length; round += 1) {
    const problems = problemsOf(repaired.join('\n'))
    if (problems.length === 0) return { lines: repaired, notes }
    let isBetter = false
    for (const { line, key, message } of problems) {
      const index = (line ?? 0) - 1
      const text = repaired[index] ?? ''
      if (!/^[a-z_]+ = /.test(text)) continue
      repaired[index] = `# ${text} -- ${oneLine(message)}`
      notes.push(`${key} ${oneLine(message)}`)
      isBetter = true
    }
    if (!isBetter) break
  }
  const [problem] = problemsOf(repaired.join('\n'))
  throw new CliError(
    'CONVERT_BAD_POOL',
    `Cannot convert: ${problem?.key ?? ''} ${problem?.message ?? ''}`,
  )
}

function problemsOf(text: string): ConfigError['problems'] {
  try {
    parseConfig(text, '/etc/wasm-fpm/wasm-fpm.toml')
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

function expand(value: string, pool: string): string {
  return value.replaceAll('$pool', () => pool)
}

/** Names have fewer characters here. */
function safeName(section: string): string {
  const name = section
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63)
  return name === '' ? 'pool' : name
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a comment ends with its line
  return text.replace(/[\x00-\x1f\x7f]/g, ' ')
}
