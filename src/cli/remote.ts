/** `--server` of the commands: the same over the admin API of a server, with the token of `login` or in WASM_FPM_TOKEN. */

import { Readable } from 'node:stream'
import { Option } from 'commander'
import {
  type AdminServerAddress,
  askServer,
  askServerForEvents,
  askServerForLines,
  errorOf,
  parseServer,
  type ServerEvent,
} from '../admin/ask-server.ts'
import { AdminError } from '../admin/errors.ts'
import type { RouteRow } from '../admin/list-routes.ts'
import type { ServerStatus } from '../master/server-status.ts'
import type { Digest } from '../store/digest.ts'
import type { ManifestRoute } from '../store/manifest.ts'
import type { PublishProgress } from '../store/publication.ts'
import type { CanaryOptions, PublishedRelease, Stored, Switched } from '../store/release-store.ts'
import { encodeSignature, type Signature } from '../store/signature.ts'
import type { OnBytes } from '../store/stage-source.ts'
import { CliError } from './errors.ts'
import { findLogin, type Login } from './logins.ts'
import { openUpload } from './remote-upload.ts'
import type { TenantStatus } from './status/tenant-status.ts'

const TOKEN_VARIABLE = 'WASM_FPM_TOKEN'

export function serverOption(): Option {
  return new Option(
    '--server [URL]',
    `a server's admin API, "https://host" or "unix:PATH" (default: that of the last login), with the token of \`login\` or in ${TOKEN_VARIABLE}`,
  )
}

/** What stands behind `--server`; true: nothing, the server of the last login is meant. */
export type ServerChoice = string | true

/** `--tenant` of commands that cannot do without: with `--server` that of the login will do. */
export function tenantOption(description: string): Option {
  return new Option('--tenant <T>', `${description}; with --server (default: that of the login)`)
}

/** A command's options as they were given: `withTenant` finds the tenant. */
export type TenantLeftOut<Options extends { readonly tenant: string }> = Omit<Options, 'tenant'> & {
  readonly tenant?: string
}

/** Throws CLI_USAGE, and what `readRemote` throws. */
export function withTenant<Given extends TenantGiven>(
  given: Given,
): Given & { readonly tenant: string } {
  const { server, tenant } = given
  const found = tenant ?? (server === undefined ? undefined : loginTenant(server))
  if (found !== undefined) return { ...given, tenant: found }
  throw new CliError(
    'CLI_USAGE',
    'Cannot tell which tenant is meant: none is named, wanted --tenant, or --server with a login of one',
  )
}

interface TenantGiven {
  readonly tenant?: string
  readonly server?: ServerChoice
}

/** The tenant that the login of a server is for. Throws CLI_BAD_LOGINS. */
export function loginTenant(server: ServerChoice): string | undefined {
  return loginOf(server)?.tenant
}

function loginOf(server: ServerChoice, environment = process.env): Login | undefined {
  return findLogin(server === true ? undefined : server, environment)
}

export interface Remote {
  readonly address: AdminServerAddress
  /** Undefined: none is needed on the operator's own socket. */
  readonly token: string | undefined
}

/** Reads `--server`. Throws CLI_BAD_ADDRESS, CLI_NOT_LOGGED_IN, CLI_BAD_LOGINS. */
export function readRemote(
  server: ServerChoice,
  environment: NodeJS.ProcessEnv = process.env,
): Remote {
  const login = loginOf(server, environment)
  const place = server === true ? login?.server : server
  if (place === undefined) {
    throw new CliError(
      'CLI_NOT_LOGGED_IN',
      'Cannot tell which server is meant: there is no login, wanted one, or --server URL',
    )
  }
  return { address: parseAddress(place), token: tokenVariable(environment) ?? login?.token }
}

/** Throws CLI_BAD_ADDRESS. */
export function parseAddress(server: string): AdminServerAddress {
  const address = parseServer(server)
  if (address !== undefined) return address
  throw new CliError(
    'CLI_BAD_ADDRESS',
    `Cannot use server ${JSON.stringify(server)}: wanted "https://host", "http://host:port" or "unix:PATH"`,
  )
}

/** Undefined: not set, or empty. */
export function tokenVariable(environment = process.env): string | undefined {
  return environment[TOKEN_VARIABLE] || undefined
}

/** What a token is good for. */
export async function ownTokenRemote(remote: Remote): Promise<OwnToken> {
  return (await ask(remote, { method: 'GET', path: '/v1/token' })) as OwnToken
}

