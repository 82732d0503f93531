/** Asks the pool's other workers, by way of the master, what they know of a tenant. */
import type { Clock } from '../base/clock.ts'
import type { ServerDroppedLines, WorkerMessage } from '../ipc/messages.ts'

/** How long a status page waits for other workers; those that have not answered are left out. */
export const STATUS_WAIT_MS = 500

/** Questions under way; more are answered with what this worker knows. */
const MAX_QUESTIONS = 64

export interface ToldStatuses {
  /** JSON, one for each of the other workers that has answered. */
  readonly statuses: readonly string[]
  /** Undefined: the master has not answered. */
  readonly droppedLines?: ServerDroppedLines | undefined
}

const NOTHING: ToldStatuses = { statuses: [] }

export interface StatusExchangeOptions {
  readonly clock: Clock
  readonly send: (message: WorkerMessage) => void
}

export class StatusExchange {
  readonly #options: StatusExchangeOptions
  readonly #questions = new Map<number, (told: ToldStatuses) => void>()
  #lastId = 0

  constructor(options: StatusExchangeOptions) {
    this.#options = options
  }

  /** Resolves with what the master has told; with nothing when it does not answer in time. */
  ask(tenant: string): Promise<ToldStatuses> {
    if (this.#questions.size >= MAX_QUESTIONS) return Promise.resolve(NOTHING)
    const { clock, send } = this.#options
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve) => {
      const timer = clock.after(STATUS_WAIT_MS, () => this.settle(id, NOTHING))
      this.#questions.set(id, (told) => {
        timer.cancel()
        this.#questions.delete(id)
        resolve(told)
      })
      send({ kind: 'ask-status', id, tenant })
    })
  }

  /** The master has answered question `id`. */
  settle(id: number, told: ToldStatuses): void {
    this.#questions.get(id)?.(told)
  }
}
