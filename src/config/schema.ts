/**
 * Every key of wasm-fpm.toml, with its type, limits and default. docs/config.md is the reference for people; a test
 * holds the two together.
 */
import { isIPv6 } from 'node:net'
import { z } from 'zod'
import { APP_WANTED, isAppName } from '../base/app-name.ts'
import type { LogLevel } from '../base/logger.ts'
import { areWarmPaths, WARM_PATHS_WANTED } from '../base/warm-paths.ts'
import { isAccessFormat } from './access-format.ts'
import {
  boolean,
  duration,
  integer,
  type KeyOptions,
  key,
  list,
  oneOf,
  optionalKey,
  requiredKey,
  size,
  text,
} from './config-key.ts'
import { followSource } from './follow-source.ts'
import { account, clientRange, listenAddress, mode, tcpAddress } from './listen-values.ts'

const name = text('1 to 63 letters, digits, ".", "_" or "-", a letter or digit first', (value) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value),
)
const path = text('a path', (value) => value !== '' && !value.includes('\0'))
const guestPath = text('an absolute path without "..", such as "/data"', (value) =>
  /^\/(?!.*(?:^|\/)\.\.(?:\/|$))[^\0]*$/.test(value),
)
const pathOrOff = {
  type: 'path or `"off"`',
  wanted: '"off" or an absolute path without "..", such as "/var/lib/php/sessions"',
  read: (value: unknown): string | undefined =>
    value === 'off' ? value : value === '/' ? undefined : guestPath.read(value),
}
const host = {
  type: 'string',
  wanted: 'a host name without port, "*.example.org" or "*"',
  read: (value: unknown): string | undefined =>
    typeof value === 'string' &&
    /^(?:\*|(?:\*\.)?[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])$/.test(value)
      ? value.toLowerCase().replace(/\.$/, '')
      : undefined,
}
const outboundHost = {
  type: 'string',
  wanted: 'a host name, an address, "*.example.org" or "*"',
  read: (value: unknown): string | undefined => {
    const bare = typeof value === 'string' ? value.replace(/^\[(.*)\]$/, '$1') : value
    // An address has many forms, and one that everybody uses.
    if (typeof bare === 'string' && isIPv6(bare) && !bare.includes('%'))
      return new URL(`http://[${bare}]/`).hostname.slice(1, -1)
    return host.read(value)
  },
}
const port = integer(1, 65_535)
const env = {
  type: 'table of string',
  // Its values may be secrets.
  show: (value: unknown) => (isPlainTable(value) ? 'a table that has others' : `a ${typeof value}`),
  wanted: 'a table of strings whose names have no "=" and no NUL',
  read: (value: unknown): Readonly<Record<string, string>> | undefined => {
    if (!isPlainTable(value)) return undefined
    const entries = Object.entries(value).map(([name, one]): [string, unknown] => [name, one])
    const isText = (entry: [string, unknown]): entry is [string, string] =>
      typeof entry[1] === 'string' && !entry[1].includes('\0') && /^[^=\0]+$/.test(entry[0])
    return entries.every(isText) ? Object.fromEntries(entries) : undefined
  },
}
function isPlainTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const headerName = {
  type: 'string',
  wanted: 'the name of a header field',
  read: (value: unknown): string | undefined =>
    typeof value === 'string' && /^[A-Za-z0-9-]+$/.test(value) ? value.toLowerCase() : undefined,
}
const method = {
  type: 'string',
  wanted: 'a method of HTTP in capitals, such as "GET"',
  read: (value: unknown): string | undefined =>
    typeof value === 'string' && /^[A-Z][A-Z-]{0,31}$/.test(value) ? value : undefined,
}
const urlPath = text('a path that starts with "/", such as "/status", without "?"', (value) =>
  /^\/[\x21-\x3e\x40-\x7e]*$/.test(value),
)
const fileName = text(
  'the name of a file, without "/"',
  (value) => /^[^/\0]{1,255}$/.test(value) && value !== '.' && value !== '..',
)
const fileOr = (...words: readonly string[]): KeyOptions<string> => {
  const quoted = words.map((word) => `"${word}"`)
  return {
    type: `path${quoted.map((word) => ` \`${word}\``).join('')}`,
    wanted: `a path, ${quoted.join(' or ')}`,
    // php-fpm's word for the system log would otherwise be taken for a file of that name.
    read: (value) => (value === 'syslog' ? undefined : path.read(value)),
  }
}
const accessFormat = text(
  'php-fpm\'s access.format tokens, such as "%R - %u %t \\"%m %r%Q%q\\" %s"',
  (value) => value !== '' && isAccessFormat(value),
)
const signer = text(
  'a public key ("ed25519:" and 32 bytes in base64) or the path of a file with one',
  (value) =>
    value.startsWith('ed25519:')
      ? /^ed25519:[A-Za-z0-9+/]{43}=$/.test(value)
      : value !== '' && !value.includes('\0'),
)
const warmPaths = {
  type: 'array of string',
  wanted: WARM_PATHS_WANTED,
  read: (value: unknown) => (areWarmPaths(value) ? value : undefined),
}
const extension = text('a file name ending such as ".wasm"', (value) => /^\.[^/\0]+$/.test(value))
const keepalive = {
  type: 'duration or `"off"`',
  wanted:
    '"off" or a duration of at least 75s: web servers give up idle connections after 60s, and should be first',
  read: (value: unknown): number | 'off' | undefined =>
    value === 'off' ? value : duration('75s', '30d').read(value),
}
const logLevel = {
  type: 'level',
  wanted: 'one of "debug", "info", "notice", "warn", "error", "fatal", "silent"',
  read: (value: unknown) => (typeof value === 'string' ? LOG_LEVELS.get(value) : undefined),
}
/** Our own names and php-fpm's. */
const LOG_LEVELS = new Map<string, LogLevel>([
  ['debug', 'debug'],
  ['info', 'info'],
  ['notice', 'info'],
  ['warn', 'warn'],
  ['warning', 'warn'],
  ['error', 'error'],
  ['fatal', 'fatal'],
  ['alert', 'fatal'],
  ['silent', 'silent'],
])

const wholeList = <T>(
  item: { type: string; wanted: string; read: (value: unknown) => T | undefined },
  what: string,
) => list(item, `an array of ${what}, each ${item.wanted}`)

export const logSchema = z.strictObject({
  level: key('info', logLevel),
  format: key('auto', oneOf(['auto', 'json', 'readable'])),
})

export const poolSchema = z.strictObject({
  name: requiredKey(name),
  listen: requiredKey(wholeList(listenAddress, 'addresses')),
  listen_owner: optionalKey('`user`', account),
  listen_group: optionalKey('`group`', account),
  listen_mode: key('0660', mode),
  listen_backlog: key(511, integer(1, 65_535)),
  allowed_clients: key([], wholeList(clientRange, 'clients')),
  insecure_listen: key(false, boolean),
  user: optionalKey('unchanged', account),
  group: optionalKey("the user's", account),
  workers: optionalKey('number of cores', integer(1, 512)),
  first_byte_timeout: key('5s', duration('100ms', '1h')),
  params_timeout: key('10s', duration('100ms', '1h')),
  body_timeout: key('60s', duration('100ms', '1d')),
  write_timeout: key('60s', duration('100ms', '1d')),
  keepalive_timeout: key('off', keepalive),
  max_connections: key(16_384, integer(1, 1_000_000)),
  multiplex: key(true, boolean),
  max_requests_per_connection: key(128, integer(1, 65_535)),
  gather_connections: key(true, boolean),
  busy_poll: key(200, integer(0, 10_000)),
  pm_status_path: optionalKey('none', urlPath),
})

export const mountSchema = z.strictObject({
  host: requiredKey(path),
  guest: requiredKey(guestPath),
  writable: key(false, boolean),
  quota: key('1GiB', size(0, '1048576GiB')),
  quota_files: key(10_000, integer(0, 10_000_000)),
  keyvalue: optionalKey('none', name),
})

/** What guests may connect to. */
export const outboundSchema = z.strictObject({
  host: optionalKey('none', outboundHost),
  ports: key([], wholeList(port, 'ports')),
  protocol: key('tcp', oneOf(['tcp', 'tls'])),
  methods: key([], wholeList(method, 'methods')),
  private: key(false, boolean),
  ca: optionalKey("the machine's list", path),
  name: optionalKey('none', name),
  unix: optionalKey('none', path),
})

export const limitsSchema = z.strictObject({
  memory: key('64MiB', size('64KiB', '4GiB')),
  cpu: key('10s', duration('1ms', '1d')),
  wall: key('30s', duration('1ms', '1d')),
  slice: key('1ms', duration('1ms', '1s')),
  params: key('256KiB', size('4KiB', '16MiB')),
  params_count: key(1000, integer(16, 100_000)),
  request_body: key('8MiB', size(0, '1024GiB')),
  response_body: key('64MiB', size(0, '1024GiB')),
  response_header: key('16KiB', size(256, '1MiB')),
  response_header_count: key(100, integer(1, 10_000)),
  held_back: key('32KiB', size(0, '16MiB')),
  stderr_rate: key('64KiB', size(0, '1GiB')),
  stderr: key('64KiB', size(0, '1GiB')),
  stderr_line: key('4KiB', size(80, '1MiB')),
  tmp: key('16MiB', size(0, '4GiB')),
  tmp_files: key(1024, integer(0, 1_000_000)),
  tmp_depth: key(32, integer(1, 256)),
  open_files: key(64, integer(3, 65_535)),
  function: key('5MiB', size('1KiB', '7MiB')),
  outbound: key(8, integer(0, 10_000)),
  outbound_tenant: key(64, integer(0, 100_000)),
  outbound_connect: key('5s', duration('10ms', '1h')),
  outbound_idle: key('30s', duration('10ms', '1d')),
  outbound_time: key('5m', duration('10ms', '30d')),
  outbound_sent: key('64MiB', size(0, '1024GiB')),
  outbound_received: key('64MiB', size(0, '1024GiB')),
})

/** What the operator allows one handler instead of what its tenant has. */
export const handlerLimitsSchema = z.strictObject({
  memory: optionalKey("the tenant's", size('64KiB', '4GiB')),
  cpu: optionalKey("the tenant's", duration('1ms', '1d')),
  wall: optionalKey("the tenant's", duration('1ms', '1d')),
  request_body: optionalKey("the tenant's", size(0, '1024GiB')),
  response_body: optionalKey("the tenant's", size(0, '1024GiB')),
  function: optionalKey("the tenant's", size('1KiB', '7MiB')),
})

export const handlerSchema = z.strictObject({
  name: requiredKey(path),
  lifetime: optionalKey("the tenant's", oneOf(['reset', 'fresh', 'persistent'])),
  env: key({}, env),
  env_file: optionalKey('none', path),
  limits: handlerLimitsSchema.prefault({}),
})

export const queueSchema = z.strictObject({
  max: key(128, integer(0, 1_000_000)),
  timeout: key('5s', duration('0', '1h')),
})

/** What runs the scripts of tenants that name it. */
export const runtimeSchema = z.strictObject({
  name: requiredKey(name),
  module: optionalKey('`runtimes/NAME.wasm` in the store', path),
  extensions: requiredKey(wholeList(extension, 'endings')),
  index: optionalKey('none', fileName),
  memory: key('256MiB', size('64KiB', '4GiB')),
  boot_timeout: key('10s', duration('100ms', '1h')),
  sessions: optionalKey(
    '`"/var/lib/php/sessions"` for one that runs `.php`; none for others',
    pathOrOff,
  ),
  sessions_quota: key('1GiB', size(0, '1048576GiB')),
  sessions_quota_files: key(100_000, integer(0, 10_000_000)),
  env: key({}, env),
})

export const tenantSchema = z.strictObject({
  name: requiredKey(name),
  pool: optionalKey('the only pool', name),
  hosts: key([], wholeList(host, 'hosts')),
  root: optionalKey('none', path),
  runtimes: key([], wholeList(name, 'names of runtimes')),
  app: optionalKey('none', text(APP_WANTED, isAppName)),
  env: key({}, env),
  env_file: optionalKey('none', path),
  pm: key('ondemand', oneOf(['static', 'dynamic', 'ondemand'])),
  max_children: key(32, integer(1, 16_000)),
  start_servers: optionalKey('halfway between the spares', integer(0, 16_000)),
  min_spare_servers: key(1, integer(1, 16_000)),
  max_spare_servers: optionalKey('4, at most `max_children`', integer(1, 16_000)),
  process_idle_timeout: key('10s', duration('0', '30d')),
  max_requests: key(0, integer(0, Number.MAX_SAFE_INTEGER)),
  max_spawn_rate: key(32, integer(1, 16_000)),
  mounts: z.array(mountSchema).prefault([]),
  outbound: z.array(outboundSchema).prefault([]),
  handlers: z.array(handlerSchema).prefault([]),
  allowed_response_headers: key([], wholeList(headerName, 'names')),
  limit_extensions: key(['.wasm'], wholeList(extension, 'endings')),
  lifetime: key('reset', oneOf(['reset', 'fresh', 'persistent'])),
  engine: key('own', oneOf(['own', 'wasmer'])),
  trusted: key(false, boolean),
  signers: key([], wholeList(signer, 'keys')),
  index: key('index.wasm', fileName),
  revalidate: key('1s', duration('0', '1h')),
  warm: key([], warmPaths),
  chdir: key('/', guestPath),
  pm_status_path: optionalKey('none', urlPath),
  ping_path: optionalKey('none', urlPath),
  ready_path: optionalKey('none', urlPath),
  ping_response: key(
    'pong',
    text('at most 1,024 characters', (value) => value.length <= 1024),
  ),
  access_log: optionalKey('`"off"`', fileOr('stderr', 'off')),
  access_format: optionalKey('JSON', accessFormat),
  access_suppress_path: key([], wholeList(urlPath, 'paths')),
  slowlog: optionalKey('the error log', path),
  request_slowlog_timeout: key('0', duration('0', '1d')),
  request_slowlog_trace_depth: key(20, integer(1, 100)),
  request_terminate_timeout_track_finished: key(true, boolean),
  limits: limitsSchema.prefault({}),
  queue: queueSchema.prefault({}),
})

/** The admin API; without this table there is none. */
export const adminSchema = z.strictObject({
  listen: key(['/run/wasm-fpm/admin.sock'], wholeList(listenAddress, 'addresses')),
  listen_owner: optionalKey('`user`', account),
  listen_group: optionalKey('`group`', account),
  listen_mode: key('0600', mode),
  allowed_clients: key([], wholeList(clientRange, 'clients')),
  require_token: key(false, boolean),
  user: optionalKey('unchanged', account),
  group: optionalKey("the user's", account),
  tokens: optionalKey('`tokens.json` beside the store', path),
  audit_log: optionalKey('`audit.log` beside the store', path),
  rate_limit: key(600, integer(1, 1_000_000)),
})

/** Which store of releases the one of this machine follows. */
export const followSchema = z.strictObject({
  source: requiredKey(followSource),
  interval: key('2s', duration('100ms', '1h')),
  ca: optionalKey('the usual authorities', path),
  env_file: optionalKey('none', path),
  allow_old_server: key(false, boolean),
  user: optionalKey('unchanged', account),
  group: optionalKey("the user's", account),
})

/** Where load balancers ask how the machine is. */
export const agentSchema = z.strictObject({
  listen: requiredKey(tcpAddress),
  allowed_clients: key([], wholeList(clientRange, 'clients')),
  slow_start: key('10s', duration('0', '1h')),
})

/** Where collectors find the figures of the whole machine. */
export const metricsSchema = z.strictObject({
  listen: requiredKey(tcpAddress),
  allowed_clients: key([], wholeList(clientRange, 'clients')),
})

/** A file named by `include`. */
export const includedSchema = z.strictObject({
  pool: z.array(poolSchema).prefault([]),
  runtime: z.array(runtimeSchema).prefault([]),
  tenant: z.array(tenantSchema).prefault([]),
})

/** The file named on the command line. */
export const mainSchema = includedSchema.extend({
  include: key([], wholeList(path, 'paths')),
  process_control_timeout: key('30s', duration('0', '1d')),
  drain_delay: key('0', duration('0', '1h')),
  process_max: key(0, integer(0, 1_000_000)),
  memory_max: optionalKey('no limit', size('1MiB', '65536GiB')),
  warm_memory_max: optionalKey("half of the machine's memory", size(0, '65536GiB')),
  store: optionalKey('`"/var/lib/wasm-fpm/store"`', path),
  pid: optionalKey('none', path),
  error_log: key('stderr', fileOr('stderr')),
  log_limit: key('8KiB', size('256', '1MiB')),
  log_memory: key('1MiB', size('64KiB', '1GiB')),
  emergency_restart_threshold: key(0, integer(0, 10_000)),
  emergency_restart_interval: key('1m', duration('0', '1d')),
  log: logSchema.prefault({}),
  admin: adminSchema.optional(),
  agent: agentSchema.optional(),
  metrics: metricsSchema.optional(),
  follow: followSchema.optional(),
})

export type MainFile = z.infer<typeof mainSchema>
export type AdminTable = z.infer<typeof adminSchema>
export type MetricsTable = z.infer<typeof metricsSchema>
export type FollowTable = z.infer<typeof followSchema>
export type PoolTable = z.infer<typeof poolSchema>
export type OutboundTable = z.infer<typeof outboundSchema>
export type HandlerTable = z.infer<typeof handlerSchema>
export type RuntimeTable = z.infer<typeof runtimeSchema>
export type TenantTable = z.infer<typeof tenantSchema>
