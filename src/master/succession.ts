/** Who served before this master, and who comes after it: one program in the place of another, with the same sockets. */
import type { Clock } from '../base/clock.ts'
import type { RawSocket } from '../base/raw-socket.ts'
import { VERSION } from '../base/version.ts'
import { HEIRLOOM_FORMAT, type Heirloom } from './heirloom.ts'
import type { Predecessor } from './predecessor.ts'
import { Successor } from './successor.ts'

export interface SuccessionOptions {
  readonly predecessor: Predecessor | undefined
  readonly clock: Clock
  /** Takes an idle connection of the other master, which came in by `address`. */
  readonly adopt: (address: string, connection: RawSocket) => void
}

export interface TakeOver {
  /** Where this process serves, as bound. */
  readonly addresses: readonly string[]
  /** Makes everything this process's own, or throws. */
  readonly take: () => Promise<void>
}

export interface Raise {
  /** Program and arguments. */
  readonly command: readonly string[]
  readonly estate: Omit<Heirloom, 'format' | 'version'>
  /** Throws when this process has been told something else meanwhile. */
  readonly check: () => void
}

export class Succession {
  readonly #options: SuccessionOptions
  #successor: Successor | undefined
  /** Beside a predecessor that has everything still. */
  #isGuest: boolean

  constructor(options: SuccessionOptions) {
    this.#options = options
    this.#isGuest = options.predecessor !== undefined
  }

  get isGuest(): boolean {
    return this.#isGuest
  }

  /** What the predecessor has said; undefined: there was none. */
  get heirloom(): Heirloom | undefined {
    return this.#options.predecessor?.heirloom
  }

  /** Of `own` addresses, those on which the other master accepts when this one ends; undefined: there is no other. */
  heirsAt(own: readonly string[]): readonly string[] | undefined {
    return this.#isGuest ? own : this.#successor?.addresses
  }

  /** Gives an idle connection to the other master when this one ends; false: there is no other. */
  pass(address: string, connection: RawSocket): boolean {
    const other = this.#isGuest ? this.#options.predecessor : this.#successor
    other?.adopt(address, connection)
    return other !== undefined
  }

  /** Resolves when all that was passed on is on its way. */
  async settled(): Promise<void> {
    await this.#successor?.departures.settled()
    await this.#options.predecessor?.departures.settled()
  }

  /** Resolves when this process is alone; at once where it follows nobody. */
  async arrive({ addresses, take }: TakeOver): Promise<void> {
    const { predecessor, adopt } = this.#options
    if (predecessor === undefined) return
    await predecessor.prepared(addresses)
    await take()
    this.#isGuest = false
    await predecessor.taken(adopt)
  }

  /** Resolves with who has everything by now. Throws `MasterError` (MASTER_UPGRADE_FAILED), and what `check` throws. */
  async raise({ command, estate, check }: Raise): Promise<Successor> {
    const { clock, adopt } = this.#options
    const heirloom = { format: HEIRLOOM_FORMAT, version: VERSION, ...estate }
    const successor = new Successor({ command, heirloom, clock, onGivenBack: adopt })
    try {
      await successor.prepared()
      check()
      await successor.takeOver()
    } catch (error) {
      successor.dismiss()
      throw error
    }
    this.#successor = successor
    return successor
  }
}
