/** Says which pools' workers run as root because nobody has named a user. */
import type { Logger } from '../base/logger.ts'
import type { PoolConfig } from '../config/config.ts'

export function warnOfRoot(pools: readonly PoolConfig[], logger: Logger): void {
  if (process.getuid?.() !== 0) return
  for (const { name, user } of pools) {
    if (user === undefined || user === 'root' || user === '0') {
      logger.warn({ pool: name }, 'its workers run as root: the pool has no user')
    }
  }
}
