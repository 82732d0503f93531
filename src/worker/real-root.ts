/** Where a tenant's root really is: its path may lead over links, and these may be switched at any time. */
import type { Clock } from '../base/clock.ts'
import { HeldFolder } from '../base/held-folder.ts'

export class RealRoot {
  readonly #root: string
  readonly #clock: Clock
  readonly #revalidateMs: number
  #path: string
  #untilMs = Number.NEGATIVE_INFINITY

  /** `revalidateMs`: how long a look is believed. */
  constructor(root: string, clock: Clock, revalidateMs: number) {
    this.#root = root
    this.#path = root
    this.#clock = clock
    this.#revalidateMs = revalidateMs
  }

  /** Without links; the root's own path where it is not there. */
  get path(): string {
    const nowMs = this.#clock.nowMs()
    if (nowMs < this.#untilMs) return this.#path
    this.#untilMs = nowMs + this.#revalidateMs
    try {
      using folder = HeldFolder.open(this.#root)
      this.#path = folder.realPath()
    } catch {
      this.#path = this.#root
    }
    return this.#path
  }
}

/** `path` where it is in the folder `from` or that itself, there in `to`. */
export function moved(path: string, from: string, to: string): string {
  return path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path
}
