/** Asks the pool's other workers, by way of the master, what they know of a tenant. */
import type { Clock } from '../base/clock.ts'
import type { WorkerMessage } from '../ipc/messages.ts'

/** How long a status page waits for other workers; those that have not answered are left out. */
export const STATUS_WAIT_MS = 500

/** Questions under way; more are answered with what this worker knows. */
const MAX_QUESTIONS = 64

export interface StatusExchangeOptions {
  readonly clock: Clock
  readonly send: (message: WorkerMessage) => void
}

export class StatusExchange {
  readonly #options: StatusExchangeOptions
  readonly #questions = new Map<number, (statuses: readonly string[]) => void>()
  #lastId = 0

  constructor(options: StatusExchangeOptions) {
    this.#options = options
  }

  /** Resolves with the others' statuses as JSON; with none when the master does not answer in time. */
  ask(tenant: string): Promise<readonly string[]> {
    if (this.#questions.size >= MAX_QUESTIONS) return Promise.resolve([])
    const { clock, send } = this.#options
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve) => {
      const timer = clock.after(STATUS_WAIT_MS, () => this.settle(id, []))
      this.#questions.set(id, (statuses) => {
        timer.cancel()
        this.#questions.delete(id)
        resolve(statuses)
      })
      send({ kind: 'ask-status', id, tenant })
    })
  }

  /** The master has answered question `id`. */
  settle(id: number, statuses: readonly string[]): void {
    this.#questions.get(id)?.(statuses)
  }
}
