/** A response stream under test, and the sink that it prints into. */
import type { ByteSink } from '../../../src/base/byte-stream.ts'
import { CgiResponseStream, type ResponseOptions } from '../../../src/cgi/response-stream.ts'

/** Collects what is written; takes at most `room` bytes until told otherwise. */
export class Sink implements ByteSink {
  readonly writes: string[] = []
  room = Number.POSITIVE_INFINITY
  ended = false
  #wake: (() => void) | undefined

  write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.room)
    this.room -= taken
    if (taken > 0) this.writes.push(Buffer.from(bytes.subarray(0, taken)).toString('latin1'))
    return taken
  }
  onWritable(wake: () => void): void {
    this.#wake = wake
  }
  end(): void {
    this.ended = true
  }
  makeRoom(bytes: number): void {
    this.room = bytes
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
  get text(): string {
    return this.writes.join('')
  }
}

/** With limits that a test reaches quickly. */
export const OPTIONS: ResponseOptions = {
  method: 'GET',
  role: 'responder',
  limits: { headerBytes: 256, headerCount: 8, bodyBytes: 1000, heldBackBytes: 100 },
  allowedHeaders: new Set(),
  requestId: 'r1',
}
/** The end of every header. */
export const ID = 'X-Request-Id: r1\r\n\r\n'

/** A stream into a sink of its own. */
export function open(options: Partial<ResponseOptions> = {}): {
  sink: Sink
  stream: CgiResponseStream
} {
  const sink = new Sink()
  return { sink, stream: new CgiResponseStream(sink, { ...OPTIONS, ...options }) }
}

/** One char a byte. */
export function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
