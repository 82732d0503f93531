/** The HTTP server of the admin API: who may come in, how often, and what of it is written down. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { emptyAcceptQueue } from '../base/accept-queue.ts'
import type { Clock } from '../base/clock.ts'
import { type ErrorDetails, toWire } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { AuditLog } from './audit-log.ts'
import { authenticate, type Principal, type TokenSource } from './authenticate.ts'
import { ConnectionLimit } from './connection-limit.ts'
import type { Answer, AuditNotes, Call, Endpoint } from './endpoint.ts'
import { type Found, findEndpoint } from './endpoints.ts'
import { AdminError } from './errors.ts'
import { statusOf } from './http-status.ts'
import { JsonExchange } from './json-exchange.ts'
import type { AdminLimits } from './limits.ts'
import { RateLimit } from './rate-limit.ts'
import { admit, checkMediaType, notHere, readJson, readQuery } from './request-checks.ts'
import { TenantPlaces } from './tenant-places.ts'

/** A socket to listen on, and who can reach it. */
export interface Door {
  readonly fd: number
  readonly transport: 'tcp' | 'unix'
  /** Whether whoever can connect is the operator, and needs no token. */
  readonly isOperatorsOwn: boolean
}

export interface AdminServerOptions {
  readonly endpoints: readonly Endpoint[]
  readonly tokens: TokenSource
  readonly audit: AuditLog
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: AdminLimits
  /** Requests a minute, of each token, and of each address without one. */
  readonly perMinute: number
  /** Whether a TCP peer may connect. */
  readonly isAllowed: (address: string | undefined) => boolean
  /** Absolute path of the store, which is nobody's business: messages say `STORE` instead. */
  readonly storeFolder: string
}

/** Fields that a proxy adds: what comes through one does not come from the operator alone. */
const PROXY_FIELDS = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via']

/** How often connections are looked at for being too slow, in milliseconds. */
const LOOK_MS = 1000

/** Longest part of a request line that is written down. */
const MAX_LOGGED = 300

export class AdminServer {
  readonly #options: AdminServerOptions
  readonly #requests: RateLimit
  readonly #badTokens: RateLimit
  /** Requests under way, of tenants and of addresses. */
  readonly #underWay: TenantPlaces
  readonly #servers: Server[] = []
  /** Of their listening sockets. */
  readonly #descriptors: number[] = []
  readonly #running = new Set<Promise<void>>()
  readonly #ending = new AbortController()
  /** What was last said about the file of tokens: once is enough. */
  #lastComplaint = ''

