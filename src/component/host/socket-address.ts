/**
 * Addresses of wasi:sockets, and names. A name is looked up when it is connected to, as all connections' names are: until then an address
 * stands for it that is nobody's (240.0.0.0/4, reserved), in this run and in no other.
 */
import { type Case, caseOf, type Value } from '../value.ts'

export type AddressFamily = 'ipv4' | 'ipv6'

/** Of a run: more are not looked up. */
export const MAX_NAMES = 256

const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})$/
const STAND_IN = [240, 0] as const

export class SocketNames {
  readonly #names: string[] = []

  /** The address that stands for it, as `ip-address`; undefined: there are too many. */
  standIn(name: string): Case | undefined {
    const lower = name.toLowerCase()
    const known = this.#names.indexOf(lower)
    const index = known < 0 ? this.#names.length : known
    if (index >= MAX_NAMES) return undefined
    this.#names[index] = lower
    return caseOf('ipv4', [...STAND_IN, index >> 8, index & 0xff])
  }

  /** Where one connects to for an address: the name that it stands for, or itself. */
  hostOf(address: string): string {
    const [, high, low] = /^240\.0\.(\d+)\.(\d+)$/.exec(address) ?? []
    return this.#names[Number(high) * 256 + Number(low)] ?? address
  }
}

/** Whether it is written as one. */
export function isName(name: string): boolean {
  return NAME.test(name)
}

/** Of a name that is an address: as `ip-address`. undefined: it is none. */
export function addressIn(text: string): Case | undefined {
  if (/^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text))
    return caseOf('ipv4', text.split('.').map(Number))
  const url = text.includes(':') ? URL.parse(`http://[${text}]/`) : null
  if (url === null) return undefined
  const [before = '', after] = url.hostname.slice(1, -1).split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return caseOf(
    'ipv6',
    [...head, ...zeros, ...tail].map((part) => Number.parseInt(part, 16)),
  )
}

export interface SocketPlace {
  readonly family: AddressFamily
  readonly address: string
  readonly port: number
}

/** Of `ip-socket-address`. */
export function placeOf({ tag, value }: Case): SocketPlace {
  const fields = value as readonly Value[]
  const parts = fields[tag === 'ipv4' ? 1 : 2] as readonly number[]
  const address =
    tag === 'ipv4' ? parts.join('.') : parts.map((part) => part.toString(16)).join(':')
  return { family: tag as AddressFamily, address, port: fields[0] as number }
}

/** Whether it is one that can be connected to: neither unspecified nor an IPv4 address in IPv6. */
export function isRemote({ family, address, port }: SocketPlace): boolean {
  if (port === 0) return false
  return family === 'ipv4' ? address !== '0.0.0.0' : !/^(?:0:){7}0$|^(?:0:){5}ffff:/.test(address)
}
