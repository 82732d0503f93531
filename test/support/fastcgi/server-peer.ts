/** A server connection with a peer and a driver made of arrays. */
import type { Pair } from '../../../src/base/name-values.ts'
import { ServerConnection } from '../../../src/fastcgi/connection.ts'
import type { KeepsOutput } from '../../../src/fastcgi/connection-events.ts'
import type { FastCgiError } from '../../../src/fastcgi/errors.ts'
import type { ConnectionLimits } from '../../../src/fastcgi/limits.ts'
import { DEFAULT_CONNECTION_LIMITS } from '../../../src/fastcgi/limits.ts'
import { ParamsBudget } from '../../../src/fastcgi/params-budget.ts'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { join } from './hex.ts'
import { type SentRecord, splitRecords } from './records.ts'

export interface PeerOptions {
  readonly limits?: Partial<ConnectionLimits>
  readonly paramsBudget?: ParamsBudget
  readonly multiplex?: boolean
  /** Whether the beginnings of answers may be kept. */
  readonly keeps?: boolean
  readonly onRequest?: (request: FastCgiRequest) => void
  readonly onBadRequest?: (request: FastCgiRequest, error: FastCgiError) => void
}

export interface Peer {
  readonly connection: ServerConnection
  readonly requests: FastCgiRequest[]
  /** Of each request, as they were when it was handed over. */
  readonly params: Pair[][]
  readonly bad: FastCgiError[]
  /** `graceful`, `break`, or `break CODE`. */
  readonly closed: string[]
  /** Who keeps the beginning of an answer, and is to be asked again. */
  readonly kept: KeepsOutput[]
  /** How often the driver was told. */
  readonly told: { output: number; inputWanted: number }
  send(...parts: Uint8Array[]): void
  /** Takes everything and confirms it. */
  flush(): SentRecord[]
}

export function peer(options: PeerOptions = {}): Peer {
  const requests: FastCgiRequest[] = []
  const params: Pair[][] = []
  const bad: FastCgiError[] = []
  const closed: string[] = []
  const kept: KeepsOutput[] = []
  const told = { output: 0, inputWanted: 0 }
  const connection = new ServerConnection(
    {
      onRequest(request) {
        requests.push(request)
        params.push([...request.params])
        options.onRequest?.(request)
      },
      onBadRequest(request, error) {
        requests.push(request)
        params.push([...request.params])
        bad.push(error)
        options.onBadRequest?.(request, error)
      },
      onOutput: () => {
        told.output++
      },
      ...(options.keeps === true && {
        onOutputKept: (request) => {
          kept.push(request)
          return true
        },
      }),
      onInputWanted: () => {
        told.inputWanted++
      },
      onClose: (mode, error) => {
        closed.push(error === undefined ? mode : `${mode} ${error.code}`)
      },
    },
    {
      limits: { ...DEFAULT_CONNECTION_LIMITS, ...options.limits },
      paramsBudget: options.paramsBudget ?? new ParamsBudget(),
      multiplex: options.multiplex ?? true,
      values: () => ({ maxConns: 512, maxReqs: 64 }),
    },
  )
  return {
    connection,
    requests,
    params,
    bad,
    closed,
    kept,
    told,
    send(...parts) {
      for (const part of parts) connection.receive(part.slice())
    },
    flush() {
      const bytes = join(connection.takeOutput())
      connection.outputWritten(bytes.length)
      return splitRecords(bytes)
    },
  }
}

/** Reads what is there now. */
export function readAll(source: FastCgiRequest['stdin']): { bytes: Uint8Array; ended: boolean } {
  const parts: Uint8Array[] = []
  while (true) {
    const part = source.read(1 << 20)
    if (part === undefined) return { bytes: join(parts), ended: true }
    if (part.length === 0) return { bytes: join(parts), ended: false }
    parts.push(part)
  }
}
