/** Calls a function of the host as a component would that has nothing to lift or lower. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/base/clock.ts'
import { NO_OPTIONS } from '../../src/component/definition.ts'
import { ComponentHost } from '../../src/component/host/component-host.ts'
import { findFunction } from '../../src/component/host/wasi-functions.ts'
import type { FunctionType } from '../../src/component/plan.ts'
import type { Case, Value } from '../../src/component/value.ts'
import { WasiHost } from '../../src/wasi/host.ts'
import { createMemoryDirectory } from '../../src/wasi/memory-directory.ts'
import { grants } from './guest.ts'

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

/** In a run that has been granted a folder in memory, `/tmp`. */
export function hostWithFolder(): ComponentHost {
  const wasi = new WasiHost(new Set())
  const host = new ComponentHost(wasi, { value: 0 }, { owners: 1, world: 'http' })
  const directory = createMemoryDirectory(systemClock)
  const granted = grants({ preopens: [{ guestPath: '/tmp', directory }] })
  wasi.begin(granted)
  host.begin(granted)
  return host
}

/** What a result has for `ok`. */
export function ok(answer: Value | Promise<Value>): Value {
  assert.equal((answer as Case).tag, 'ok', String((answer as Case).value))
  return (answer as Case).value
}

/** What it has for `err`. */
export function failure(answer: Value | Promise<Value>): Value {
  assert.equal((answer as Case).tag, 'err')
  return (answer as Case).value
}
