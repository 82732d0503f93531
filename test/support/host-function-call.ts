/** Calls a function of the host as a component would that has nothing to lift or lower. */

import { NO_OPTIONS } from '../../src/component/definition.ts'
import type { ComponentHost } from '../../src/component/host/component-host.ts'
import { findFunction } from '../../src/component/host/wasi-functions.ts'
import type { FunctionType } from '../../src/component/plan.ts'
import type { Value } from '../../src/component/value.ts'

const NO_TYPE: FunctionType = { isAsync: false, parameters: [], result: undefined }

export interface CalledFunction {
  /** The interface's name. */
  readonly from: string
  readonly name: string
  /** Default: that of one that takes and answers nothing. */
  readonly type?: FunctionType | undefined
}

/** What it answers; a promise: it waits. */
export function callOrWait(
  host: ComponentHost,
  { from, name, type = NO_TYPE }: CalledFunction,
  values: readonly Value[],
): Value | Promise<Value> {
  const found = findFunction({
    ...{ kind: 'lower', interface: from, name, type, options: NO_OPTIONS, owner: 0 },
  })
  return (found.call(host) as (...all: readonly Value[]) => Value | Promise<Value>)(...values)
}

/** One that does not wait. */
export function callNow(
  host: ComponentHost,
  called: CalledFunction,
  values: readonly Value[],
): Value {
  const answer = callOrWait(host, called, values)
  if (answer instanceof Promise) throw new Error(`${called.name} waits`)
  return answer
}
