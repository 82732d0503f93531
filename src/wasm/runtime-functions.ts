/** The functions every hardened module carries: see contract.ts for what they mean. */
import type { AddedFunction } from './bulk-functions.ts'
import { encodeU32 } from './byte-writer.ts'
import { PLAIN_SLOT, SUSPENDING_SLOT } from './contract.ts'
import { OP } from './opcodes.ts'
import type { TypeAppender } from './type-appender.ts'
import { I32 } from './value-types.ts'

/** Where hardening puts things in the module's index spaces. */
export interface AddedIndices {
  readonly goOnFunction: number
  readonly checkFunction: number
  readonly checkLoopFunction: number
  readonly saveFunction: number
  readonly restoreFunction: number
  readonly startFunction: number
  readonly firstBulkFunction: number
  readonly counterGlobal: number
  readonly quotaGlobal: number
  readonly maySuspendGlobal: number
  /** Hidden copies of the mutable globals, in their order. */
  readonly firstSavedGlobal: number
  /** Of each memory by its index: its spare pages; undefined for imported ones. */
  readonly spareGlobals: ReadonlyArray<number | undefined>
  readonly checkTable: number
}

export interface OriginalParts {
  /** Those the module defines. */
  readonly mutableGlobals: readonly number[]
  readonly start: number | undefined
}

/** In index order from `goOnFunction`. */
export function runtimeFunctions(
  indices: AddedIndices,
  types: TypeAppender,
  { mutableGlobals, start }: OriginalParts,
): AddedFunction[] {
  const check = types.add([], [[I32]])
  const plain = types.add([], [])
  return [
    { name: 'go_on', type: check, body: [0, 0x41, 0, 0x0b] },
    { name: 'check', type: check, body: checkBody(indices, check) },
    { name: 'check_loop', type: types.add([[I32]], [[I32]]), body: checkLoopBody(indices) },
    { name: 'save', type: plain, body: copyGlobals(indices, mutableGlobals, true) },
    { name: 'restore', type: plain, body: copyGlobals(indices, mutableGlobals, false) },
    // Its own function, for exporting the original would make that one referable.
    {
      name: 'start',
      type: plain,
      body: [0, ...(start === undefined ? [] : [0x10, ...encodeU32(start)]), 0x0b],
    },
  ]
}

/**
 * V8 inlines functions of up to 500 bytes (`--wasm-inlining-max-size`). Inlined, the check costs sha-256 8 % that the
 * call does not cost: its code is in the way of everything around it.
 */
const TOO_LONG_TO_INLINE = new Array<number>(512).fill(OP.nop)

/** `counter = quota; if (table[may_suspend ? 0 : 1]()) unreachable; return quota` */
function checkBody(indices: AddedIndices, type: number): number[] {
  const quota = [0x23, ...encodeU32(indices.quotaGlobal)]
  const maySuspend = [0x23, ...encodeU32(indices.maySuspendGlobal)]
  const slot = [0x41, SUSPENDING_SLOT, 0x41, PLAIN_SLOT, ...maySuspend, 0x1b]
  const call = [...slot, 0x11, ...encodeU32(type), ...encodeU32(indices.checkTable)]
  const store = [...quota, 0x24, ...encodeU32(indices.counterGlobal)]
  const answer = [0x04, 0x40, 0x00, 0x0b, ...quota, 0x0f]
  return [0, ...store, ...call, ...answer, ...TOO_LONG_TO_INLINE, 0x0b]
}

/**
 * For tight loops whose turns cost `weight`, a power of two: `quota = check() & -weight; return max(quota, 2 * weight)`.
 * The loop is left before the turn that brings the counter to 0, so this is one turn at least.
 */
function checkLoopBody({ checkFunction }: AddedIndices): number[] {
  const [weight, quota] = [0, 1]
  const aligned = [0x10, ...encodeU32(checkFunction), 0x41, 0, 0x20, weight, 0x6b, 0x71]
  const least = [0x20, weight, 0x41, 1, 0x74]
  const isMore = [0x20, quota, 0x20, weight, 0x4a]
  return [1, 1, I32, ...aligned, 0x22, quota, ...least, 0x22, weight, ...isMore, 0x1b, 0x0b]
}

function copyGlobals(indices: AddedIndices, globals: readonly number[], isSave: boolean): number[] {
  const body = [0]
  globals.forEach((global, place) => {
    const saved = encodeU32(indices.firstSavedGlobal + place)
    const own = encodeU32(global)
    body.push(0x23, ...(isSave ? own : saved), 0x24, ...(isSave ? saved : own))
  })
  body.push(0x0b)
  return body
}
