/** What a guest can wait for (canonical ABI: waitables and waitable sets): copies of streams and futures, and calls that are under way. */
import { HostResource } from './value.ts'

/** What a guest is told: `index` is of the handle that it is about. */
export type GuestEvent = readonly [code: number, index: number, payload: number]

export const NO_EVENT: GuestEvent = [0, 0, 0]

/** What a handle of a set of waitables is of. */
export const WAITABLE_SET = 'waitable-set'

export abstract class Waitable extends HostResource {
  /** Of its handle. */
  index = 0
  #set: WaitableSet | undefined
  #event: (() => GuestEvent) | undefined

  get hasEvent(): boolean {
    return this.#event !== undefined
  }

  get isInSet(): boolean {
    return this.#set !== undefined
  }

  /** Takes the place of one that nobody has been told of. `tell`: called when somebody is. */
  protected happen(tell: () => GuestEvent): void {
    this.#event = tell
  }

  takeEvent(): GuestEvent | undefined {
    const tell = this.#event
    this.#event = undefined
    return tell?.()
  }

  /** It is in one set at most. */
  join(set: WaitableSet | undefined): void {
    this.#set?.members.delete(this)
    this.#set = set
    set?.members.add(this)
  }

  override drop(): void {
    this.join(undefined)
  }
}

export class WaitableSet extends HostResource {
  readonly members = new Set<Waitable>()

  get hasEvent(): boolean {
    for (const member of this.members) if (member.hasEvent) return true
    return false
  }

  /** Of each in turn. */
  takeEvent(): GuestEvent | undefined {
    for (const member of this.members) {
      if (!member.hasEvent) continue
      this.members.delete(member)
      this.members.add(member)
      return member.takeEvent()
    }
    return undefined
  }
}
