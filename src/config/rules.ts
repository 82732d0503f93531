/** What must hold between keys, tables and files; the schema has looked at each value on its own. */

import { isLocal, MAX_SOCKET_PATH_BYTES, printListenAddress } from '../base/listen-address.ts'
import type { AdminConfig, DoorConfig, PoolConfig, TenantConfig } from './config.ts'
import type { ConfigErrorCode } from './errors.ts'
import type { KeyPath } from './key-lines.ts'

/** Tells of a problem in the table at hand; `path`: from that table on. */
export type Report = (path: KeyPath, code: ConfigErrorCode, message: string) => void

/** Which name belongs to which owner so far, over all files. */
export type Seen = Map<string, string>

export interface SeenNames {
  readonly pools: Seen
  readonly addresses: Seen
  readonly runtimes: Seen
  readonly tenants: Seen
  /** By pool: requests of another pool come by other sockets. */
  readonly hosts: Map<string, Seen>
}

/** The admin API has no `insecure_listen`: its tokens are worth more than a pool's requests. */
export function checkAdmin(admin: AdminConfig, seen: SeenNames, report: Report): void {
  const refuse = (message: string): void => report(['listen'], 'CONFIG_BAD_VALUE', message)
  if (admin.listen.length === 0) refuse('is [], wanted at least one address')
  for (const address of admin.listen) {
    const text = printListenAddress(address)
    const refuseTwice = duplicate(report, ['listen'])
    claim(seen.addresses, text, { owner: 'the admin API', refuse: refuseTwice })
    const pathBytes = address.kind === 'unix' ? Buffer.byteLength(address.path) : 0
    if (pathBytes > MAX_SOCKET_PATH_BYTES) {
      refuse(`has "${text}" of ${pathBytes} bytes, wanted at most ${MAX_SOCKET_PATH_BYTES}`)
    }
    if (!isLocal(address) && admin.allowedClients.length === 0) {
      const wanted = 'allowed_clients, or a loopback address'
      const message = `has "${text}", which strangers can reach, wanted ${wanted}`
      report(['listen'], 'CONFIG_OPEN_LISTEN', message)
    }
  }
}

/** A port at which the master tells something. */
export function checkDoor(
  { listen, allowedClients }: DoorConfig,
  {
    owner,
    seen,
    report,
  }: { readonly owner: string; readonly seen: SeenNames; readonly report: Report },
): void {
  const text = printListenAddress(listen)
  claim(seen.addresses, text, { owner, refuse: duplicate(report, ['listen']) })
  if (!isLocal(listen) && allowedClients.length === 0) {
    const wanted = 'allowed_clients, or a loopback address'
    const message = `has "${text}", which strangers can reach, wanted ${wanted}`
    report(['listen'], 'CONFIG_OPEN_LISTEN', message)
  }
}

export function checkPool(pool: PoolConfig, seen: SeenNames, report: Report): void {
  const owner = `pool "${pool.name}"`
  const refuse = (message: string): void => report(['listen'], 'CONFIG_BAD_VALUE', message)
  claim(seen.pools, pool.name, { owner, refuse: duplicate(report, ['name']) })
  if (pool.listen.length === 0) refuse('is [], wanted at least one address')
  for (const address of pool.listen) {
    const text = printListenAddress(address)
    claim(seen.addresses, text, { owner, refuse: duplicate(report, ['listen']) })
    const pathBytes = address.kind === 'unix' ? Buffer.byteLength(address.path) : 0
    if (pathBytes > MAX_SOCKET_PATH_BYTES) {
      refuse(`has "${text}" of ${pathBytes} bytes, wanted at most ${MAX_SOCKET_PATH_BYTES}`)
    }
    if (!isLocal(address) && pool.allowedClients.length === 0 && !pool.insecureListen) {
      const wanted = 'allowed_clients, a loopback address, or insecure_listen = true'
      const message = `has "${text}", which strangers can reach, wanted ${wanted}`
      report(['listen'], 'CONFIG_OPEN_LISTEN', message)
    }
  }
}

