/** Who verifies what tenants ship: nobody whom anything belongs to. */
import { findAccount, readAccountSource } from '../master/account.ts'
import type { PublisherAccount } from '../store/publisher-process.ts'

/** Whom the publisher's process runs as when root starts it and nobody else is named. */
const NOBODY: PublisherAccount = { uid: 65_534, gid: 65_534 }

/** Undefined: this user, who is not root or insists. */
export function verifierAccount(user?: string): PublisherAccount | undefined {
  if (process.getuid?.() !== 0) return undefined
  if (user === undefined) return NOBODY
  const account = findAccount({ name: 'publish', user, group: undefined }, readAccountSource())
  return account?.uid === 0 ? undefined : account
}
