/** The socket that a web server or spawn-fcgi starts the server with. */
import type { Config } from '../config/config.ts'

/** The first pool also serves the socket on file descriptor 0, if `hasInherited` says that it is one and no pool names it. */
export function withInherited(config: Config, hasInherited: boolean): Config {
  const [first, ...others] = config.pools
  const isClaimed = config.pools.some(({ listen }) =>
    listen.some((address) => address.kind === 'fd' && address.fd === 0),
  )
  if (first === undefined || isClaimed || !hasInherited) return config
  const listen = [...first.listen, { kind: 'fd', fd: 0 } as const]
  return { ...config, pools: [{ ...first, listen }, ...others] }
}
