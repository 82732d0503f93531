/** Ids that tie an answer to its log lines. */
import { randomBytes } from 'node:crypto'

/** Returns a generator: a random prefix for this worker and a counter. */
export function requestIds(): () => string {
  const prefix = randomBytes(5).toString('hex')
  let count = 0
  return () => {
    count += 1
    return `${prefix}-${count.toString(36)}`
  }
}
