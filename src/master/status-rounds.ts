/** Carries a question about a tenant to a pool's workers, and their answers back, unread. */
import type { Clock } from '../base/clock.ts'

/** How long the others may take: less than the one who asks waits. */
export const ROUND_MS = 400

/** Questions under way in a pool; more get no answers. */
const MAX_ROUNDS = 256

/** What a round needs of a worker that is asked. */
export interface RoundMember {
  /** Asks for what it knows of `tenant`; the answer comes with `id`. */
  askStatus(id: number, tenant: string): void
}

/** What a round needs of whoever asks: a worker, or the master itself. */
export interface Asker {
  /** Takes the answers to its own question `id`. */
  tellStatuses(id: number, statuses: readonly string[]): void
}

export interface Question<From extends Asker = Asker> {
  readonly asker: From
  /** The asker's own number of it. */
  readonly id: number
  readonly tenant: string
}

interface Round<Member> {
  readonly waitsFor: Set<Member>
  readonly statuses: string[]
  readonly finish: () => void
}

export class StatusRounds<Member extends RoundMember> {
  readonly #clock: Clock
  readonly #rounds = new Map<number, Round<Member>>()
  #lastId = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Asks `others` and tells the asker, as soon as all have answered or after `ROUND_MS`. */
  start({ asker, id, tenant }: Question, others: readonly Member[]): void {
    if (others.length === 0 || this.#rounds.size >= MAX_ROUNDS) {
      asker.tellStatuses(id, [])
      return
    }
    this.#lastId += 1
    const roundId = this.#lastId
    const statuses: string[] = []
    const finish = (): void => {
      timer.cancel()
      this.#rounds.delete(roundId)
      asker.tellStatuses(id, statuses)
    }
    const timer = this.#clock.after(ROUND_MS, finish)
    this.#rounds.set(roundId, { waitsFor: new Set(others), statuses, finish })
    for (const other of others) other.askStatus(roundId, tenant)
  }

  /** `status` undefined: it knows nothing of the tenant. What was not asked for is dropped. */
  answer(from: Member, roundId: number, status: string | undefined): void {
    const round = this.#rounds.get(roundId)
    if (round?.waitsFor.delete(from) !== true) return
    if (status !== undefined) round.statuses.push(status)
    if (round.waitsFor.size === 0) round.finish()
  }

  /** The worker has ended: nobody waits for it. */
  forget(worker: Member): void {
    for (const round of [...this.#rounds.values()]) {
      if (round.waitsFor.delete(worker) && round.waitsFor.size === 0) round.finish()
    }
  }
}
