/** How commands are told to talk to a registry: who we are, and whether encryption may be done without. */
import type { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import type { Credentials } from '../oci/credentials.ts'
import { findCredentials } from '../oci/find-credentials.ts'
import { parseReference } from '../oci/reference.ts'
import type { TransferOptions } from '../oci/transfer.ts'
import { CliError } from './errors.ts'
import { readSecret } from './stdin-secret.ts'

export interface RegistryOptions {
  readonly username?: string
  readonly passwordStdin?: boolean
  readonly plainHttp?: boolean
}

/** Adds the options. */
export function withRegistryOptions(command: Command): Command {
  return command
    .option(
      '--username <NAME>',
      'who we are to the registry (default: as `docker login` wrote down)',
    )
    .option('--password-stdin', 'with --username: read the password, or token, from standard input')
    .option('--plain-http', 'talk to a registry on another machine without encryption')
}

/** What `reference` is reached with. Rejects with CLI_USAGE, OCI_BAD_REFERENCE, and as `findCredentials` does. */
export async function transferOptionsOf(
  reference: string,
  options: RegistryOptions,
): Promise<TransferOptions> {
  const { registry } = parseReference(reference)
  const credentials =
    (await givenCredentials(options)) ??
    (await findCredentials(registry, { environment: process.env }))
  return { clock: systemClock, credentials, plainHttp: options.plainHttp === true }
}

async function givenCredentials(options: RegistryOptions): Promise<Credentials | undefined> {
  const { username, passwordStdin = false } = options
  if (username === undefined && !passwordStdin) return undefined
  if (username === undefined || username === '' || username.includes(':') || !passwordStdin) {
    throw new CliError(
      'CLI_USAGE',
      'Cannot log in: wanted --username, without ":", and --password-stdin together',
    )
  }
  return { username, password: await readSecret('password') }
}
