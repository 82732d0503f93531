/** Whether the workers can read a tenant's files, and whether logs have a place. */
import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config, TenantConfig } from '../../config/config.ts'
import { type Check, fail, ok, warn } from './check-result.ts'
import { blockedAt, mayUse, type Person, READ, SEARCH, WRITE } from './permission.ts'

/** Most entries of a root that are looked through for a handler. */
const MAX_ENTRIES = 10_000

/** Of handlers that are named. */
const MOST_NAMES = 5

/** RuntimeDirectory= and LogsDirectory= of the unit in examples/systemd. */
const MADE_BY_SYSTEMD = ['/run/wasm-fpm', '/var/log/wasm-fpm']

export interface TenantFacts {
  /** Whom the pool's workers run as. */
  readonly worker: Person
  /** The names of those that are published and live. */
  readonly handlers: readonly string[]
}

export function checkTenant(
  tenant: TenantConfig,
  { worker, handlers }: TenantFacts,
): readonly Check[] {
  const subject = `tenant "${tenant.name}"`
  return [
    checkRoot(tenant, { subject, name: 'root', worker }, handlers),
    ...tenant.mounts.map(({ host, guest, writable }) => {
      const name = `mount ${guest}`
      const wanted = READ | SEARCH | (writable ? WRITE : 0)
      return checkFolder({ subject, name, worker }, host, wanted)
    }),
    ...logFiles(tenant).map(([key, file]) => checkFileFolder(subject, key, file)),
  ]
}

/** The folders of the server's own files. */
export function checkServerFiles({ errorLog, pid }: Config): readonly Check[] {
  const files = [
    ['error_log', errorLog],
    ['pid', pid],
  ] as const
  return files.flatMap(([key, file]) =>
    file === undefined ? [] : [checkFileFolder('server', key, file)],
  )
}

function checkRoot(tenant: TenantConfig, asked: Asked, handlers: readonly string[]): Check {
  const { root, limitExtensions } = tenant
  const { subject, name } = asked
  const published = `published: ${handlers.slice(0, MOST_NAMES).join(', ')}${handlers.length > MOST_NAMES ? ', ...' : ''}`
  if (root === undefined) {
    if (handlers.length > 0) return ok(subject, name, `none; ${published}`)
    return warn(subject, name, [
      'none, and nothing is published',
      'set root to the folder of its handlers, or `wasm-fpm publish` one: without either it answers 404',
    ])
  }
  const check = checkFolder(asked, root, READ | SEARCH)
  if (check.status !== 'ok' || hasHandler(root, limitExtensions)) return check
  const actual = `${root}: nothing that ends in ${limitExtensions.join(' or ')}`
  if (handlers.length > 0) return ok(subject, name, `${actual}; ${published}`)
  return warn(subject, name, [actual, 'put a handler there: it is run as soon as it is asked for'])
}

interface Asked {
  readonly subject: string
  readonly name: string
  readonly worker: Person
}

function checkFolder({ subject, name, worker }: Asked, folder: string, wanted: number): Check {
  const blocked = blockedAt(worker, folder)
  const isThere = statSync(folder, { throwIfNoEntry: false })
  if (isThere === undefined) {
    return fail(subject, name, [`${folder} does not exist`, `mkdir -p ${folder}`])
  }
  if (!isThere.isDirectory())
    return fail(subject, name, [`${folder} is no folder`, 'name a folder'])
  if (blocked !== undefined) {
    return fail(subject, name, [
      `user ${worker.name} cannot pass ${blocked}`,
      `chmod o+x ${blocked}, or chgrp it`,
    ])
  }
  if (!mayUse(worker, isThere, wanted)) {
    const verb = (wanted & WRITE) === 0 ? 'read' : 'read and write'
    return fail(subject, name, [
      `user ${worker.name} cannot ${verb} ${folder}`,
      'chown or chmod it for the user of the pool',
    ])
  }
  return ok(subject, name, folder)
}

/** A handler at the top or one folder down is enough to see that the root is the right one. */
function hasHandler(root: string, endings: readonly string[]): boolean {
  const isHandler = (name: string): boolean => endings.some((ending) => name.endsWith(ending))
  const entries = readdirSync(root, { withFileTypes: true }).slice(0, MAX_ENTRIES)
  if (entries.some((entry) => !entry.isDirectory() && isHandler(entry.name))) return true
  return entries
    .filter((entry) => entry.isDirectory())
    .some((entry) => namesIn(join(root, entry.name)).some(isHandler))
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).slice(0, MAX_ENTRIES)
  } catch {
    // Not for the doctor's eyes: then it has none to see.
    return []
  }
}

function logFiles({ accessLog, slowlog }: TenantConfig): ReadonlyArray<readonly [string, string]> {
  const files: Array<readonly [string, string]> = []
  if (accessLog.kind === 'file') files.push(['access_log', accessLog.path])
  if (slowlog !== undefined) files.push(['slowlog', slowlog])
  return files
}

function checkFileFolder(subject: string, key: string, file: string): Check {
  const folder = dirname(file)
  const isThere = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
  if (isThere) return ok(subject, key, file)
  const actual = `${folder} does not exist`
  return MADE_BY_SYSTEMD.includes(folder)
    ? warn(subject, key, [actual, `the systemd unit makes it; otherwise: mkdir ${folder}`])
    : fail(subject, key, [actual, `mkdir -p ${folder}`])
}
