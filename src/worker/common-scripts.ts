/**
 * What is loaded ahead for several tenants at once. It is kept for as long as one of them has it, and its scripts as long as one of
 * them has requests.
 */
import { hash } from 'node:crypto'
import type { TenantConfig } from '../config/config.ts'
import type { Application } from '../gateway/application.ts'

export interface CommonApplication {
  readonly application: Application
  /** Whose request was the last: loading is its tenant's to pay. */
  payer: TenantConfig
  /** Whether more than one has had requests. */
  isShared: boolean
}

export class CommonScripts {
  /** By a digest of what its tenants have alike. */
  readonly #known = new Map<string, WeakRef<CommonApplication>>()
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key)
  })

  /** `alike`: text, which others give that are to have the same. */
  take(alike: string, make: () => CommonApplication): CommonApplication {
    const key = hash('sha256', alike, 'base64url')
    const known = this.#known.get(key)?.deref()
    if (known !== undefined) return known
    const made = make()
    this.#known.set(key, new WeakRef(made))
    this.#gone.register(made, key)
    return made
  }
}
