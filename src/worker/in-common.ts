/** What several tenants have in common, each kept for as long as one of them has it. */
import { hash } from 'node:crypto'

export class InCommon<Thing extends object> {
  /** By a digest of what its tenants have alike. */
  readonly #known = new Map<string, WeakRef<Thing>>()
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key)
  })

  /** `alike`: text, which others give that are to have the same. */
  take(alike: string, make: () => Thing): Thing {
    const key = hash('sha256', alike, 'base64url')
    const known = this.#known.get(key)?.deref()
    if (known !== undefined) return known
    const made = make()
    this.#known.set(key, new WeakRef(made))
    this.#gone.register(made, key)
    return made
  }
}
