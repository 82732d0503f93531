/** Writes a response with what is in its file, as fast as it is taken and no faster. */
import type { ByteSink } from '../../base/byte-stream.ts'
import { GatewayError } from '../errors.ts'
import type { FilePart, Piece } from './static-response.ts'

/** Where a response goes. */
export interface StaticOutput {
  /** Takes a whole CGI response. It is not ended. */
  readonly sink: ByteSink
  /** Registers what to do when nobody wants it any more. */
  readonly onAbort: (giveUp: () => void) => void
}

export interface Sending {
  /** A first part of the response's text: the header. */
  readonly head: string
  readonly pieces: readonly Piece[]
  /** Bytes of a file from the start of the part on: at least one. */
  readonly read: (part: FilePart) => Uint8Array | Promise<Uint8Array>
}

/** Rejects with GATEWAY_CLIENT_GONE, or with what `read` rejects with: before anything is written, if that is its first. */
export async function sendResponse(
  { head, pieces, read }: Sending,
  output: StaticOutput,
): Promise<void> {
  const writer = new Writer(output)
  let text = head
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      text += piece
      continue
    }
    for (let { start } = piece; start < piece.end; ) {
      const answer = read({ ...piece, start })
      const bytes = answer instanceof Uint8Array ? answer : await answer
      if (text !== '') await writer.write(Buffer.from(text, 'latin1'))
      text = ''
      await writer.write(bytes)
      start += bytes.length
    }
  }
  if (text !== '') await writer.write(Buffer.from(text, 'latin1'))
}

class Writer {
  readonly #sink: ByteSink
  #isAborted = false
  #wake: (() => void) | undefined

  constructor({ sink, onAbort }: StaticOutput) {
    this.#sink = sink
    onAbort(() => {
      this.#isAborted = true
      this.#wake?.()
    })
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#isAborted) throw gone()
      const taken = this.#sink.write(at === 0 ? bytes : bytes.subarray(at))
      if (taken === 0) await this.#untilWritable()
      at += taken
    }
  }

  #untilWritable(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#sink.onWritable(resolve)
    })
  }
}

function gone(): GatewayError {
  return new GatewayError(
    'GATEWAY_CLIENT_GONE',
    'Cannot send a file: the client or the web server has given up, wanted it to take the rest',
  )
}
