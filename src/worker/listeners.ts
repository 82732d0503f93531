/** The sockets a worker accepts on: bound by the master, inherited by this process. */
import type { Socket } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { parseListenAddress } from '../base/listen-address.ts'
import type { Logger } from '../base/logger.ts'
import type { PoolConfig } from '../config/config.ts'
import { DEFAULT_CONNECTION_LIMITS } from '../fastcgi/limits.ts'
import { ParamsBudget } from '../fastcgi/params-budget.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { handleRequest, refuseRequest } from '../gateway/handle-request.ts'
import { parseAllowedClients, webServerAddresses } from '../gateway/listen/allowed-clients.ts'
import {
  adoptListener,
  type ConnectionSettings,
  type Listener,
} from '../gateway/listen/listener.ts'
import type { Router } from '../gateway/router.ts'
import type { SocketGrant } from '../ipc/messages.ts'

/** Of this process. */
const PARAMS_BUDGET = new ParamsBudget()

export interface ListenerParts {
  readonly pool: PoolConfig
  readonly params: Router['params']
  /** The gateway for the next request. */
  readonly gateway: () => Gateway
  readonly clock: Clock
  readonly logger: Logger
  /** Takes an idle connection that came in by `address`; false: it is to be closed. */
  readonly handOver: (socket: Socket, address: string) => boolean
}

/** Starts to accept on `socket`. Throws `ListenError`. */
export function openPoolListener(
  { fd, address, transport }: SocketGrant,
  { pool, params, gateway, clock, logger, handOver }: ListenerParts,
): Promise<Listener> {
  const parsed = parseListenAddress(address)
  const port = transport === 'unix' ? undefined : parsed?.kind === 'tcp' ? parsed.port : 0
  return adoptListener(
    { fd, address, port },
    {
      handler: {
        onRequest: (request) => handleRequest(request, pool.name, gateway()),
        onBadRequest: (request, error) => refuseRequest(request, error, gateway()),
      },
      clock,
      logger,
      webServers: webServerAddresses(process.env),
      backlog: pool.listenBacklog,
      handOver: (connection) => handOver(connection, address),
      ...connectionSettings(pool, params),
    },
  )
}

/** What a pool's table, and its tenants' together, say about connections. */
export function connectionSettings(
  pool: PoolConfig,
  params: Router['params'],
): ConnectionSettings & { readonly connection: object } {
  const maxRequests = pool.maxRequestsPerConnection
  const limits = { ...DEFAULT_CONNECTION_LIMITS, ...params, maxRequests }
  return {
    connection: {
      limits,
      paramsBudget: PARAMS_BUDGET,
      multiplex: pool.multiplex,
      values: () => ({ maxConns: pool.maxConnections, maxReqs: limits.maxRequests }),
    },
    timeouts: {
      firstByteMs: pool.firstByteTimeoutMs,
      paramsMs: pool.paramsTimeoutMs,
      bodyIdleMs: pool.bodyTimeoutMs,
      writeStallMs: pool.writeTimeoutMs,
      keepAliveIdleMs: pool.keepaliveTimeoutMs ?? 0,
    },
    allowedClients:
      pool.allowedClients.length === 0 ? undefined : parseAllowedClients(pool.allowedClients),
    maxConnections: pool.maxConnections,
  }
}
