/** The admin API on real sockets in a folder of its own, with a real store and publisher, and a master that a test plays. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { BoundSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { AdminApi } from '../../../src/admin/admin-api.ts'
import { mintToken, type Scope } from '../../../src/admin/bearer-token.ts'
import { type AdminLimits, DEFAULT_ADMIN_LIMITS } from '../../../src/admin/limits.ts'
import { TokenFile } from '../../../src/admin/token-file.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { LogSinks } from '../../../src/base/log-sinks.ts'
import { createLogger } from '../../../src/base/logger.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import type { AdminQuestion } from '../../../src/ipc/admin-messages.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { STATUS } from '../../unit/gateway/status/sample-status.ts'

export interface ApiOptions {
  readonly limits?: Partial<AdminLimits>
  /** More lines of `[admin]`. */
  readonly admin?: string
  /** More lines before all tables. */
  readonly main?: string
  /** More lines of tenant acme. */
  readonly acme?: string
  /** Whether others than its owner can reach the unix socket. */
  readonly isOpenSocket?: boolean
  /** What the master says; default: what one with nothing to do says. */
  readonly master?: (question: AdminQuestion) => unknown
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: unknown
  /** `error.code` of the answer, or of its last line. */
  readonly code: string | undefined
}

export interface SendOptions {
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly type?: string
  readonly body?: string | Uint8Array | object
  /** Default: TCP, where a token is needed. */
  readonly isLocal?: boolean
}

export interface RunningApi {
  readonly folder: string
  readonly socketPath: string
  readonly port: number
  readonly tokens: TokenFile
  readonly store: DirectoryStore
  /** What the master was asked. */
  readonly asked: readonly AdminQuestion[]
  send(method: string, path: string, options?: SendOptions): Promise<Reply>
  /** Makes a token and answers its text. */
  token(tenant: string | undefined, scopes: readonly Scope[], lifeMs?: number): Promise<string>
  audit(): ReadonlyArray<Readonly<Record<string, unknown>>>
  /** Files of uploads that are left. */
  leftovers(): readonly string[]
  /** The master has taken up another configuration. */
  reconfigure(change: (text: string) => string): void
  close(): Promise<void>
}

function idleMaster(question: AdminQuestion): unknown {
  if (question.what === 'reload') return 'pools: 1, workers: 1, tenants: 2'
  const tenants = ['acme', 'other']
    .filter((name) => question.tenant === undefined || name === question.tenant)
    .map((tenant) => {
      const told = JSON.stringify({ ...STATUS, pool: tenant })
      return { tenant, pool: 'www', statuses: [told, told, 'no status'] }
    })
  const droppedLogLines = { master: 0, admin: 0 }
  return {
    pid: 1,
    state: 'normal',
    readiness: 'ready',
    uptimeMs: 5.5,
    rssBytes: 1,
    droppedLogLines,
    workers: [],
    tenants,
  }
}

export async function startApi({
  limits = {},
  admin = '',
  main = '',
  acme = '',
  isOpenSocket = false,
  master = idleMaster,
}: ApiOptions = {}): Promise<RunningApi> {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-admin-'))
  mkdirSync(join(folder, 'modules'))
  for (const name of ['hello', 'echo']) {
    copyFileSync(`build/guests/c/${name}.wasm`, join(folder, 'modules', `${name}.wasm`))
  }
  const socketPath = join(folder, 'admin.sock')
  const configFile = join(folder, 'wasm-fpm.toml')
  const text = `store = "store"
${main}
[admin]
listen = ["${socketPath}"]
${admin}
[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
[[tenant]]
name = "acme"
hosts = ["acme.example"]
${acme}
[[tenant]]
name = "other"
hosts = ["other.example"]
`
  const settings = parseConfig(text, configFile)
  const asked: AdminQuestion[] = []
  const api = new AdminApi(
    { settings, configFile, users: {} },
    {
      clock: systemClock,
      logger: createLogger('silent'),
      sinks: new LogSinks(systemClock, 1024),
      limits: { ...DEFAULT_ADMIN_LIMITS, ...limits },
      send: (message) => {
        if (message.kind !== 'ask') return
        asked.push(message.question)
        const value = master(message.question)
        setImmediate(() => api.master.take({ kind: 'told', id: message.id, value }))
      },
    },
  )
  const unix = new BoundSocket({ path: socketPath } as unknown as object)
  const tcp = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const { port } = tcp.address()
  await api.start([
    { fd: unix.fd(), address: socketPath, transport: 'unix', isOwnersOnly: !isOpenSocket },
    { fd: tcp.fd(), address: `127.0.0.1:${port}`, transport: 'tcp', isOwnersOnly: false },
  ])
  onTestFinished(async () => {
    await api.close(0)
    // What was cut off by that may leave its last words.
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  const tokens = new TokenFile(join(folder, 'tokens.json'), { clock: systemClock })
  const store = await DirectoryStore.open(join(folder, 'store'), { clock: systemClock })
  const auditFile = join(folder, 'audit.log')
  return {
    folder,
    socketPath,
    port,
    tokens,
    store,
    asked,
    send: (method, path, options = {}) =>
      send(options.isLocal === true ? { socketPath } : { port }, { method, path }, options),
    token: async (tenant, scopes, lifeMs) => {
      const nowMs = Date.now()
      const { token, record } = mintToken({ name: '', tenant, scopes, nowMs, lifeMs })
      await tokens.add(record)
      return token
    },
    audit: () =>
      existsSync(auditFile)
        ? readFileSync(auditFile, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line))
        : [],
    leftovers: () => readdirSync(store.layout.tmp),
    reconfigure: (change) =>
      api.update({ settings: parseConfig(change(text), configFile), configFile, users: {} }),
    close: () => api.close(0),
  }
}

function send(
  place: { readonly socketPath?: string; readonly port?: number },
  { method, path }: { readonly method: string; readonly path: string },
  { token, headers = {}, type, body }: SendOptions,
): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const isJson = typeof body === 'object' && !(body instanceof Uint8Array)
  const bytes = isJson ? JSON.stringify(body) : body
  const mediaType = type ?? (isJson ? 'application/json' : undefined)
  const request = httpRequest(
    {
      ...place,
      method,
      path,
      agent: false,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(mediaType === undefined ? {} : { 'content-type': mediaType }),
        ...headers,
      },
    },
    (response) => void readReply(response).then(resolve, reject),
  )
  request.on('error', reject)
  request.end(bytes)
  return promise
}

/** Resolves when it is so. */
export async function until(isSo: () => boolean): Promise<void> {
  await vi.waitUntil(isSo, { timeout: 10_000, interval: 10 })
}

export async function readReply(response: IncomingMessage): Promise<Reply> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  const last = text.trimEnd().split('\n').at(-1) ?? ''
  const json: unknown = JSON.parse(last)
  const error: unknown = Reflect.get(Object(json), 'error')
  const code: unknown = Reflect.get(Object(error), 'code')
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json,
    code: typeof code === 'string' ? code : undefined,
  }
}
