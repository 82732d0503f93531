/**
 * Arguments and environment (preview 1: args_get, args_sizes_get, environ_get, environ_sizes_get).
 *
 * Both are laid out alike, here for `["a", "bc"]`:
 *
 *     pointers -> | &buffer[0] | &buffer[2] |
 *     buffer   -> | 'a' 0 | 'b' 'c' 0 |
 */
import { TextBlock } from '../base/text-block.ts'
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'
import type { WasiGrants } from './session.ts'

/** One for all guests of this thread, which ask one after the other. */
const block = new TextBlock()
/** Whose environment is in it, while it may be asked for once more: a guest asks for its size first. */
let filledFor: WasiGrants | undefined

export const ARGS_CALLS = {
  /** FAULT: one of the two areas is not inside memory. */
  args_get: (host: CallContext) => (pointers: number, buffer: number) => {
    host.enter()
    fill(host.grants.args)
    return storeTexts(host, pointers, buffer)
  },
  /** FAULT: a result does not fit into memory. */
  args_sizes_get: (host: CallContext) => (count: number, bytes: number) => {
    host.enter()
    fill(host.grants.args)
    return storeSizes(host, count, bytes)
  },
  /** FAULT: one of the two areas is not inside memory. */
  environ_get: (host: CallContext) => (pointers: number, buffer: number) => {
    host.enter()
    fillWithEnvironment(host.grants)
    filledFor = undefined
    return storeTexts(host, pointers, buffer)
  },
  /** FAULT: a result does not fit into memory. */
  environ_sizes_get: (host: CallContext) => (count: number, bytes: number) => {
    host.enter()
    fillWithEnvironment(host.grants)
    return storeSizes(host, count, bytes)
  },
}

const NO_HEAD = new Uint8Array(0)
/** What it takes to look at one string. */
const STRING_WORK = 100

function fillWithEnvironment(grants: WasiGrants): void {
  if (filledFor === grants) return
  if (grants.putEnv === undefined) {
    fill(grants.env)
    return
  }
  clear()
  grants.putEnv(block)
  filledFor = grants
}

function fill(strings: ReadonlyArray<string | Uint8Array>): void {
  clear()
  for (const text of strings) {
    if (typeof text === 'string') block.putText(NO_HEAD, text)
    else block.putText(text, '')
  }
}

function clear(): void {
  filledFor = undefined
  block.clear()
}

function storeSizes(host: CallContext, count: number, bytes: number): number {
  host.charge(block.count * STRING_WORK)
  if (!host.has(count >>> 0, 4) || !host.has(bytes >>> 0, 4)) return Errno.FAULT
  host.view.setUint32(count >>> 0, block.count, true)
  host.view.setUint32(bytes >>> 0, block.length, true)
  return Errno.SUCCESS
}

function storeTexts(host: CallContext, pointers: number, buffer: number): number {
  const pointer = pointers >>> 0
  const at = buffer >>> 0
  const { count, length } = block
  host.charge(count * STRING_WORK * 2 + length)
  if (!host.has(pointer, count * 4) || !host.has(at, length)) return Errno.FAULT
  const { bytes, view } = host
  for (let index = 0; index < count; index++) {
    view.setUint32(pointer + index * 4, at + block.startOf(index), true)
  }
  bytes.set(block.bytes, at)
  return Errno.SUCCESS
}
