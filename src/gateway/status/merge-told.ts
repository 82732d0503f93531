/** One tenant's status out of what its workers have told, unread so far. */
import { emptyStatus, mergePoolStatus } from './merge.ts'
import type { PoolStatus } from './pool-status.ts'
import { readStatus } from './read-status.ts'

/** `texts`: JSON, one for each worker that has answered. Undefined: none has said anything that is a status of `tenant`. */
export function mergeTold(tenant: string, texts: readonly string[]): PoolStatus | undefined {
  const like = emptyStatus(tenant)
  const told = texts.map((text) => readStatus(text, like)).filter((one) => one !== undefined)
  const [first, ...others] = told
  return first === undefined ? undefined : mergePoolStatus(first, ...others)
}
