/** The pool of settings that are for one pool's workers. */
import type { Config, PoolConfig } from './config.ts'

export function poolOf(settings: Config): PoolConfig {
  const [pool] = settings.pools
  if (pool === undefined) throw new Error('settings without a pool')
  return pool
}