  constructor(options: AdminServerOptions) {
    const { clock, limits, perMinute } = options
    this.#options = options
    this.#requests = new RateLimit({ clock, perMinute, maxKeys: limits.counted })
    this.#badTokens = new RateLimit({
      clock,
      perMinute: limits.badTokens,
      maxKeys: limits.counted,
    })
    this.#underWay = new TenantPlaces({
      ...{ doing: 'answer', things: 'requests' },
      ...{ inAll: Number.POSITIVE_INFINITY, ofTenant: limits.requests },
    })
  }

  /** Starts to accept; resolves with the address, as the system has it. */
  async listen(door: Door): Promise<AddressInfo | string | null> {
    const { limits, isAllowed } = this.#options
    const server = createServer({
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headerMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: LOOK_MS,
      requireHostHeader: true,
    })
    server.timeout = limits.stallMs
    const connections = new ConnectionLimit(limits.connections)
    const entrance = { ...door, connections }
    server.on('connection', (socket: Socket) => {
      // A socket that somebody else has opened may be either.
      const isTcp = door.transport === 'tcp' || socket.remoteAddress !== undefined
      if (isTcp && !isAllowed(socket.remoteAddress)) socket.destroy()
      else connections.add(socket)
    })
    server.on('request', (request, response) => this.#take(request, response, entrance))
    server.on('checkContinue', (request, response) => this.#take(request, response, entrance))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen({ fd: door.fd }, resolve)
    await promise
    this.#servers.push(server)
    this.#descriptors.push(door.fd)
    return server.address()
  }

  /** Takes no more requests; resolves when those under way are done, or after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const { promise: isLate, resolve } = Promise.withResolvers<void>()
    const { clock } = this.#options
    // Streams of events have no end of their own.
    this.#ending.abort()
    const timer = clock.after(graceMs, resolve)
    const queues = this.#descriptors.map((fd) => emptyAcceptQueue({ fd, clock }))
    await Promise.race([Promise.all(queues), isLate])
    for (const server of this.#servers) {
      server.close()
      server.closeIdleConnections()
    }
    await Promise.race([Promise.all(this.#running), isLate])
    timer.cancel()
    for (const server of this.#servers) server.closeAllConnections()
  }

  #take(request: IncomingMessage, response: ServerResponse, door: Entrance): void {
    const done = this.#serve(request, response, door).finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  async #serve(request: IncomingMessage, response: ServerResponse, door: Entrance): Promise<void> {
    const { clock, limits } = this.#options
    const startMs = clock.nowMs()
    const awaitsContinue = request.headers.expect?.toLowerCase() === '100-continue'
    const ending = this.#ending.signal
    const exchange = new JsonExchange(request, response, { clock, limits, awaitsContinue, ending })
    const trail: Trail = {
      ...{ notes: {}, principal: undefined, found: undefined, isLoud: true },
      atEnd: [],
    }
    let answer: Answer | undefined
    let failure: ReturnType<typeof toWire> | undefined
    try {
      answer = await this.#answer(exchange, door, trail)
    } catch (error) {
      failure = this.#toWire(error)
    }
    const status = failure === undefined ? (answer?.status ?? 500) : statusOf(failure.code)
    await this.#writeDown(exchange, { trail, door, status, code: failure?.code, startMs })
    if (failure !== undefined) {
      setHints(exchange, status, failure)
      await exchange.fail(status, failure)
    } else if (answer !== undefined) await exchange.send(answer)
    // What a client does not take is under way still.
    for (const end of trail.atEnd) end()
  }

  /** The life of a request, top to bottom. */
  async #answer(exchange: JsonExchange, door: Entrance, trail: Trail): Promise<Answer> {
    const { request, target } = exchange
    const found = findEndpoint(this.#options.endpoints, request.method, target.path)
    const isFound = !isMethods(found)
    if (isFound) trail.found = found
    if (isFound && found.endpoint.reach === 'open') {
      const address = addressOf(request, door)
      this.#count(`from ${address}`)
      trail.atEnd.push(this.#underWay.take(`address ${address}`))
      const isStillAllowed = async (): Promise<void> => undefined
      const more = { notes: trail.notes, principal: NOBODY, isStillAllowed }
      return found.endpoint.handle(this.#call(exchange, found, more))
    }
    const principal = await this.#identify(request, door, trail)
    trail.principal = principal
    if (principal.id !== 'local') this.#count(principal.id)
    const { tenant } = principal
    if (tenant !== undefined) trail.atEnd.push(this.#underWay.take(`tenant ${tenant}`))
    // Not before: what is refused for its number, many times over, must not keep others out.
    trail.atEnd.push(door.connections.hold(request.socket))
    if (!isFound) throw notHere(exchange, found)
    admit(principal, found)
    checkMediaType(found.endpoint, exchange)
    const isStillAllowed = async (): Promise<void> => {
      admit(await this.#identify(request, door, trail), found)
    }
    const more = { notes: trail.notes, principal, isStillAllowed }
    return found.endpoint.handle(this.#call(exchange, found, more))
  }

  async #identify(request: IncomingMessage, door: Door, trail: Trail): Promise<Principal> {
    const { tokens, clock } = this.#options
    const isOperatorsOwn =
      door.isOperatorsOwn && PROXY_FIELDS.every((name) => request.headers[name] === undefined)
    const authorization = request.headersDistinct['authorization'] ?? []
    const nowMs = Number(clock.realtimeNs() / 1_000_000n)
    try {
      return await authenticate({ authorization, isOperatorsOwn }, tokens, nowMs)
    } catch (error) {
      if (toWire(error).code === 'ADMIN_TOKEN_FILE') throw error
      // A good token is let in however many bad ones come from the same address: nobody can lock others out.
      const waitMs = this.#badTokens.take(addressOf(request, door))
      if (waitMs === 0) throw error
      trail.isLoud = false
      throw tooMany('bad tokens', waitMs)
    }
  }

  #count(key: string): void {
    const waitMs = this.#requests.take(key)
    if (waitMs > 0) throw tooMany('requests', waitMs)
  }

  #call(
    exchange: JsonExchange,
    { endpoint, names }: Found,
    { principal, notes, isStillAllowed }: Asked,
  ): Call {
    const { limits } = this.#options
    const wantsLines = endpoint.lines !== undefined && exchange.wantsLines
    return {
      principal,
      tenant: names.get('tenant') ?? '',
      handler: names.get('handler') ?? '',
      tokenId: names.get('token') ?? '',
      release: names.get('release') ?? '',
      keyId: names.get('key') ?? '',
      query: readQuery(endpoint, exchange.target.query),
      mediaType: exchange.mediaType,
      wantsLines,
      wantsEvents: endpoint.events !== undefined && exchange.wantsEvents,
      notes,
      body: (maxBytes) => exchange.body(maxBytes),
      json: (schema, maxBytes = limits.jsonBytes) => readJson(exchange.body(maxBytes), schema),
      line: (value) => {
        if (wantsLines) exchange.line(value)
      },
      events: () => exchange.events(),
      isStillAllowed,
    }
  }

  async #writeDown(
    { request, target }: JsonExchange,
    { trail, door, status, code, startMs }: Outcome,
  ): Promise<void> {
    const { principal, notes, found } = trail
    const isRefused = status === 401 || status === 403
    const isChange = principal !== undefined && found?.endpoint.isChange === true
    // What nobody may learn of is a try as well.
    const isTry = code === 'ADMIN_UNKNOWN_TENANT'
    if (!trail.isLoud || !(isChange || isRefused || isTry)) return
    await this.#options.audit.write({
      who: principal?.id ?? null,
      name: principal?.name,
      from: addressOf(request, door),
      what: found?.endpoint.id ?? null,
      tenant: found?.names.get('tenant'),
      request: `${request.method} ${target.path}`.slice(0, MAX_LOGGED),
      status,
      code,
      ms: Math.round(this.#options.clock.nowMs() - startMs),
      ...notes,
    })
  }

  /** A fault of ours ends this request and not the process: others are in the middle of publishing. */
  #toWire(error: unknown): ReturnType<typeof toWire> {
    const wire = toWire(error)
    if (wire.code === 'ADMIN_TOKEN_FILE') return this.#withoutPath(wire)
    if (wire.code !== 'INTERNAL') {
      return { ...wire, message: wire.message.replaceAll(this.#options.storeFolder, 'STORE') }
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#options.logger.error(`admin API: ${text}`)
    return { ...wire, message: 'Cannot do that: a fault of the server, which is in its log' }
  }

  /** Where tokens are kept is for the log, and not for whoever asks without one. */
  #withoutPath(wire: ReturnType<typeof toWire>): ReturnType<typeof toWire> {
    if (wire.message !== this.#lastComplaint) this.#options.logger.error(wire.message)
    this.#lastComplaint = wire.message
    const message =
      'Cannot use the file of tokens: the error log says why, wanted one that is sound'
    return { ...wire, message }
  }
}

/** Who asks, and what becomes known. */
interface Asked extends Pick<Call, 'isStillAllowed'> {
  readonly principal: Principal
  readonly notes: AuditNotes
}

interface Entrance extends Door {
  readonly connections: ConnectionLimit
}

/** What is known of a request so far. */
interface Trail {
  readonly notes: AuditNotes
  principal: Principal | undefined
  found: Found | undefined
  /** False: there were too many of the kind to write them all down. */
  isLoud: boolean
  /** What is to be done when the client has its answer, or is gone. */
  readonly atEnd: Array<() => void>
}

interface Outcome {
  readonly trail: Trail
  readonly door: Door
  readonly status: number
  readonly code: string | undefined
  readonly startMs: number
}

const NOBODY: Principal = { id: '', name: undefined, tenant: '', scopes: new Set() }

function isMethods(found: Found | readonly string[]): found is readonly string[] {
  return Array.isArray(found)
}

function tooMany(what: string, waitMs: number): AdminError {
  const seconds = Math.ceil(waitMs / 1000)
  return new AdminError(
    'ADMIN_RATE_LIMIT',
    `Cannot take more ${what} now: there were too many in a minute, wanted ${seconds} s without`,
    { details: { retryAfterSeconds: seconds } },
  )
}

/** What HTTP has a field for. */
function setHints(
  exchange: JsonExchange,
  status: number,
  { code, details }: { readonly code: string; readonly details: ErrorDetails },
): void {
  const { retryAfterSeconds = 1 } = details
  if (status === 429 || status === 503) exchange.setHeader('retry-after', `${retryAfterSeconds}`)
  const kind = CHALLENGES.get(code)
  if (kind !== undefined) {
    exchange.setHeader('www-authenticate', `Bearer realm="wasm-fpm"${kind}`)
  }
}

/** RFC 6750, section 3. */
const CHALLENGES: ReadonlyMap<string, string> = new Map([
  ['ADMIN_NO_TOKEN', ''],
  ['ADMIN_BAD_TOKEN', ', error="invalid_token"'],
  ['ADMIN_EXPIRED_TOKEN', ', error="invalid_token"'],
  ['ADMIN_MISSING_SCOPE', ', error="insufficient_scope"'],
])

function addressOf({ socket }: IncomingMessage, { transport }: Door): string {
  return socket.remoteAddress ?? (transport === 'unix' ? 'unix' : 'gone')
}
