/** A function that the host offers to components, with its type. */
import type { Value } from '../value.ts'
import type { ComponentHost } from './component-host.ts'

export interface HostFunction {
  /** As `print-type.ts` prints it; `$name`: a type of `wasi-types.ts`. */
  readonly type: string
  readonly call: (host: ComponentHost) => (...values: never[]) => Value | Promise<Value>
  /** Whether it may answer a promise. */
  readonly waits: boolean
}

/** The functions of an interface by their names; several: as drafts of it differ, the latest first. */
export type Interface = Readonly<Record<string, HostFunction | readonly HostFunction[]>>

export function plain(
  type: string,
  call: (host: ComponentHost) => (...values: never[]) => Value,
): HostFunction {
  return { type, call, waits: false }
}

export function waiting(type: string, call: HostFunction['call']): HostFunction {
  return { type, call, waits: true }
}
