/** A web server's end of FastCGI over a real socket: one request at a time, on a connection that may be kept. */
import { connect } from 'node:net'
import { pino } from 'pino'
import type { ByteSink } from '../../../src/base/byte-stream.ts'
import { collectSource } from '../../../src/base/collect-source.ts'
import type { Pairs } from '../../../src/fastcgi/params.ts'
import { BackendConnection } from '../../../src/gateway/http/backend-connection.ts'

export interface KeptQuestion {
  /** Latin1, one char a byte. */
  readonly params: Pairs
  readonly body: Uint8Array
}

export interface KeptAnswer {
  readonly status: number
  /** By their names in lower case; of several with one name, the last. */
  readonly fields: ReadonlyMap<string, string>
  /** Latin1, one char a byte; as it came when it has no head. */
  readonly body: string
  readonly stderr: string
  /** `lost`: the connection ended first. `hung`: the time was up. */
  readonly ending: 'complete' | 'lost' | 'hung'
}

export class KeptClient {
  readonly #path: string
  readonly #isKept: boolean
  #connection: BackendConnection | undefined

  /** `path`: of a unix socket. */
  constructor(path: string, isKept = true) {
    this.#path = path
    this.#isKept = isKept
  }

  /** Never rejects. The connection is opened when it is needed, and anew when it was lost. */
  ask({ params, body }: KeptQuestion, timeoutMs: number): Promise<KeptAnswer> {
    const connection = this.#connect()
    const request = connection.begin(params)
    const stdout = collectSource(request.stdout)
    const stderr = collectSource(request.stderr)
    send(request.stdin, body)
    const { promise, resolve } = Promise.withResolvers<KeptAnswer>()
    const finish = (ending: KeptAnswer['ending']): void => {
      clearTimeout(timer)
      if (!this.#isKept || ending === 'hung') this.close()
      resolve({
        ...answerOf(stdout().toString('latin1')),
        stderr: stderr().toString('latin1'),
        ending,
      })
    }
    const timer = setTimeout(() => finish('hung'), timeoutMs)
    request.onEnd((_protocolStatus, _appStatus, error) => {
      finish(error === undefined ? 'complete' : 'lost')
    })
    return promise
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  #connect(): BackendConnection {
    if (this.#connection?.isUsable !== true) {
      const logger = pino({ level: 'silent' })
      this.#connection = new BackendConnection(connect(this.#path), logger, () => undefined)
    }
    return this.#connection
  }
}

function send(sink: ByteSink, bytes: Uint8Array): void {
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

function answerOf(text: string): Pick<KeptAnswer, 'status' | 'fields' | 'body'> {
  const head = /^((?:[^\r\n:]+:[^\r\n]*\r?\n)+)\r?\n/.exec(text)
  if (head === null) return { status: 0, fields: new Map(), body: text }
  const fields = new Map<string, string>()
  for (const line of (head[1] ?? '').split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  const status = Number(/^\d{3}/.exec(fields.get('status') ?? '200')?.[0])
  return { status, fields, body: text.slice(head[0].length) }
}
