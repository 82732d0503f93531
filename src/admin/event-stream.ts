/**
 * Server-sent events (WHATWG HTML, section 9.2) to one client: each is a JSON object on one `data:` line. Whoever sends waits
 * until the client has taken what there is; one that takes nothing for too long is let go.
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../base/clock.ts'

export interface EventStreamOptions {
  readonly clock: Clock
  /** How long a client may take nothing, in milliseconds. */
  readonly stallMs: number
  /** Aborts when the server ends. */
  readonly ending: AbortSignal
}

export class EventStream {
  readonly #response: ServerResponse
  readonly #options: EventStreamOptions
  readonly #over: Promise<void>
  #isOver = false

  /** Sends the head. */
  constructor(response: ServerResponse, options: EventStreamOptions) {
    this.#response = response
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#over = promise
    const over = (): void => {
      this.#isOver = true
      resolve()
    }
    const { ending } = options
    response.once('close', over)
    ending.addEventListener('abort', over, { once: true })
    void promise.then(() => ending.removeEventListener('abort', over))
    if (response.closed || ending.aborted) over()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
  }

  /** Whether nobody listens any more, or the server ends. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Resolves when the client has taken all but a little of it, or is gone. */
  async send(events: readonly NamedEvent[]): Promise<void> {
    const text = events.map(printEvent).join('')
    await this.#write(text)
  }

  /** Says nothing, so that a client that is gone is noticed. */
  async beat(): Promise<void> {
    await this.#write(':\n\n')
  }

  /** Resolves after `ms`, or earlier when the stream is over. */
  async wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#options.clock.after(ms, resolve)
    await Promise.race([promise, this.#over])
    timer.cancel()
  }

  async #write(text: string): Promise<void> {
    if (this.#isOver || text === '' || this.#response.write(text)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#response.once('drain', resolve)
    const timer = this.#options.clock.after(this.#options.stallMs, () => this.#response.destroy())
    await Promise.race([promise, this.#over])
    timer.cancel()
    this.#response.off('drain', resolve)
  }
}

export interface NamedEvent {
  readonly name: string
  readonly value: object
}

/** JSON has no line ends of its own. */
export function printEvent({ name, value }: NamedEvent): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`
}
