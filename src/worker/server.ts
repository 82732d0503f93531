/** A process that serves: listeners, the gateway behind them, and the HTTP front when it is asked for. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Config } from '../config/config.ts'
import { parseListenAddress } from '../gateway/listen/address.ts'
import type { Listener } from '../gateway/listen/listener.ts'
import { startHttpFront } from '../gateway/http/front.ts'
import { assembleGateway } from './assemble-gateway.ts'
import { openListeners } from './listeners.ts'

export interface ServerOptions {
  readonly config: Config
  readonly clock: Clock
  readonly logger: Logger
  /** Where to serve HTTP; undefined: nowhere. */
  readonly http: { readonly host: string; readonly port: number } | undefined
}

export interface Server {
  /** Where FastCGI is spoken. */
  readonly addresses: readonly string[]
  readonly httpUrl: string | undefined
  /** Stops accepting, lets requests end for up to `graceMs`, then stops their guests. */
  stop(graceMs: number): Promise<void>
}

/** Resolves when every socket is open. Throws `ListenError`, `WasiError`. */
export async function startServer({ config, clock, logger, http }: ServerOptions): Promise<Server> {
  const gateway = assembleGateway(config, { clock, logger, accessLog: true })
  const listeners = await openListeners({ config, gateway, clock, logger })
  const front = http === undefined ? undefined : await openFront(http, listeners, logger)
  return {
    addresses: listeners.map(({ address }) => address),
    httpUrl: front === undefined ? undefined : `http://${http?.host}:${front.port}`,
    async stop(graceMs) {
      await front?.close()
      await Promise.all(listeners.map((listener) => listener.close()))
      for (const listener of listeners) listener.closeIdle()
      const drained = Promise.all(listeners.map((listener) => listener.drained()))
      const timeUp = new Promise<void>((resolve) => {
        clock.after(graceMs, resolve)
      })
      await Promise.race([drained, timeUp])
      gateway.scheduler.stop()
      for (const listener of listeners) listener.destroyConnections()
    },
  }
}

async function openFront(
  { host, port }: { readonly host: string; readonly port: number },
  [first]: readonly Listener[],
  logger: Logger,
): Promise<{ readonly port: number; close(): Promise<void> } | undefined> {
  if (first === undefined) return undefined
  return startHttpFront({ host, port, backend: parseListenAddress(first.address), logger })
}
