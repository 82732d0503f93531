/** A web server's end of one FastCGI connection in memory: bodies can be left open, answers left unread, requests given up. */
import type { ByteSink, ByteSource } from '../../src/base/byte-stream.ts'
import { collectSource } from '../../src/base/collect-source.ts'
import { ClientConnection } from '../../src/fastcgi/client-connection.ts'
import type { ClientRequest } from '../../src/fastcgi/client-request.ts'
import { ServerConnection } from '../../src/fastcgi/connection.ts'
import { DEFAULT_CONNECTION_LIMITS } from '../../src/fastcgi/limits.ts'
import { ParamsBudget } from '../../src/fastcgi/params-budget.ts'
import type { Gateway } from '../../src/gateway/gateway.ts'
import { handleRequest, refuseRequest } from '../../src/gateway/handle-request.ts'

export interface Ask {
  readonly pool: string
  readonly params: ReadonlyArray<readonly [string, string]>
  /** What is sent of the body. */
  readonly body?: Uint8Array
  /** Whether more of the body seems to come. */
  readonly isBodyOpen?: boolean
  /** Whether nobody takes the answer. */
  readonly isDeaf?: boolean
}

export interface Reply {
  readonly status: number
  readonly headers: string
  readonly body: Buffer
  readonly stderr: string
  readonly appStatus: number
  /** False: the answer was broken off. */
  readonly isComplete: boolean
}

export interface Exchange {
  readonly reply: Promise<Reply>
  /** Gives the request up. */
  abort(): void
}

/** Sends one request over a connection of its own. */
export function begin(gateway: Gateway, ask: Ask): Exchange {
  const { client, pump } = connect(gateway, ask)
  const request = client.begin({ keepConnection: true, params: ask.params })
  send(request.stdin, ask.body ?? new Uint8Array(0), ask.isBodyOpen !== true)
  const reply = ask.isDeaf === true ? endOf(request, nothing) : endOf(request, collectSource)
  return {
    reply,
    abort: () => {
      request.abort()
      pump()
    },
  }
}

function connect(gateway: Gateway, { pool }: Ask): { client: ClientConnection; pump: () => void } {
  const pump = (): void => {
    for (let isBusy = true; isBusy; ) {
      isBusy = carry(client, server)
      isBusy = carry(server, client) || isBusy
    }
  }
  const server = new ServerConnection(
    {
      onRequest: (request) => handleRequest(request, pool, gateway),
      onBadRequest: (request, error) => refuseRequest(request, error, gateway),
      onOutput: () => queueMicrotask(pump),
      onInputWanted: () => queueMicrotask(pump),
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
    onOutput: () => queueMicrotask(pump),
    onInputWanted: () => queueMicrotask(pump),
    onClose: () => undefined,
  })
  return { client, pump }
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
    to.receive(bytes)
    from.outputWritten(bytes.length)
  }
  return isBusy
}

function send(sink: ByteSink, bytes: Uint8Array, isWhole: boolean): void {
  for (let at = 0; at < bytes.length; ) {
    const taken = sink.write(bytes.subarray(at))
    if (taken === 0) {
      const rest = bytes.subarray(at)
      sink.onWritable(() => send(sink, rest, isWhole))
      return
    }
    at += taken
  }
  if (isWhole) sink.end()
}

type Collect = (source: ByteSource) => () => Buffer

function endOf(request: ClientRequest, collect: Collect): Promise<Reply> {
  const stdout = collect(request.stdout)
  const stderr = collect(request.stderr)
  return new Promise((resolve) => {
    request.onEnd((_protocolStatus, appStatus, error) => {
      const bytes = stdout()
      const end = bytes.indexOf('\r\n\r\n')
      const headers = bytes.toString('latin1', 0, Math.max(end, 0))
      resolve({
        status: Number(/^Status: (\d+)/m.exec(headers)?.[1] ?? 0),
        headers,
        body: bytes.subarray(end + 4),
        stderr: stderr().toString('latin1'),
        appStatus,
        isComplete: error === undefined,
      })
    })
  })
}

function nothing(): () => Buffer {
  return () => Buffer.alloc(0)
}
