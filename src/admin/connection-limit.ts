/**
 * The connections of a listening socket: so many. Where there are more, those go first on which nobody is known to wait for anything:
 * they cost a stranger nothing, and would keep everybody else out.
 */
import type { Socket } from 'node:net'

export class ConnectionLimit {
  readonly #most: number
  /** Without a request of somebody known; longest so first. */
  readonly #idle = new Set<Socket>()
  /** With how many such requests. */
  readonly #busy = new Map<Socket, number>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#idle.size + this.#busy.size
  }

  /** Takes one in, and closes another for it where there are too many; this one, where all others are needed. */
  add(socket: Socket): void {
    this.#idle.add(socket)
    socket.once('close', () => {
      this.#idle.delete(socket)
      this.#busy.delete(socket)
    })
    const [longest] = this.#idle
    if (this.size <= this.#most || longest === undefined) return
    this.#idle.delete(longest)
    longest.destroy()
  }

  /** Somebody known waits for an answer on it; returns how to say, once, that it is given. */
  hold(socket: Socket): () => void {
    if (socket.destroyed) return () => undefined
    this.#idle.delete(socket)
    this.#busy.set(socket, (this.#busy.get(socket) ?? 0) + 1)
    return () => {
      const left = (this.#busy.get(socket) ?? 0) - 1
      if (left > 0) this.#busy.set(socket, left)
      // It may be closed already.
      else if (this.#busy.delete(socket)) this.#idle.add(socket)
    }
  }
}
