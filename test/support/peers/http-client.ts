/** An HTTP/1.1 client that tells a whole answer from a cut one and from none at all. */
import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

/** How long an answer may take, in milliseconds, unless said otherwise. */
const TIMEOUT_MS = 20_000

export interface Question {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  /** Sent with Content-Length when it is bytes, chunked when it is a sequence of them. */
  readonly body?: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  readonly agent?: Agent
  readonly timeoutMs?: number
  /** Is told when the header of an answer has come. */
  readonly onHead?: () => void
  /** Is given the body piece by piece, which is then not kept. */
  readonly onBody?: (chunk: Buffer) => void
}

export interface Answer {
  /** 0 when there was none. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body, as Latin-1; empty when `onBody` was given. */
  readonly text: string
  /** `cut`: the connection ended before the answer did. `hung`: the time was up. */
  readonly ending: 'complete' | 'cut' | 'hung'
}

/** Asks `http://127.0.0.1:port/path` and never rejects. */
export function ask(port: number, path: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, agent, timeoutMs = TIMEOUT_MS, onBody } = question
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const own = agent ?? new Agent()
  const chunks: Buffer[] = []
  let status = 0
  let received: IncomingHttpHeaders = {}
  const finish = (ending: Answer['ending']): void => {
    clearTimeout(timer)
    if (agent === undefined) own.destroy()
    resolve({ status, headers: received, text: Buffer.concat(chunks).toString('latin1'), ending })
  }
  const length = body instanceof Uint8Array ? { 'Content-Length': body.length } : {}
  const outgoing = request(
    { host: '127.0.0.1', port, path, method, headers: { ...length, ...headers }, agent: own },
    (response) => {
      status = response.statusCode ?? 0
      received = response.headers
      question.onHead?.()
      response.on('data', (chunk: Buffer) => (onBody ? onBody(chunk) : chunks.push(chunk)))
      response.on('end', () => finish(response.complete ? 'complete' : 'cut'))
      response.on('error', () => finish('cut'))
    },
  )
  outgoing.on('error', () => finish('cut'))
  const timer = setTimeout(() => {
    finish('hung')
    outgoing.destroy()
  }, timeoutMs)
  if (body === undefined || body instanceof Uint8Array) outgoing.end(body)
  else Readable.from(body).pipe(outgoing)
  return promise
}

/** The first `chunks` pieces of the answer's body, then hangs up: a client that goes away. */
export function askAndLeave(port: number, path: string, chunks: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const outgoing = request({ host: '127.0.0.1', port, path, agent: new Agent() }, (response) => {
    let left = chunks
    response.on('data', () => {
      if (--left > 0) return
      outgoing.destroy()
      resolve()
    })
    response.on('end', () => reject(new Error('the answer ended before the client left')))
    response.on('error', () => undefined)
  })
  outgoing.on('error', () => undefined)
  outgoing.end()
  return promise
}

/** How a body is sent that may be broken off: so many pieces, one every so often. */
const PIECES = 100
const PIECE_BYTES = 4 * 1024
const PIECE_PAUSE_MS = 5

/** Sends a body bit by bit and stops when an answer begins, as curl does on an error: a client that waits for the rest of it. */
export function askUntilAnswered(port: number, path: string): Promise<Answer> {
  let isAnswered = false
  const body = async function* (): AsyncIterable<Uint8Array> {
    for (let piece = 0; piece < PIECES; piece++) {
      while (isAnswered) await delay(1000)
      yield Buffer.alloc(PIECE_BYTES)
      await delay(PIECE_PAUSE_MS)
    }
  }
  const headers = { 'Content-Length': PIECES * PIECE_BYTES }
  const onHead = (): void => {
    isAnswered = true
  }
  return ask(port, path, { method: 'POST', headers, body: body(), timeoutMs: 10_000, onHead })
}

export interface SlowReading {
  /** Takes the rest and resolves with the bytes of the whole body. */
  resume(): Promise<number>
}

/** Reads the first piece of an answer, then stops reading until told to go on. */
export function askAndStall(port: number, path: string): Promise<SlowReading> {
  const { promise, resolve, reject } = Promise.withResolvers<SlowReading>()
  const outgoing = request({ host: '127.0.0.1', port, path, agent: new Agent() }, (response) => {
    const done = Promise.withResolvers<number>()
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      if (bytes === 0) response.pause()
      bytes += chunk.length
    })
    response.on('end', () => done.resolve(bytes))
    response.on('error', done.reject)
    response.once('data', () =>
      resolve({
        resume: () => {
          response.resume()
          return done.promise
        },
      }),
    )
  })
  outgoing.on('error', reject)
  outgoing.end()
  return promise
}