export interface OwnToken {
  /** `local`: none was needed. */
  readonly id: string
  /** Undefined: an operator's. */
  readonly tenant?: string
  readonly scopes: readonly string[]
}

interface WantedLogs {
  /** Undefined: all, for operators. */
  readonly tenant: string | undefined
  readonly lines: number
}

function logsPath({ tenant, lines }: WantedLogs): string {
  return `${tenant === undefined ? '/v1' : pathOf(tenant)}/logs?lines=${lines}`
}

/** The last lines of logs, and those that come. */
export function logEventsRemote(
  { address, token }: Remote,
  wanted: WantedLogs,
): AsyncGenerator<ServerEvent> {
  return askServerForEvents(address, { method: 'GET', path: logsPath(wanted), token })
}

/** An entry of a log as a server shows it. */
export type RemoteEntry =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly entry: Readonly<Record<string, unknown>> }

/** The last lines of logs. */
export async function lastLogsRemote(
  remote: Remote,
  wanted: WantedLogs,
): Promise<{ readonly notes: readonly string[]; readonly entries: readonly RemoteEntry[] }> {
  return (await ask(remote, { method: 'GET', path: logsPath(wanted) })) as {
    readonly notes: readonly string[]
    readonly entries: readonly RemoteEntry[]
  }
}

export interface RemotePublishOptions {
  readonly tenant: string
  readonly handler?: string | undefined
  readonly route?: string | undefined
  readonly runtime?: string | undefined
  readonly canary?: CanaryOptions | undefined
  readonly onStep?: ((progress: PublishProgress) => void) | undefined
  /** Called while the source is sent, with the bytes so far, before they are packed, and where that is known of all of it. */
  readonly onBytes?: OnBytes | undefined
  /** Called while the server hardens the module, with the bytes of code so far and of all of it. */
  readonly onHardened?: OnBytes | undefined
}

export type RemotePublication = Stored & Switched & { readonly live: Digest }

/** What is stored and not live. */
export interface RemoteStored extends Stored {
  readonly tenant: string
  readonly handler: string
  /** What the server has hardened the module with. */
  readonly memoryMaxBytes: number
}

/** Publishes a module or a folder through a server. Rejects with the server's error or the client's own. */
export async function publishRemote(
  source: string,
  remote: Remote,
  options: RemotePublishOptions,
): Promise<RemotePublication> {
  return (await send(source, remote, { ...options, ends: 'published' })) as RemotePublication
}

/** The same without the switch. With `canary`, the server refuses what could not be one. */
export async function storeRemote(
  source: string,
  remote: Remote,
  options: RemotePublishOptions,
): Promise<RemoteStored> {
  return (await send(source, remote, { ...options, ends: 'stored' })) as RemoteStored
}

interface SendOptions extends RemotePublishOptions {
  /** The event that is wanted in the end. */
  readonly ends: 'published' | 'stored'
}

async function send(source: string, remote: Remote, options: SendOptions): Promise<unknown> {
  const { tenant, handler, route, runtime, canary, onStep, onBytes, onHardened, ends } = options
  const upload = await openUpload(source, onBytes, runtime)
  const query = new URLSearchParams({ name: upload.name })
  if (onHardened !== undefined) query.set('progress', 'true')
  if (ends === 'stored') query.set('switch', 'false')
  if (handler !== undefined) query.set('handler', handler)
  if (route !== undefined) query.set('route', route)
  if (runtime !== undefined) query.set('runtime', runtime)
  if (canary !== undefined) {
    query.set('weight', String(canary.weight))
    query.set('sticky', String(canary.sticky))
  }
  const lines = askServerForLines(remote.address, {
    method: 'POST',
    path: `${pathOf(tenant)}/releases?${query}`,
    token: remote.token,
    body: { type: upload.type, stream: upload.stream },
  })
  for await (const line of lines) {
    const failure = errorOf(line)
    if (failure !== undefined) throw failure
    const event: unknown = Reflect.get(Object(line), 'event')
    if (event === 'step') onStep?.(line as PublishProgress)
    if (event === 'progress') tellShare(line, onHardened)
    if (event === ends) return line
  }
  throw new AdminError(
    'ADMIN_UNREACHABLE',
    'Cannot tell how it went: the server went away before it said, wanted its word; see `releases`',
  )
}

function tellShare(line: unknown, onHardened: OnBytes | undefined): void {
  const { done, total } = Object(line) as { readonly done?: unknown; readonly total?: unknown }
  if (typeof done === 'number' && typeof total === 'number') onHardened?.(done, total)
}

