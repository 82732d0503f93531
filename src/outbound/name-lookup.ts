/**
 * Looks names up as the machine does (/etc/hosts, DNS). The system's resolver holds one of the few threads that this process has
 * for files, too, for as long as a name's servers take: so few names are looked up at once, and one for each tenant.
 */
import { lookup } from 'node:dns/promises'

/** Of the four threads. */
const LOOKUPS_AT_ONCE = 2

/** All addresses of a name, as the system orders them. Rejects. */
export type Resolve = (name: string) => Promise<readonly string[]>

interface Waiting {
  readonly tenant: string
  readonly start: () => void
}

export class NameLookup {
  readonly #resolve: Resolve
  readonly #waiting: Waiting[] = []
  readonly #busy = new Set<string>()

  constructor(resolve: Resolve = systemResolve) {
    this.#resolve = resolve
  }

  /** Asks when it is its turn, unless nobody wants to know any more. Rejects. */
  addressesOf(name: string, tenant: string, signal: AbortSignal): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        tenant,
        start: () => {
          signal.removeEventListener('abort', giveUp)
          this.#resolve(name)
            .then(resolve, reject)
            .finally(() => this.#ended(tenant))
        },
      }
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        reject(new Error('nobody waits for it'))
      }
      this.#waiting.push(waiting)
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp, { once: true })
      this.#startNext()
    })
  }

  #ended(tenant: string): void {
    this.#busy.delete(tenant)
    this.#startNext()
  }

  #startNext(): void {
    if (this.#busy.size >= LOOKUPS_AT_ONCE) return
    const next = this.#waiting.findIndex(({ tenant }) => !this.#busy.has(tenant))
    const [waiting] = next < 0 ? [] : this.#waiting.splice(next, 1)
    if (waiting === undefined) return
    this.#busy.add(waiting.tenant)
    waiting.start()
    this.#startNext()
  }
}

async function systemResolve(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, order: 'verbatim' })
  return found.map(({ address }) => address)
}
