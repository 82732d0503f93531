/** What the peer of a connection keeps us waiting for, as a function of how far the connection is. */
import type { ListenErrorCode } from './errors.ts'
import type { ConnectionTimeouts } from './timeouts.ts'

/** `progress` changes whenever the peer moves. */
export interface Wait {
  readonly code: ListenErrorCode | 'linger'
  readonly limitMs: number
  readonly progress: number
}

/** How far a connection is. */
export interface PeerProgress {
  /** We have half-closed. */
  readonly isLingering: boolean
  /** Output is on its way, or the last of it. */
  readonly isWriting: boolean
  readonly waitingFor: 'record' | 'params' | 'stdin' | 'nothing'
  readonly bytesRead: number
  /** Requests that have begun; at least 1 on a connection that another process has served before. */
  readonly requestsSeen: number
  readonly writesDone: number
}

/** Undefined: it is our turn, or an idle connection may stay for ever. */
export function peerWait(at: PeerProgress, timeouts: ConnectionTimeouts): Wait | undefined {
  const { waitingFor, bytesRead, requestsSeen } = at
  if (at.isLingering) return { code: 'linger', limitMs: timeouts.lingerMs, progress: 0 }
  if (at.isWriting) {
    return {
      code: 'GATEWAY_WRITE_TIMEOUT',
      limitMs: timeouts.writeStallMs,
      progress: at.writesDone,
    }
  }
  if (bytesRead === 0 && requestsSeen === 0) {
    return { code: 'GATEWAY_FIRST_BYTE_TIMEOUT', limitMs: timeouts.firstByteMs, progress: 0 }
  }
  const isFirst = waitingFor === 'record' && requestsSeen === 0
  if (waitingFor === 'params' || isFirst) {
    return { code: 'GATEWAY_PARAMS_TIMEOUT', limitMs: timeouts.paramsMs, progress: requestsSeen }
  }
  if (waitingFor === 'stdin') {
    return { code: 'GATEWAY_BODY_TIMEOUT', limitMs: timeouts.bodyIdleMs, progress: bytesRead }
  }
  if (waitingFor === 'record' && timeouts.keepAliveIdleMs > 0) {
    const limitMs = timeouts.keepAliveIdleMs
    return { code: 'GATEWAY_IDLE_TIMEOUT', limitMs, progress: bytesRead }
  }
  return undefined
}