/** `pools`: names of all pools. */
export function checkTenant(
  tenant: TenantConfig,
  pools: readonly string[],
  { seen, report }: { readonly seen: SeenNames; readonly report: Report },
): void {
  const owner = `tenant "${tenant.name}"`
  claim(seen.tenants, tenant.name, { owner, refuse: duplicate(report, ['name']) })
  const hosts = seen.hosts.get(tenant.pool) ?? new Map<string, string>()
  seen.hosts.set(tenant.pool, hosts)
  for (const host of tenant.hosts) {
    claim(hosts, host, { owner, refuse: duplicate(report, ['hosts']) })
  }
  const mounts: Seen = new Map()
  const buckets: Seen = new Map()
  for (const [index, { guest, keyvalue, writable }] of tenant.mounts.entries()) {
    const refuse = duplicate(report, ['mounts', index, 'guest'])
    claim(mounts, guest.replace(/\/+$/, ''), { owner: 'another mount', refuse })
    if (keyvalue === undefined) continue
    const at = ['mounts', index, 'keyvalue']
    claim(buckets, keyvalue, { owner: 'another mount', refuse: duplicate(report, at) })
    if (!writable)
      report(at, 'CONFIG_BAD_VALUE', `is "${keyvalue}", wanted writable = true with it`)
  }
  const handlers: Seen = new Map()
  for (const [index, { name }] of tenant.handlers.entries()) {
    const refuse = duplicate(report, ['handlers', index, 'name'])
    claim(handlers, name, { owner: 'another table', refuse })
  }
  checkPoolName(tenant.pool, pools, report)
  if (tenant.pm === 'dynamic') checkSpares(tenant, report)
  if (tenant.engine === 'wasmer' && !tenant.trusted) {
    const wanted = '"own", or trusted = true: its guests cannot be suspended'
    report(['engine'], 'CONFIG_UNTRUSTED_ENGINE', `is "wasmer", wanted ${wanted}`)
  }
  const pages: Seen = new Map()
  for (const [key, path] of [
    ['pm_status_path', tenant.pmStatusPath],
    ['ping_path', tenant.pingPath],
    ['ready_path', tenant.readyPath],
  ] as const) {
    if (path !== undefined) claim(pages, path, { owner: key, refuse: duplicate(report, [key]) })
  }
}

export function duplicate(report: Report, path: KeyPath): (message: string) => void {
  return (message) => report(path, 'CONFIG_DUPLICATE', message)
}

function checkPoolName(name: string, pools: readonly string[], report: Report): void {
  if (pools.includes(name)) return
  const known =
    pools.length === 0 ? 'a [[pool]]' : `one of ${pools.map((one) => `"${one}"`).join(', ')}`
  const actual = name === '' ? 'is missing' : `is "${name}", which does not exist`
  report(['pool'], 'CONFIG_UNKNOWN_POOL', `${actual}, wanted ${known}`)
}

/** php-fpm's rules for `pm = "dynamic"`. */
function checkSpares(tenant: TenantConfig, report: Report): void {
  const { minSpareServers: min, maxSpareServers: max, startServers: start, maxChildren } = tenant
  const refuse = (key: string, message: string): void => report([key], 'CONFIG_BAD_PM', message)
  if (min > maxChildren) {
    refuse('min_spare_servers', `is ${min}, wanted at most max_children (${maxChildren})`)
  } else if (max > maxChildren) {
    refuse('max_spare_servers', `is ${max}, wanted at most max_children (${maxChildren})`)
  } else if (max < min) {
    refuse('max_spare_servers', `is ${max}, wanted at least min_spare_servers (${min})`)
  } else if (start < min || start > max) {
    const wanted = `between min_spare_servers (${min}) and max_spare_servers (${max})`
    refuse('start_servers', `is ${start}, wanted ${wanted}`)
  }
}

/** Notes that `name` belongs to `owner`; tells when it already belongs to somebody. */
export function claim(
  seen: Seen,
  name: string,
  { owner, refuse }: { readonly owner: string; readonly refuse: (message: string) => void },
): void {
  const before = seen.get(name)
  if (before === undefined) seen.set(name, owner)
  else refuse(`has "${name}", which ${before} has already, wanted another`)
}
