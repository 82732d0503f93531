/** What the admin API asks the master for, over the channel between them. */
import type { Clock } from '../base/clock.ts'
import { fromWire } from '../base/errors.ts'
import type { AdminMessage, AdminQuestion, MasterToAdmin } from '../ipc/admin-messages.ts'
import { AdminError } from './errors.ts'

export interface MasterLinkOptions {
  readonly clock: Clock
  readonly send: (message: AdminMessage) => void
}

/** A reload waits for workers to start; a question about status for those that run. */
const WAIT_MS = 120_000

/** Questions under way. */
const MAX_QUESTIONS = 64

export class MasterLink {
  readonly #options: MasterLinkOptions
  readonly #questions = new Map<number, (answer: Told) => void>()
  #lastId = 0

  constructor(options: MasterLinkOptions) {
    this.#options = options
  }

  /** Answers what the reload says. Rejects with what is wrong with the configuration, and ADMIN_NO_MASTER. */
  async reload(): Promise<string> {
    return String(await this.#ask({ what: 'reload' }))
  }

  /** What the master knows of a tenant, or of itself and all tenants: its own `ServerStatus`. */
  status(tenant: string | undefined): Promise<unknown> {
    return this.#ask({ what: 'status', tenant })
  }

  /** The master has answered. */
  take(told: Told): void {
    this.#questions.get(told.id)?.(told)
  }

  #ask(question: AdminQuestion): Promise<unknown> {
    const { clock, send } = this.#options
    if (this.#questions.size >= MAX_QUESTIONS) {
      throw new AdminError(
        'ADMIN_BUSY',
        `Cannot ask the master: ${this.#questions.size} questions wait for it, wanted fewer`,
      )
    }
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      const timer = clock.after(WAIT_MS, () => {
        this.#questions.delete(id)
        reject(
          new AdminError(
            'ADMIN_NO_MASTER',
            `Cannot ask the master: no answer after ${WAIT_MS} ms, wanted one`,
          ),
        )
      })
      this.#questions.set(id, ({ error, value }) => {
        timer.cancel()
        this.#questions.delete(id)
        if (error === undefined) resolve(value)
        else reject(fromWire(error))
      })
      send({ kind: 'ask', id, question })
    })
  }
}

type Told = Extract<MasterToAdmin<unknown>, { readonly kind: 'told' }>
