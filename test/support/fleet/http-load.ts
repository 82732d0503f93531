/** HTTP load over kept connections that counts every request: answered by 200, or lost. */
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 20_000

/** Between an answer and the next request while it goes slowly, in milliseconds. */
const SLOW_PAUSE_MS = 20

export interface LoadOptions {
  /** On 127.0.0.1. */
  readonly port: number
  readonly path: string
  readonly host: string
  /** Connections. */
  readonly width: number
}

const BODY = 'a=1&b=2'

export interface HttpLoad {
  readonly answered: number
  /** What became of those that were lost. */
  readonly lost: readonly string[]
  /** Longest time that an answer took, in milliseconds. */
  readonly longestMs: number
  /** One request after the other, or with pauses, which leave the machine to others. */
  isFast: boolean
  /** Ends it; resolves when the last answer is there. */
  stop(): Promise<void>
}

/** Asks by GET and POST in turn. */
export function startHttpLoad({ port, path, host, width }: LoadOptions): HttpLoad {
  const load = { answered: 0, lost: [] as string[], longestMs: 0, isFast: true }
  let isOver = false
  const loop = async (number: number): Promise<void> => {
    let client: HttpClient | undefined
    for (let count = number; !isOver; count += 1) {
      if (client === undefined || client.isOver) client = new HttpClient(port)
      const startMs = performance.now()
      const outcome = await client.ask(count % 2 === 0 ? 'GET' : 'POST', { path, host })
      load.longestMs = Math.max(load.longestMs, performance.now() - startMs)
      if (outcome === '200') load.answered += 1
      else load.lost.push(outcome)
      if (!load.isFast) await delay(SLOW_PAUSE_MS)
    }
    client?.close()
  }
  const loops = Array.from({ length: width }, (_, number) => loop(number))
  return Object.assign(load, {
    stop: async () => {
      isOver = true
      await Promise.all(loops)
    },
  })
}

/** A connection that is kept, one request at a time. The answers have a Content-Length, or none and end the connection. */
class HttpClient {
  readonly #socket: Socket
  #text = ''
  #settle: ((outcome: string) => void) | undefined
  #method = ''
  isOver = false

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.#socket.setEncoding('latin1').on('data', this.#receive)
    for (const event of ['end', 'close'] as const) this.#socket.on(event, () => this.#end(event))
    this.#socket.on('error', (error) => this.#end(error.message))
  }

  close(): void {
    this.#socket.destroy()
  }

  /** Resolves with the status, or what came instead. */
  ask(method: 'GET' | 'POST', { path, host }: Pick<LoadOptions, 'path' | 'host'>): Promise<string> {
    const length = method === 'POST' ? `Content-Length: ${BODY.length}\r\n` : ''
    const body = method === 'POST' ? BODY : ''
    this.#method = method
    this.#text = ''
    const { promise, resolve } = Promise.withResolvers<string>()
    const timer = setTimeout(() => this.#end(`no answer in ${ANSWER_MS} ms`), ANSWER_MS)
    this.#settle = (outcome) => {
      clearTimeout(timer)
      this.#settle = undefined
      resolve(outcome)
    }
    this.#socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${length}\r\n${body}`)
    if (this.isOver) this.#end('closed before')
    return promise
  }

  readonly #receive = (chunk: string): void => {
    this.#text += chunk
    const head = this.#text.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = /^content-length: (\d+)/im.exec(this.#text.slice(0, head))?.[1]
    const isChunked = /^transfer-encoding: chunked/im.test(this.#text.slice(0, head))
    const isWhole = isChunked
      ? this.#text.endsWith('\r\n0\r\n\r\n')
      : length !== undefined && this.#text.length >= head + 4 + Number(length)
    if (!isWhole) return
    const status = this.#text.slice(9, 12)
    if (/^connection: close/im.test(this.#text.slice(0, head))) this.isOver = true
    this.#settle?.(status === '200' ? status : `${this.#method}: ${status}`)
    if (this.isOver) this.#socket.destroy()
  }

  #end(why: string): void {
    this.isOver = true
    this.#socket.destroy()
    this.#settle?.(`${this.#method}: ${why}`)
  }
}
