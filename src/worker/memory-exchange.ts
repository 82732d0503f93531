/** One request through a FastCGI connection in memory: both ends of the protocol and no socket. */
import { collectSource } from '../base/collect-source.ts'
import { ClientConnection } from '../fastcgi/client-connection.ts'
import { ServerConnection } from '../fastcgi/connection.ts'
import { Role } from '../fastcgi/constants.ts'
import { DEFAULT_CONNECTION_LIMITS } from '../fastcgi/limits.ts'
import { ParamsBudget } from '../fastcgi/params-budget.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { handleRequest, refuseRequest } from '../gateway/handle-request.ts'

const NO_DATA = new Uint8Array(0)

export interface Exchange {
  readonly pool: string
  readonly params: ReadonlyArray<readonly [string, string]>
  readonly body: Uint8Array
  /** Default Responder. */
  readonly role?: Role
  /** FCGI_DATA of a Filter request. */
  readonly data?: Uint8Array
}

export interface ExchangeResult {
  /** The CGI response: header, blank line, body. */
  readonly stdout: Buffer
  readonly stderr: Buffer
  readonly appStatus: number
  /** False: the answer was broken off. */
  readonly isComplete: boolean
}

/** Sends one request and collects the whole answer. */
export function exchange(
  gateway: Gateway,
  { pool, params, body, role = Role.Responder, data = NO_DATA }: Exchange,
): Promise<ExchangeResult> {
  return new Promise((resolve) => {
    const pump = (): void => {
      for (let isBusy = true; isBusy; ) {
        isBusy = carry(client, server)
        isBusy = carry(server, client) || isBusy
      }
    }
    let isScheduled = false
    const schedulePump = (): void => {
      if (isScheduled) return
      isScheduled = true
      queueMicrotask(() => {
        isScheduled = false
        pump()
      })
    }
    const server = new ServerConnection(
      {
        onRequest: (request) => handleRequest(request, pool, gateway),
        onBadRequest: (request, error) => refuseRequest(request, error, gateway),
        onOutput: schedulePump,
        onInputWanted: schedulePump,
        onClose: (mode) => {
          if (mode === 'graceful') pump()
          client.inputEnded()
        },
      },
      {
        limits: DEFAULT_CONNECTION_LIMITS,
        paramsBudget: new ParamsBudget(),
        multiplex: false,
        values: () => ({ maxConns: 1, maxReqs: 1 }),
      },
    )
    const client = new ClientConnection({
      onOutput: schedulePump,
      onInputWanted: schedulePump,
      onClose: () => undefined,
    })
    const request = client.begin({ role, keepConnection: true, params })
    const stdout = collectSource(request.stdout)
    const stderr = collectSource(request.stderr)
    send(request.stdin, body)
    if (role === Role.Filter) send(request.data, data)
    request.onEnd((_protocolStatus, appStatus, error) => {
      resolve({
        stdout: stdout(),
        stderr: stderr(),
        appStatus,
        isComplete: error === undefined,
      })
    })
  })
}

interface End {
  readonly wantsInput: boolean
  takeOutput(): readonly Uint8Array[]
  outputWritten(byteCount: number): void
  receive(bytes: Uint8Array): void
}

/** Whether any byte was carried. */
function carry(from: End, to: End): boolean {
  if (!to.wantsInput) return false
  let isBusy = false
  for (const bytes of from.takeOutput()) {
    isBusy = true
    // The sender uses its memory again.
    to.receive(bytes.slice())
    from.outputWritten(bytes.length)
  }
  return isBusy
}

function send(
  sink: { write(bytes: Uint8Array): number; onWritable(wake: () => void): void; end(): void },
  bytes: Uint8Array,
): void {
  for (let at = 0; at < bytes.length; ) {
    const taken = sink.write(bytes.subarray(at))
    if (taken === 0) {
      const rest = bytes.subarray(at)
      sink.onWritable(() => send(sink, rest))
      return
    }
    at += taken
  }
  sink.end()
}