/** What has been signed. */
export interface RemoteSigned {
  readonly release: Digest
  readonly number: number
}

/** Rejects with STORE_BAD_SIGNATURE when the key is none of the tenant's signers. */
export async function putSignatureRemote(
  remote: Remote,
  { tenant, release }: { readonly tenant: string; readonly release: Digest },
  signature: Signature,
): Promise<RemoteSigned> {
  const path = `${pathOf(tenant)}/releases/${release}/signatures/${signature.publicKey.id}`
  return (await ask(remote, {
    method: 'PUT',
    path,
    body: encodeSignature(signature),
  })) as RemoteSigned
}

/** Makes a release that is stored live, or a canary. */
export async function switchRemote(
  remote: Remote,
  { tenant, release }: { readonly tenant: string; readonly release: Digest },
  canary: CanaryOptions | undefined,
): Promise<Switched> {
  const path = `${pathOf(tenant)}/releases/${release}/switch`
  return (await ask(remote, { method: 'POST', path, body: { ...canary } })) as Switched
}

/** A release as `releases` shows it. */
export interface RemoteRelease extends PublishedRelease {
  readonly routes: readonly ManifestRoute[]
  readonly lifetime?: string
  /** 0: it has scripts. */
  readonly moduleBytes: number
  /** What runs these. */
  readonly runtime?: string
  readonly files: number
  readonly fileBytes: number
  /** Ids of keys. */
  readonly signedBy: readonly string[]
}

/** Newest first. */
export function listReleasesRemote(
  remote: Remote,
  tenant: string,
): Promise<readonly RemoteRelease[]> {
  return listRemote(remote, tenant, 'releases')
}

export function listRoutesRemote(remote: Remote, tenant: string): Promise<readonly RouteRow[]> {
  return listRemote(remote, tenant, 'routes')
}

async function listRemote<Item>(
  remote: Remote,
  tenant: string,
  what: string,
): Promise<readonly Item[]> {
  const answer = await ask(remote, { method: 'GET', path: `${pathOf(tenant)}/${what}` })
  return Reflect.get(Object(answer), what) as readonly Item[]
}

/** Of one tenant. */
export async function tenantStatusRemote(remote: Remote, tenant: string): Promise<TenantStatus> {
  return (await ask(remote, { method: 'GET', path: `${pathOf(tenant)}/status` })) as TenantStatus
}

/** Of all, for operators. */
export async function statusRemote(
  remote: Remote,
): Promise<ServerStatus & { readonly tenants: readonly TenantStatus[] }> {
  return (await ask(remote, { method: 'GET', path: '/v1/status' })) as ServerStatus & {
    readonly tenants: readonly TenantStatus[]
  }
}

export interface RemoteChange {
  readonly tenant: string
  readonly handler?: string | undefined
}

/** `release`: a number, a digest or the start of one; undefined: the one before. */
export async function rollBackRemote(
  remote: Remote,
  { tenant, handler, release }: RemoteChange & { readonly release?: string | undefined },
): Promise<Switched> {
  const body = { handler, release }
  return (await ask(remote, {
    method: 'POST',
    path: `${pathOf(tenant)}/rollback`,
    body,
  })) as Switched
}

/** `weight`: the canary's share from now on; undefined: it goes live. */
export async function promoteRemote(
  remote: Remote,
  { tenant, handler, weight }: RemoteChange & { readonly weight?: number | undefined },
): Promise<Switched> {
  const body = { handler, weight }
  return (await ask(remote, {
    method: 'POST',
    path: `${pathOf(tenant)}/promote`,
    body,
  })) as Switched
}

/** Answers what was live. */
export async function withdrawRemote(
  remote: Remote,
  { tenant, handler }: { readonly tenant: string; readonly handler: string },
): Promise<{ readonly release: Digest }> {
  const path = `${pathOf(tenant)}/handlers/${encodeURIComponent(handler)}`
  return (await ask(remote, { method: 'DELETE', path })) as { readonly release: Digest }
}

function pathOf(tenant: string): string {
  return `/v1/tenants/${encodeURIComponent(tenant)}`
}

interface Question {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  /** JSON, as it is or to be made. */
  readonly body?: object | Uint8Array
}

function ask({ address, token }: Remote, { method, path, body }: Question): Promise<unknown> {
  const isMade = body === undefined || body instanceof Uint8Array
  const bytes = isMade ? body : JSON.stringify(body)
  return askServer(address, {
    method,
    path,
    token,
    body:
      bytes === undefined
        ? undefined
        : { type: 'application/json', stream: Readable.from([bytes]) },
  })
}
