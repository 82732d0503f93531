/**
 * What a worker does while others take part in its place: it leaves new connections to them, and gives them its own as soon as no
 * request is on them. Where it is told to watch, it steps in for connections that the others leave waiting: one of them may
 * be stuck in something long.
 */
import type { Clock, Timer } from '../base/clock.ts'

/** Between two looks, in milliseconds. A connection that waits at two of them has waited for about so long. */
export const LOOK_MS = 10

/** A listening socket, as far as this is concerned. */
export interface StandbyListener {
  readonly connections: number
  pause(): void
  /** Whether connections wait on a socket that is paused. */
  hasWaiting(): boolean
  /** Hands over kept connections without a request. */
  handOverKept(): void
}

export interface StandbyOptions {
  readonly clock: Clock
  readonly listeners: () => readonly StandbyListener[]
  /** Others have left a connection waiting. */
  readonly onLeftWaiting: () => void
}

export class Standby {
  readonly #options: StandbyOptions
  #isStandingBy = false
  #isWatching = false
  /** Whether a connection waited at the last look. */
  #wasWaiting = false
  #timer: Timer | undefined

  constructor(options: StandbyOptions) {
    this.#options = options
  }

  get isStandingBy(): boolean {
    return this.#isStandingBy
  }

  begin(isWatching: boolean): void {
    this.#isStandingBy = true
    this.#isWatching = isWatching
    this.look()
  }

  end(): void {
    this.#isStandingBy = false
    this.#wasWaiting = false
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** To be called when a connection has come. */
  look(): void {
    if (this.#isStandingBy) this.#look()
  }

  readonly #look = (): void => {
    this.#timer?.cancel()
    this.#timer = undefined
    const { clock, listeners, onLeftWaiting } = this.#options
    let connections = 0
    for (const listener of listeners()) {
      listener.pause()
      listener.handOverKept()
      connections += listener.connections
    }
    const isWaiting = this.#isWatching && listeners().some((listener) => listener.hasWaiting())
    if (isWaiting && this.#wasWaiting) {
      onLeftWaiting()
      return
    }
    this.#wasWaiting = isWaiting
    if (this.#isWatching || connections > 0) this.#timer = clock.after(LOOK_MS, this.#look)
  }
}
