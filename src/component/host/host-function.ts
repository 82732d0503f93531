/** A function that the host offers to components, with its type. */
import type { Deferred } from '../deferred.ts'
import type { Value } from '../value.ts'
import type { ComponentHost } from './component-host.ts'

export interface HostFunction {
  /** As `print-type.ts` prints it; `$name`: a type of `wasi-types.ts`. */
  readonly type: string
  readonly call: (host: ComponentHost) => (...values: never[]) => Value | Promise<Value> | Deferred
  /** Whether it may answer a promise, or later. */
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

/** The same functions over resources of these names of 0.3. */
export function retyped(functions: Interface, names: readonly string[]): Interface {
  const named = new RegExp(`\\$(${names.join('|')})(?![a-z-])`, 'g')
  const change = (one: HostFunction): HostFunction => ({
    ...one,
    type: one.type.replaceAll(named, (name) => `${name}-3`),
  })
  return Object.fromEntries(
    Object.entries(functions).map(([name, own]) => [name, [own].flat().map(change)]),
  )
}
