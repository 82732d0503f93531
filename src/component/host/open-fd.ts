/** A descriptor of preview 1 that several resources of a guest use. */
import type { Preview1Calls } from './preview1-calls.ts'

/** Closed when nobody uses it any more: streams outlive what they were made from. */
export class OpenFd {
  readonly fd: number
  readonly #calls: Preview1Calls
  #users = 1

  constructor(calls: Preview1Calls, fd: number) {
    this.#calls = calls
    this.fd = fd
  }

  retain(): this {
    this.#users += 1
    return this
  }

  release(): void {
    this.#users -= 1
    if (this.#users === 0) this.#calls.callNow('fd_close', this.fd)
  }
}
