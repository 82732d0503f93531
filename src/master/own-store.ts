/** A store that root has just made belongs to whoever is to publish into it. */
import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './account.ts'

/** Gives a store in which nothing was ever published to `account`; one that is in use stays whose it is. */
export async function ownNewStore(store: string, account: Account): Promise<void> {
  const entries = await readdir(store).catch((): string[] => [])
  if (!entries.includes('tenants')) return
  if ((await readdir(join(store, 'tenants'))).length > 0) return
  for (const path of [store, ...entries.map((name) => join(store, name))]) {
    await own(path, account)
  }
}

/** Follows no link, and gives away nothing that has another name elsewhere. */
async function own(path: string, { uid, gid }: Account): Promise<void> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags)
  try {
    const stats = await file.stat()
    if (stats.isDirectory() || (stats.isFile() && stats.nlink === 1)) await file.chown(uid, gid)
  } finally {
    await file.close()
  }
}
