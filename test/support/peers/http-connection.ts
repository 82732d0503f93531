/**
 * One HTTP/1.1 connection that is used for one request after the other, as fast as answers come. It asks for nothing but
 * short answers, with Content-Length or chunked, and gives them back unchunked.
 */
import { connect, type Socket } from 'node:net'

export class HttpConnection {
  readonly #socket: Socket
  readonly #host: string
  #received = ''
  #waiting: PromiseWithResolvers<string> | undefined

  private constructor(socket: Socket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.setEncoding('latin1')
    socket.setNoDelay(true)
    socket.on('data', (text: string) => {
      this.#received += text
      this.#look()
    })
    const fail = (): void =>
      this.#waiting?.reject(new Error('the web server closed the connection'))
    socket.on('error', fail)
    socket.on('close', fail)
  }

  /** Connects to 127.0.0.1. */
  static async open(port: number): Promise<HttpConnection> {
    const socket = connect(port, '127.0.0.1')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.once('connect', resolve)
    socket.once('error', reject)
    await promise
    return new HttpConnection(socket, `127.0.0.1:${port}`)
  }

  /** Head, blank line and body of the answer; rejects when the connection ends before it is whole. One at a time. */
  get(path: string): Promise<string> {
    const waiting = Promise.withResolvers<string>()
    this.#waiting = waiting
    if (this.#socket.destroyed) waiting.reject(new Error('the connection is closed'))
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n\r\n`)
    return waiting.promise
  }

  close(): void {
    this.#socket.destroy()
  }

  #look(): void {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.slice(0, end + 4)
    const rest = this.#received.slice(head.length)
    const body = /^transfer-encoding: *chunked/im.test(head) ? unchunk(rest) : wholeBody(head, rest)
    if (body === undefined) return
    this.#received = ''
    this.#waiting?.resolve(head + body)
    this.#waiting = undefined
  }
}

function wholeBody(head: string, rest: string): string | undefined {
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? Number.NaN)
  return rest.length >= length ? rest : undefined
}

/** The chunks' text once the last, empty one is there. */
function unchunk(rest: string): string | undefined {
  let text = ''
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const length = Number.parseInt(rest.slice(at, lineEnd), 16)
    const start = lineEnd + 2
    if (rest.length < start + length + 2) return undefined
    if (length === 0) return text
    text += rest.slice(start, start + length)
    at = start + length + 2
  }
}
