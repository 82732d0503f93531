/** Where a configuration keeps the tokens of its admin API. */
import { TokenFile } from '../admin/token-file.ts'
import { systemClock } from '../base/clock.ts'
import type { AdminConfig } from '../config/config.ts'
import { findAccount, readAccountSource } from '../master/account.ts'

/** As root, a new file is given to the user that the admin API runs as. `path`: another file than the configuration's. */
export function tokenFileOf(admin: AdminConfig, path: string = admin.tokens): TokenFile {
  const owner = findAccount({ ...admin, name: 'admin' }, readAccountSource())
  return new TokenFile(path, { clock: systemClock, owner })
}
