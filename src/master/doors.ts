/** The ports at which the master tells how the machine is, as the configuration has them. */
import { closeSync } from 'node:fs'
import { printListenAddress } from '../base/listen-address.ts'
import type { Config } from '../config/config.ts'
import { Door, type DoorOptions } from './door.ts'
import type { InheritedSocket } from './heirloom.ts'

const NAMES = ['agent', 'metrics'] as const

type DoorName = (typeof NAMES)[number]

/** What is told at each. */
export type DoorSpeech = Readonly<Record<DoorName, DoorOptions>>

interface Open {
  readonly address: string
  readonly door: Door
  readonly allowedClients: readonly string[]
  /** Of the master before, on which it does not accept before `commit`. */
  readonly inherited?: number | undefined
}

export class Doors {
  readonly #speech: DoorSpeech
  #inherited: readonly InheritedSocket[]
  #open: ReadonlyMap<DoorName, Open> = new Map()
  #prepared: ReadonlyMap<DoorName, Open> = new Map()

  /** `inherited`: those of a master that this one follows. */
  constructor(speech: DoorSpeech, inherited: readonly InheritedSocket[] = []) {
    this.#speech = speech
    this.#inherited = inherited
  }

  /** For a master that is to follow this one. */
  get all(): readonly InheritedSocket[] {
    return [...this.#open].map(([name, { address, door }]) => ({
      ...{ key: keyOf(name, address), fd: door.fd, address, transport: 'tcp' as const },
    }))
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
      const inherited = this.#inherited.find(({ key }) => key === keyOf(name, address))?.fd
      if (inherited === undefined) await door.open(listen)
      next.set(name, { address, door, allowedClients, inherited })
    }
  }

  /** Second half. */
  commit(): void {
    this.#leave(this.#open, this.#prepared)
    this.#open = this.#prepared
    const unused = new Set(this.#inherited.map(({ fd }) => fd))
    this.#inherited = []
    for (const { door, allowedClients, inherited } of this.#open.values()) {
      door.allow(allowedClients)
      if (inherited !== undefined && unused.delete(inherited)) door.openInherited(inherited)
    }
    for (const fd of unused) closeSync(fd)
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

function keyOf(name: DoorName, address: string): string {
  return `${name} ${address}`
}
