/** Connections on their way to another master: they go one after the other, and those that wait would end with this process. */
import type { RawSocket } from '../base/raw-socket.ts'

/** Sends it; calls back when it is on its way, or cannot be. */
export type SendOff = (connection: RawSocket, done: () => void) => void

export class Departures {
  readonly #going = new Set<Promise<void>>()

  /** Closes it here as soon as it is there. */
  send(connection: RawSocket, sendOff: SendOff): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#going.add(promise)
    sendOff(connection, () => {
      connection.close()
      this.#going.delete(promise)
      resolve()
    })
  }

  /** Resolves when none waits. */
  async settled(): Promise<void> {
    while (this.#going.size > 0) await Promise.all(this.#going)
  }
}
