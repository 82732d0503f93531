/** The ports at which the master tells how the machine is, as the configuration has them. */
import { printListenAddress } from '../base/listen-address.ts'
import type { Config } from '../config/config.ts'
import { Door, type DoorOptions } from './door.ts'

const NAMES = ['agent', 'metrics'] as const

type DoorName = (typeof NAMES)[number]

/** What is told at each. */
export type DoorSpeech = Readonly<Record<DoorName, DoorOptions>>

interface Open {
  readonly address: string
  readonly door: Door
  readonly allowedClients: readonly string[]
}

export class Doors {
  readonly #speech: DoorSpeech
  #open: ReadonlyMap<DoorName, Open> = new Map()
  #prepared: ReadonlyMap<DoorName, Open> = new Map()

  constructor(speech: DoorSpeech) {
    this.#speech = speech
  }

  /** First half of a reload. When a port cannot be had nothing has changed, and that is thrown. */
  async prepare(config: Pick<Config, DoorName>): Promise<void> {
    const next = new Map<DoorName, Open>()
    this.#prepared = next
    for (const name of NAMES) {
      const { listen, allowedClients } = config[name] ?? {}
      if (listen === undefined || allowedClients === undefined) continue
      const address = printListenAddress(listen)
      const known = this.#open.get(name)
      if (known?.address === address) {
        next.set(name, { ...known, allowedClients })
        continue
      }
      const door = new Door(this.#speech[name])
      await door.open(listen)
      next.set(name, { address, door, allowedClients })
    }
  }

  /** Second half. */
  commit(): void {
    this.#leave(this.#open, this.#prepared)
    this.#open = this.#prepared
    for (const { door, allowedClients } of this.#open.values()) door.allow(allowedClients)
  }

  /** Instead of `commit`. */
  abandon(): void {
    this.#leave(this.#prepared, this.#open)
    this.#prepared = this.#open
  }

  close(): void {
    this.#leave(this.#open, new Map())
    this.#leave(this.#prepared, new Map())
  }

  #leave(from: ReadonlyMap<DoorName, Open>, to: ReadonlyMap<DoorName, Open>): void {
    for (const [name, { door }] of from) if (to.get(name)?.door !== door) door.close()
  }
}
