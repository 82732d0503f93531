/** The HTTP front of a worker, in front of its own listener. */
import type { Logger } from '../base/logger.ts'
import { connectorTo } from '../gateway/http/backend-pool.ts'
import { type HttpFront, startHttpFront } from '../gateway/http/front.ts'
import type { Listener } from '../gateway/listen/listener.ts'
import { hasSocketPairs } from '../gateway/listen/socket-pair.ts'

/** Serves HTTP on the listening socket `fd`. */
export function openOwnFront(fd: number, listener: Listener, logger: Logger): Promise<HttpFront> {
  const connect = hasSocketPairs() ? () => listener.connect() : connectorTo(listener.address)
  return startHttpFront({ host: '', port: 0, fd, connect, logger })
}
