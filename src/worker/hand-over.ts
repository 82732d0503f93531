/** Connections that go to other workers and come from them, by way of the master. */
import type { Socket } from 'node:net'
import { attach, detach, type RawSocket } from '../base/raw-socket.ts'
import type { WorkerMessage } from '../ipc/messages.ts'

export interface HandOverOptions {
  /** Sends a message, with a socket or without; resolves when it is on its way, or nobody is there to receive it. */
  readonly send: (message: WorkerMessage, socket?: RawSocket) => Promise<void>
  /** Reads from a connection of another worker, which came in by `address`. */
  readonly receive: (address: string, connection: Socket) => void
}

export class HandOver {
  readonly #options: HandOverOptions
  readonly #going = new Set<Promise<void>>()
  readonly #coming = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: HandOverOptions) {
    this.#options = options
  }

  /** Parts with an idle connection; false: there is none any more. */
  give(connection: Socket, address: string): boolean {
    const raw = detach(connection)
    if (raw === undefined) return false
    const sent = this.#options.send({ kind: 'give-away', address }, raw).then(() => {
      raw.close()
      this.#going.delete(sent)
    })
    this.#going.add(sent)
    return true
  }

  /**
   * Takes an idle connection of another worker, and reads from it as soon as the master has been told: until then it may give
   * the connection to somebody else.
   */
  take(id: number, address: string, raw: RawSocket): void {
    const { send, receive } = this.#options
    if (this.#isClosed) {
      raw.close()
      void send({ kind: 'declined', id })
      return
    }
    const told = send({ kind: 'adopted', id }).then(() => {
      this.#coming.delete(told)
      receive(address, attach(raw))
    })
    this.#coming.add(told)
  }

  /** Takes nothing any more; resolves when what it has taken is read from. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#coming)
  }

  /** Resolves when all that was given is on its way. */
  async sent(): Promise<void> {
    await Promise.all(this.#going)
  }
}
