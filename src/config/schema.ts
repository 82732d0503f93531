/**
 * Every key of wasm-fpm.toml, with its type, limits and default. docs/config.md is the reference for people; a test
 * holds the two together.
 */
import { z } from 'zod'
import type { LogLevel } from '../base/logger.ts'
import {
  boolean,
  duration,
  integer,
  key,
  list,
  oneOf,
  optionalKey,
  requiredKey,
  size,
  text,
} from './key.ts'
import { isClientRange, type ListenAddress, parseListenAddress } from './listen-address.ts'

const name = text('1 to 63 letters, digits, ".", "_" or "-", a letter or digit first', (value) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value),
)
const account = text('a name or a numeric id', (value) =>
  /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/.test(value),
)
const path = text('a path', (value) => value !== '' && !value.includes('\0'))
const guestPath = text('an absolute path without "..", such as "/data"', (value) =>
  /^\/(?!.*(?:^|\/)\.\.(?:\/|$))[^\0]*$/.test(value),
)
const listenAddress = {
  type: 'address',
  wanted: 'a socket path, "host:port", "[v6]:port" or "port"',
  read: (value: unknown): ListenAddress | undefined =>
    typeof value === 'string' || typeof value === 'number'
      ? parseListenAddress(String(value))
      : undefined,
}
const mode = {
  type: 'string',
  wanted: 'octal permission bits that do not let everybody write, such as "0660"',
  read: (value: unknown): number | undefined => {
    if (typeof value !== 'string' || !/^0?[0-7]{3}$/.test(value)) return undefined
    const bits = Number.parseInt(value, 8)
    return (bits & 0o002) === 0 ? bits : undefined
  },
}
const clientRange = text('an IP address or a network', isClientRange)
const host = {
  type: 'string',
  wanted: 'a host name without port, "*.example.org" or "*"',
  read: (value: unknown): string | undefined =>
    typeof value === 'string' && /^(?:\*|(?:\*\.)?[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])$/.test(value)
      ? value.toLowerCase().replace(/\.$/, '')
      : undefined,
}
const env = {
  type: 'table of string',
  wanted: 'a table of strings whose names have no "=" and no NUL',
  read: (value: unknown): Readonly<Record<string, string>> | undefined => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const entries = Object.entries(value).map(([name, one]): [string, unknown] => [name, one])
    const isText = (entry: [string, unknown]): entry is [string, string] =>
      typeof entry[1] === 'string' &&
      !entry[1].includes('\0') &&
      entry[0] !== '' &&
      !/[=\0]/.test(entry[0])
    return entries.every(isText) ? Object.fromEntries(entries) : undefined
  },
}
const headerName = {
  type: 'string',
  wanted: 'the name of a header field',
  read: (value: unknown): string | undefined =>
    typeof value === 'string' && /^[A-Za-z0-9-]+$/.test(value) ? value.toLowerCase() : undefined,
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
})

export const mountSchema = z.strictObject({
  host: requiredKey(path),
  guest: requiredKey(guestPath),
  writable: key(false, boolean),
})

export const limitsSchema = z.strictObject({
  memory: key('64MiB', size('64KiB', '4GiB')),
  cpu: key('10s', duration('1ms', '1d')),
  wall: key('30s', duration('1ms', '1d')),
  request_body: key('8MiB', size(0, '1024GiB')),
  response_body: key('64MiB', size(0, '1024GiB')),
  response_header: key('16KiB', size(256, '1MiB')),
  response_header_count: key(100, integer(1, 10_000)),
  held_back: key('32KiB', size(0, '16MiB')),
  stderr_rate: key('64KiB', size(0, '1GiB')),
  tmp: key('16MiB', size(0, '4GiB')),
  open_files: key(64, integer(3, 65_535)),
})

export const queueSchema = z.strictObject({
  max: key(128, integer(0, 1_000_000)),
  timeout: key('5s', duration('0', '1h')),
})

export const tenantSchema = z.strictObject({
  name: requiredKey(name),
  pool: optionalKey('the only pool', name),
  hosts: key([], wholeList(host, 'hosts')),
  root: optionalKey('none', path),
  env: key({}, env),
  pm: key('ondemand', oneOf(['static', 'dynamic', 'ondemand'])),
  max_children: key(32, integer(1, 16_000)),
  start_servers: optionalKey('halfway between the spares', integer(0, 16_000)),
  min_spare_servers: key(1, integer(1, 16_000)),
  max_spare_servers: optionalKey('4, at most `max_children`', integer(1, 16_000)),
  process_idle_timeout: key('10s', duration('0', '30d')),
  max_requests: key(0, integer(0, Number.MAX_SAFE_INTEGER)),
  mounts: z.array(mountSchema).prefault([]),
  allowed_response_headers: key([], wholeList(headerName, 'names')),
  limit_extensions: key(['.wasm'], wholeList(extension, 'endings')),
  lifetime: key('reset', oneOf(['reset', 'fresh', 'persistent'])),
  limits: limitsSchema.prefault({}),
  queue: queueSchema.prefault({}),
})

/** A file named by `include`. */
export const includedSchema = z.strictObject({
  pool: z.array(poolSchema).prefault([]),
  tenant: z.array(tenantSchema).prefault([]),
})

/** The file named on the command line. */
export const mainSchema = includedSchema.extend({
  include: key([], wholeList(path, 'paths')),
  process_control_timeout: key('30s', duration('0', '1d')),
  log: logSchema.prefault({}),
})

export type MainFile = z.infer<typeof mainSchema>
export type PoolTable = z.infer<typeof poolSchema>
export type TenantTable = z.infer<typeof tenantSchema>
