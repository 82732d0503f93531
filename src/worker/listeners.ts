/** The sockets of a configuration's pools, each with the gateway behind it. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Config, PoolConfig } from '../config/config.ts'
import { DEFAULT_CONNECTION_LIMITS } from '../fastcgi/limits.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { handleRequest, refuseRequest } from '../gateway/handle-request.ts'
import type { ListenAddress } from '../gateway/listen/address.ts'
import { parseAllowedClients, webServerAddresses } from '../gateway/listen/allowed-clients.ts'
import type { RequestHandler } from '../gateway/listen/connection-driver.ts'
import { activatedSockets, hasInheritedListener, inheritedDescriptors } from '../gateway/listen/inherited.ts'
import { DEFAULT_MAX_CONNECTIONS, type Listener, openListener } from '../gateway/listen/listener.ts'

export interface ListenersOptions {
  readonly config: Config
  readonly gateway: Gateway
  readonly clock: Clock
  readonly logger: Logger
}

/** Opens every listener of the configuration. When one cannot be opened, none stays open. */
export async function openListeners(options: ListenersOptions): Promise<Listener[]> {
  const listeners: Listener[] = []
  try {
    for (const pool of options.config.pools) {
      for (const address of addressesOf(pool)) {
        listeners.push(await openPoolListener(pool, address, options))
      }
    }
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()))
    throw error
  }
  return listeners
}

/** The pool's addresses; where the process was started with a listening socket as file descriptor 0, that one too. */
function addressesOf(pool: PoolConfig): readonly ListenAddress[] {
  const activated = activatedSockets(process.env, process.pid)
  return pool.listen.flatMap((address): ListenAddress[] => {
    const descriptors = inheritedDescriptors(address, activated)
    return descriptors === undefined ? [address] : descriptors.map((fd) => ({ kind: 'fd', fd }))
  })
}

/** FCGI_LISTENSOCK_FILENO (FastCGI 1.0, section 2.2): whether a web server or spawn-fcgi started this process. */
export function isStartedByWebServer(): boolean {
  return hasInheritedListener()
}

function openPoolListener(
  pool: PoolConfig,
  address: ListenAddress,
  { gateway, clock, logger }: ListenersOptions,
): Promise<Listener> {
  const handler: RequestHandler = {
    onRequest: (request) => void handleRequest(request, pool.name, gateway),
    onBadRequest: (request, error) => refuseRequest(request, error, gateway),
  }
  return openListener(address, {
    handler,
    clock,
    logger,
    connection: {
      limits: DEFAULT_CONNECTION_LIMITS,
      multiplex: true,
      values: () => ({
        maxConns: DEFAULT_MAX_CONNECTIONS,
        maxReqs: DEFAULT_CONNECTION_LIMITS.maxRequests,
      }),
    },
    timeouts: {
      firstByteMs: pool.firstByteTimeoutMs,
      paramsMs: pool.paramsTimeoutMs,
      bodyIdleMs: pool.bodyTimeoutMs,
      writeStallMs: pool.writeTimeoutMs,
      keepAliveIdleMs: pool.keepaliveTimeoutMs ?? 0,
    },
    allowedClients: pool.allowedClients.length === 0 ? undefined : parseAllowedClients(pool.allowedClients),
    webServers: webServerAddresses(process.env),
    insecure: pool.insecureListen,
    socketFile: { owner: pool.listenOwner, group: pool.listenGroup, mode: pool.listenMode },
    backlog: pool.listenBacklog,
  })
}
