/** What a source is shown: the variables of `env_file` in `[follow]`. No message has a value. */
import { FollowError } from './errors.ts'

/** As `oci/credentials.ts` has them. */
export interface SourceCredentials {
  readonly username: string
  readonly password: string
}

export type Secrets = Readonly<Record<string, string>>

/** Throws `FollowError` (FOLLOW_BAD_SECRETS): a name that the source has no use for is a mistake that would keep it out. */
export function refuseOthers(secrets: Secrets, wanted: readonly string[]): void {
  const other = Object.keys(secrets).find((name) => !wanted.includes(name))
  if (other === undefined) return
  throw badSecrets(`it has ${other}`, wanted.length === 0 ? 'none' : wanted.join(', '))
}

/** Undefined: there are none. Throws `FollowError` (FOLLOW_BAD_SECRETS). */
export function credentialsIn(secrets: Secrets): SourceCredentials | undefined {
  const { USERNAME: username, PASSWORD: password } = secrets
  if (username === undefined && password === undefined) return undefined
  if (username !== undefined && password !== undefined && !username.includes(':')) {
    return { username, password }
  }
  throw badSecrets('they are not whole', 'USERNAME, without ":", and PASSWORD together')
}

function badSecrets(actual: string, wanted: string): FollowError {
  return new FollowError(
    'FOLLOW_BAD_SECRETS',
    `Cannot use the env_file of [follow]: ${actual}, wanted ${wanted}`,
  )
}
