/** Machines as network namespaces: each has an address of its own on one bridge, which is in a namespace of its own, too. Takes root. */
import { execFileSync } from 'node:child_process'

const NETWORK = '10.77.0'
const HUB = 254
const FIRST = 11

export interface MachinePlace {
  /** Its namespace. */
  readonly name: string
  /** IPv4. */
  readonly address: string
}

export class MachineNetwork {
  /** Where the bridge is: a machine like the others. */
  readonly hub: MachinePlace
  readonly machines: readonly MachinePlace[]
  readonly #made: string[] = []
  readonly #removeNow = (): void => this.remove()

  /** Makes them; they are gone when this process ends, at the latest. */
  constructor(count: number) {
    const prefix = `wasm-fpm-${process.pid}`
    this.hub = { name: `${prefix}-hub`, address: `${NETWORK}.${HUB}` }
    this.machines = Array.from({ length: count }, (_, number) => ({
      name: `${prefix}-${number}`,
      address: `${NETWORK}.${FIRST + number}`,
    }))
    process.once('exit', this.#removeNow)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
    try {
      this.#make()
    } catch (error) {
      this.remove()
      throw error
    }
  }

  #make(): void {
    for (const { name } of [this.hub, ...this.machines]) {
      ip('netns', 'add', name)
      this.#made.push(name)
      ip('-n', name, 'link', 'set', 'lo', 'up')
    }
    const { name: hub } = this.hub
    ip('-n', hub, 'link', 'add', 'br0', 'type', 'bridge')
    ip('-n', hub, 'address', 'add', `${this.hub.address}/24`, 'dev', 'br0')
    ip('-n', hub, 'link', 'set', 'br0', 'up')
    for (const [number, { name, address }] of this.machines.entries()) {
      const port = `port${number}`
      ip('-n', hub, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
      ip('-n', hub, 'link', 'set', port, 'master', 'br0', 'up')
      ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0')
      ip('-n', name, 'link', 'set', 'eth0', 'up')
    }
  }

  /** Pulls a machine's cable, or puts it back. */
  setLink(machine: number, state: 'up' | 'down'): void {
    ip('-n', this.hub.name, 'link', 'set', `port${machine}`, state)
  }

  /** Idempotent; whatever runs in them loses its network. */
  remove(): void {
    process.off('exit', this.#removeNow)
    for (const name of this.#made.splice(0)) ip('netns', 'delete', name)
  }
}

/** How a program is started on a machine: it becomes that program. */
export function commandOn({ name }: MachinePlace, args: readonly string[]): readonly string[] {
  return ['ip', 'netns', 'exec', name, ...args]
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', [...args], { stdio: ['ignore', 'ignore', 'pipe'] })
}
