/**
 * When to build: at the start, after changes, and once more when something changed while a build ran; never two builds at
 * once. A file that changes with every build is written by the build, and does not keep it going for ever.
 */

export interface BuildLoopOptions {
  /** Builds once; never rejects. */
  readonly build: () => Promise<void>
  /** What has changed since it was asked last. */
  readonly takeChanges: () => readonly string[]
  /** Told once for each file that is not a reason to build any more. */
  readonly onGenerated: (path: string) => void
}

/** Builds in a row, each for the same files that changed while the one before ran. */
const MAX_SAME = 4

export class BuildLoop {
  readonly #options: BuildLoopOptions
  readonly #generated = new Set<string>()
  #running: Promise<void> | undefined
  #isWanted = false
  #isClosed = false

  constructor(options: BuildLoopOptions) {
    this.#options = options
  }

  /** Something has changed. */
  changed(paths: readonly string[]): void {
    if (paths.some((path) => !this.#generated.has(path))) this.build()
  }

  /** Builds now, or again when the build that runs is over. */
  build(): void {
    this.#isWanted = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  /** No build starts any more; resolves when the one that runs is over. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#running
  }

  async #run(): Promise<void> {
    let last = ''
    let same = 0
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false
      await this.#options.build()
      const during = this.#options.takeChanges().filter((path) => !this.#generated.has(path))
      if (during.length === 0) continue
      const now = during.join('\n')
      same = now === last ? same + 1 : 1
      last = now
      if (same < MAX_SAME) this.#isWanted = true
      else for (const path of during) this.#give(path)
    }
  }

  #give(path: string): void {
    this.#generated.add(path)
    this.#options.onGenerated(path)
  }
}
