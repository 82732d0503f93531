/** The `ca` of `[follow]`. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { FollowError } from './errors.ts'

/** Node believes these besides the usual ones, and goes on without a word where it cannot read them. */
export const CA_VARIABLE = 'NODE_EXTRA_CA_CERTS'

/** Throws `FollowError` (FOLLOW_BAD_CA) where `path` is no file of certificates in PEM that this process may read. */
export function checkAuthorities(path: string): void {
  try {
    new X509Certificate(readFileSync(path))
  } catch (error) {
    const { message } = error as Error
    throw new FollowError(
      'FOLLOW_BAD_CA',
      `Cannot use ${JSON.stringify(path)}, the ca of [follow]: ${message}, wanted certificates in PEM that the user of [follow] may read`,
    )
  }
}
