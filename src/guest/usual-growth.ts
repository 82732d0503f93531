/**
 * By how much a memory of somebody's instances grows in every run, such as by what the adapter of a component takes before it does anything else.
 *
 * A memory cannot shrink. One that has grown by just that much is kept: what it has more than at first are spare pages, zeros, which the guest is
 * given when it asks for memory (`wasm/bulk-functions.ts`). Until then it could read and write them where a new memory would trap; but
 * every run of theirs that came to its end has had them, so that it says nothing of any of them. What has grown further is thrown away.
 */

/** So many runs have to agree. */
export const USUAL_AFTER_RUNS = 16

export class UsualGrowth {
  #runs = 0
  #least = Number.POSITIVE_INFINITY

  /** In pages; 0: not by any, or not known yet. */
  get pages(): number {
    return this.#runs < USUAL_AFTER_RUNS ? 0 : this.#least
  }

  /** A run has ended, and had been given `pages` more than it began with. One that has taken less is the rule from then on. */
  note(pages: number): void {
    this.#runs += 1
    this.#least = Math.min(this.#least, pages)
  }
}
