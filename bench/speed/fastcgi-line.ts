/** One FastCGI connection to a unix socket, and requests over it, without a web server. */
import { connect, type Socket } from 'node:net'
import { ClientConnection } from '../../src/fastcgi/client-connection.ts'

/** What a listening socket answers while its queue is full. */
const FULL = ['EAGAIN', 'ECONNREFUSED']
const RETRY_MS = 5
const RETRIES = 2000

export interface LineRequest {
  readonly tenant: string
  /** Absolute path of the script. */
  readonly script: string
  /** Absolute path of the tenant's folder. */
  readonly root: string
  /** Declared, but never sent: the guest waits for it. */
  readonly missingBodyBytes?: number
}

export interface PendingReply {
  /** Resolves when the first byte of the response has come. */
  readonly begun: Promise<void>
  /** Resolves with the whole CGI response; rejects when the request is not answered in good order. */
  readonly ended: Promise<string>
}

export class FastCgiLine {
  readonly #socket: Socket
  readonly #connection: ClientConnection

  private constructor(socket: Socket) {
    this.#socket = socket
    const write = (): void => {
      for (const bytes of this.#connection.takeOutput()) {
        socket.write(bytes)
        this.#connection.outputWritten(bytes.length)
      }
    }
    this.#connection = new ClientConnection({
      onOutput: () => queueMicrotask(write),
      onInputWanted: () => socket.resume(),
      onClose: () => socket.destroy(),
    })
    socket.on('data', (bytes: Buffer) => this.#connection.receive(bytes))
    socket.on('close', () => this.#connection.inputEnded())
    socket.on('error', () => undefined) // 'close' follows
  }

  static async open(path: string): Promise<FastCgiLine> {
    for (let tried = 0; ; tried++) {
      try {
        return new FastCgiLine(await connected(path))
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? ''
        if (!FULL.includes(code) || tried === RETRIES) throw error
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  send(wanted: LineRequest): PendingReply {
    const { tenant, script, root, missingBodyBytes = 0 } = wanted
    const request = this.#connection.begin({
      keepConnection: true,
      params: [
        ['REQUEST_METHOD', missingBodyBytes > 0 ? 'POST' : 'GET'],
        ...(missingBodyBytes > 0 ? [['CONTENT_LENGTH', String(missingBodyBytes)] as const] : []),
        ['SCRIPT_FILENAME', script],
        ['SCRIPT_NAME', script.slice(root.length)],
        ['DOCUMENT_ROOT', root],
        ['REQUEST_URI', script.slice(root.length)],
        ['QUERY_STRING', ''],
        ['SERVER_PROTOCOL', 'HTTP/1.1'],
        ['SERVER_NAME', 'localhost'],
        ['GATEWAY_INTERFACE', 'CGI/1.1'],
        ['WASM_FPM_TENANT', tenant],
      ],
    })
    if (missingBodyBytes === 0) request.stdin.end()
    let text = ''
    const begun = Promise.withResolvers<void>()
    const drain = (): void => {
      for (;;) {
        const bytes = request.stdout.read(65_536)
        if (bytes === undefined) return
        if (bytes.length === 0) {
          request.stdout.onReadable(drain)
          return
        }
        text += Buffer.from(bytes).toString('latin1')
        begun.resolve()
      }
    }
    drain()
    const ended = new Promise<string>((resolve, reject) => {
      request.onEnd((protocolStatus, _appStatus, error) => {
        drain()
        if (error !== undefined) reject(error)
        else if (protocolStatus !== 0 || !text.includes('Hello')) {
          reject(new Error(`Cannot use the reply of ${tenant}: ${protocolStatus} ${text}`))
        } else resolve(text)
      })
    })
    ended.catch((error) => begun.reject(error))
    return { begun: begun.promise, ended }
  }

  close(): void {
    this.#socket.destroy()
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.removeListener('error', reject)
      resolve(socket)
    })
  })
}
