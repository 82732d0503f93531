/** What tenants have had of a thread that others waited for: what workers tell each other, so that each tenant gets its share of all. */

export type Usage = ReadonlyArray<readonly [tenant: string, usedMs: number]>

/** Who has had less than this is told of later. */
export const MIN_USAGE_MS = 0.5

/** Most tenants that are told of at once; the others' turn is next time. */
export const MAX_USAGE_ENTRIES = 256
