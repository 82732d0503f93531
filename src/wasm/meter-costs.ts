/** What metering charges for, in units (see contract.ts); `opcodes.ts` has the plain instructions. */

/** Units a path may spend before it is charged. */
export const CHUNK = 1_024
/** What a loop's first turn may carry into its weight, which every turn pays. */
export const LOOP_CARRY = 8
/** What a turn of an empty loop costs. */
export const TURN_COST = 8
export const CALL_COST = 4
/** Covers what any callee leaves uncharged. */
export const UNKNOWN_CALL_COST = 256
export const IMPORT_COST = 400
export const RECURSIVE_CALL_COST = 128
