/**
 * A connection to servers of NATS, and the two buckets of a store there: `KV_NAME`, where each key is a tenant's record, and `OBJ_NAME`, where
 * each object is named by the digest of its bytes. The libraries are loaded when somebody connects.
 */
import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type { JetStreamClient, JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import type { Authenticator, NatsConnection } from '@nats-io/transport-node'
import { FollowError, noSource } from './errors.ts'
import { credentialsIn, refuseOthers, type Secrets } from './source-secrets.ts'

export interface NatsAddress {
  /** Without secrets. */
  readonly name: string
  readonly servers: readonly string[]
  readonly bucket: string
  readonly isEncrypted: boolean
}

export interface NatsOptions {
  readonly secrets: Secrets
  /** Whether a server may be older than `OLDEST_VERSION`. */
  readonly allowsOldServer: boolean
  /** Until a connection is there, and for an answer; default: 5 s. */
  readonly answerMs?: number
  /** Of all records that are held; default: `MAX_RECORDS_BYTES` of nats-shelf.ts. */
  readonly maxRecordsBytes?: number
}

export interface NatsLink {
  readonly connection: NatsConnection
  readonly client: JetStreamClient
  readonly manager: JetStreamManager
}

/** Before it, servers that were killed could forget a whole stream. */
const OLDEST_VERSION = '2.10.23'

const ANSWER_MS = 5000

const RECONNECT_MS = 500

/** What is not heard of for two of these is gone. */
const PING_MS = 5000

const ADDRESS = /^(nats|tls):\/\/([^/@?#\s]+)\/([A-Za-z0-9_-]{1,64})$/

const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?$/

const NAMES = ['USERNAME', 'PASSWORD', 'TOKEN', 'NKEY_SEED', 'USER_JWT']

/** `tls://HOST[:PORT][,HOST...]/BUCKET`, or `nats://` on this machine. Undefined: it is none. */
export function parseNatsAddress(address: string): NatsAddress | undefined {
  const [, scheme, hosts = '', bucket = ''] = ADDRESS.exec(address) ?? []
  const servers = hosts.split(',')
  const isEncrypted = scheme === 'tls'
  if (scheme === undefined || !(isEncrypted || servers.every((one) => LOOPBACK.test(one)))) {
    return undefined
  }
  return { name: address, servers, bucket, isEncrypted }
}

/** Where changes of the records are told as they come (`republish` of the bucket). */
export function changeSubject(bucket: string): string {
  return `wasm-fpm.${bucket}.>`
}

/** Rejects with `FollowError`. The connection is made again when it breaks, until it is closed. */
export async function openNats(
  { name, servers, isEncrypted }: NatsAddress,
  { secrets, allowsOldServer, answerMs: timeout = ANSWER_MS }: NatsOptions,
): Promise<NatsLink> {
  const nats = await import('@nats-io/transport-node')
  const { jetstream, jetstreamManager } = await import('@nats-io/jetstream')
  refuseOthers(secrets, NAMES)
  const { USER_JWT: jwt, NKEY_SEED: seed, TOKEN: token } = secrets
  const login = credentialsIn(secrets)
  const key = seed === undefined ? undefined : new TextEncoder().encode(seed)
  const ways: readonly Authenticator[] = [
    ...(token === undefined ? [] : [nats.tokenAuthenticator(token)]),
    ...(login === undefined
      ? []
      : [nats.usernamePasswordAuthenticator(login.username, login.password)]),
    ...(jwt === undefined ? [] : [nats.jwtAuthenticator(jwt, key)]),
    ...(jwt !== undefined || key === undefined ? [] : [nats.nkeyAuthenticator(key)]),
  ]
  try {
    const connection = await nats.connect({
      servers: [...servers],
      name: 'wasm-fpm',
      timeout,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      pingInterval: PING_MS,
      maxPingOut: 2,
      // `{}`: a server without encryption is refused; `null`: encryption is not asked for.
      tls: isEncrypted ? encryptionFor(servers) : null,
      ...(ways.length === 0 ? {} : { authenticator: [...ways] }),
    })
    try {
      checkVersion(connection, { name, allowsOldServer })
      const manager = await jetstreamManager(connection, { timeout })
      return { connection, manager, client: jetstream(connection, { timeout }) }
    } catch (error) {
      await connection.close()
      throw error
    }
  } catch (error) {
    throw natsFailure(name, error)
  }
}

/**
 * The library names no server to Node where it has been given an IP address, and Node then wants a certificate for `localhost`: it has to be
 * for one of the addresses that were given.
 */
function encryptionFor(servers: readonly string[]) {
  const addresses = servers.map(hostOf).filter((host) => isIP(host) !== 0)
  const isNamed = (name: string): boolean => servers.some((server) => hostOf(server) === name)
  const check: typeof checkServerIdentity = (name, certificate) => {
    const names = name === 'localhost' && !isNamed(name) ? addresses : [name]
    const errors = names.map((one) => checkServerIdentity(one, certificate))
    return errors.length > 0 && errors.includes(undefined) ? undefined : errors[0]
  }
  // Where there is no address to compare with, Node's own check is right.
  return addresses.length === 0 ? {} : { handshakeFirst: false, checkServerIdentity: check }
}

/** `HOST`, `HOST:PORT`, `[HOST]:PORT`. */
function hostOf(server: string): string {
  return server.replace(/:[0-9]+$/, '').replace(/^\[(.*)\]$/, '$1')
}

/** Throws `FollowError` (FOLLOW_OLD_SERVER): also after a connection was made again, to another server perhaps. */
export function checkVersion(
  { info }: NatsConnection,
  { name, allowsOldServer }: { readonly name: string; readonly allowsOldServer: boolean },
): void {
  const version = info?.version ?? ''
  if (allowsOldServer || !isOlder(version)) return
  throw new FollowError(
    'FOLLOW_OLD_SERVER',
    `Cannot follow ${name}: its version is ${JSON.stringify(version.slice(0, 40))}, wanted ${OLDEST_VERSION} or newer, as older ones can lose a stream when they are killed, or allow_old_server`,
  )
}

function isOlder(version: string): boolean {
  const wanted = OLDEST_VERSION.split('.').map(Number)
  const actual = version.split(/[.-]/).slice(0, 3).map(Number)
  for (const [place, number] of wanted.entries()) {
    const one = actual[place] ?? 0
    if (one !== number) return !(one > number)
  }
  return false
}

/** Undefined: there is no such stream. Rejects with what the library does. */
export async function streamInfo(
  manager: JetStreamManager,
  stream: string,
): Promise<StreamInfo | undefined> {
  return manager.streams.info(stream).catch((error: unknown) => {
    if (error instanceof Error && error.message === 'stream not found') return undefined
    throw error
  })
}

/** A `CodedError` stays what it is. The library's messages have no secrets in them; its causes are left out all the same. */
export function natsFailure(name: string, error: unknown): FollowError {
  if (error instanceof FollowError) return error
  const message = error instanceof Error ? error.message : String(error)
  return noSource(name, message.replace(/\s+/g, ' ').slice(0, 200) || 'no answer')
}
