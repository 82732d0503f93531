/** Whether the workers of a pool can run as they should, and whether the web server could connect to them. */
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { isLocal, type ListenAddress, printListenAddress } from '../../base/listen-address.ts'
import type { PoolConfig } from '../../config/config.ts'
import { type Check, fail, ok, warn } from './check-result.ts'
import {
  type AccountFiles,
  blockedAt,
  findGroup,
  findPerson,
  mayUse,
  type Ownership,
  type Person,
  WRITE,
} from './permission.ts'

export interface Surroundings {
  readonly accounts: AccountFiles
  /** Who runs the doctor, and so probably the server. */
  readonly uid: number
  readonly gid: number
  /** Whom the web server runs as. */
  readonly webUser: string
}

const RUNTIME_DIRECTORY = '/run/wasm-fpm'

export function checkPool(pool: PoolConfig, around: Surroundings): readonly Check[] {
  const subject = `pool "${pool.name}"`
  return [
    checkUser(pool, subject, around),
    ...pool.listen.map((address) => checkAddress({ pool, subject, address, around })),
  ]
}

/** Whom the workers run as; undefined: nobody has that name. */
export function workerPerson(
  pool: PoolConfig,
  { accounts, uid, gid }: Surroundings,
): Person | undefined {
  if (pool.user === undefined) return { name: String(uid), uid, gids: new Set([gid]) }
  return findPerson(pool.user, accounts, pool.group)
}

function checkUser(pool: PoolConfig, subject: string, around: Surroundings): Check {
  const name = 'user'
  const person = workerPerson(pool, around)
  if (person === undefined) {
    const wanted = `${pool.user}${pool.group === undefined ? '' : `, group ${pool.group}`}`
    return fail(subject, name, [
      `${wanted}: does not exist`,
      'create it (adduser --system --group NAME) or name another',
    ])
  }
  if (person.uid === 0) {
    return warn(subject, name, ['root', 'give the pool a user of its own: user = "www-data"'])
  }
  if (around.uid !== 0 && person.uid !== around.uid) {
    return fail(subject, name, [
      `${person.name}, but this is user ${around.uid}`,
      'start as root (the workers will not be), or leave user out',
    ])
  }
  return ok(subject, name, person.name)
}

interface Listening {
  readonly pool: PoolConfig
  readonly subject: string
  readonly address: ListenAddress
  readonly around: Surroundings
}

function checkAddress(listening: Listening): Check {
  const { pool, subject, address } = listening
  const name = `listen ${printListenAddress(address)}`
  if (address.kind === 'unix') return checkSocket(listening, address.path, name)
  if (address.kind !== 'tcp') return ok(subject, name, 'opened by whoever starts the server')
  if (isLocal(address)) {
    const actual = 'every user of this machine can connect'
    return pool.allowedClients.length > 0 || pool.insecureListen
      ? ok(subject, name, actual)
      : warn(subject, name, [actual, 'prefer a unix socket: it has an owner and a mode'])
  }
  if (pool.allowedClients.length > 0)
    return ok(subject, name, `for ${pool.allowedClients.join(', ')}`)
  return warn(subject, name, [
    'whoever reaches it can run any handler as any visitor',
    'name the web servers in allowed_clients, and keep the port behind a firewall',
  ])
}

function checkSocket({ pool, subject, around }: Listening, path: string, name: string): Check {
  const folder = dirname(path)
  const stats = statSync(folder, { throwIfNoEntry: false })
  if (stats === undefined || !stats.isDirectory()) {
    const actual = `${folder} ${stats === undefined ? 'does not exist' : 'is no folder'}`
    return folder === RUNTIME_DIRECTORY
      ? warn(subject, name, [
          actual,
          'the systemd unit makes it (RuntimeDirectory=wasm-fpm); otherwise: mkdir',
        ])
      : fail(subject, name, [actual, `mkdir ${folder}`])
  }
  if ((stats.mode & 0o1002) === 0o002) {
    return fail(subject, name, [
      `${folder}: everybody can put a socket in its place`,
      `chmod o-w ${folder}`,
    ])
  }
  const server: Person = { name: String(around.uid), uid: around.uid, gids: new Set([around.gid]) }
  if (!mayUse(server, stats, WRITE)) {
    return fail(subject, name, [
      `${folder}: user ${around.uid} cannot write there`,
      'start as root, or choose another folder',
    ])
  }
  return checkWebServer({ pool, subject, around }, { path, name })
}

function checkWebServer(
  { pool, subject, around }: Omit<Listening, 'address'>,
  { path, name }: { readonly path: string; readonly name: string },
): Check {
  const web = findPerson(around.webUser, around.accounts)
  if (web === undefined) {
    return warn(subject, name, [
      `cannot tell who may connect: there is no user ${around.webUser}`,
      'name the one the web server runs as: --web-user NAME',
    ])
  }
  const blocked = blockedAt(web, path)
  if (blocked !== undefined) {
    return fail(subject, name, [
      `${web.name} cannot pass ${blocked}`,
      `chmod o+x ${blocked}, or add ${web.name} to its group`,
    ])
  }
  const owner = socketOwner(pool, around)
  if (owner === undefined) {
    return fail(subject, name, [
      'listen_owner or listen_group does not exist',
      'create it, or name another',
    ])
  }
  if (!mayUse(web, owner, WRITE)) {
    const actual = `${web.name} cannot connect: owner ${owner.uid}, group ${owner.gid}, mode 0${owner.mode.toString(8)}`
    return fail(subject, name, [
      actual,
      `listen_owner = "${web.name}" or listen_group = a group of its, listen_mode = "0660"`,
    ])
  }
  return ok(subject, name, `${web.name} can connect`)
}

/** What the socket will be like; undefined: its owner or group does not exist. */
function socketOwner(
  pool: PoolConfig,
  { accounts, uid, gid }: Surroundings,
): Ownership | undefined {
  const owner = pool.listenOwner ?? pool.user
  const group = pool.listenGroup ?? pool.group
  const person = owner === undefined ? { uid, gids: new Set([gid]) } : findPerson(owner, accounts)
  const mainGid = person === undefined ? undefined : [...person.gids][0]
  const groupId = group === undefined ? mainGid : findGroup(group, accounts)
  if (person === undefined || groupId === undefined) return undefined
  return { uid: person.uid, gid: groupId, mode: pool.listenMode }
}
