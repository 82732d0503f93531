/** `wasm-fpm login` and `logout`: remembers a server, a token and its tenant for `--server`, or forgets them. */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { Command } from 'commander'
import { harmless } from '../base/harmless.ts'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'
import { findLogin, forgetLogin, keepLogin } from './logins.ts'
import { ownTokenRemote, parseAddress, tokenVariable } from './remote.ts'
import { readSecret } from './stdin-secret.ts'

interface LoginOptions {
  readonly tenant?: string
  readonly json?: boolean
}

export function loginCommand(): Command {
  return new Command('login')
    .description('remember a server and a token for it, for --server of other commands')
    .argument('<server>', 'its admin API, "https://host" or "unix:PATH"')
    .option('--tenant <T>', "the tenant that is meant where none is named (default: the token's)")
    .addOption(jsonOption())
    .action(login)
}

export function logoutCommand(): Command {
  return new Command('logout')
    .description('forget a server and the token for it')
    .argument('[server]', 'as it was given to `login` (default: that of the last login)')
    .addOption(jsonOption())
    .action(logout)
}

async function login(server: string, { tenant: wanted, json }: LoginOptions): Promise<void> {
  const address = parseAddress(server)
  // The operator's own socket needs none.
  const given = tokenVariable()
  const token = given ?? (address.socketPath === undefined ? await askForToken() : undefined)
  const { id, tenant: own, scopes } = await ownTokenRemote({ address, token })
  if (own !== undefined && wanted !== undefined && own !== wanted) {
    throw new CliError(
      'CLI_USAGE',
      `Cannot log in for tenant ${wanted}: the token is ${own}'s, wanted one of ${wanted} or of an operator`,
    )
  }
  const tenant = own ?? wanted
  const path = keepLogin({ server, token, tenant })
  const whose = own === undefined ? "an operator's" : `tenant ${own}'s`
  if (json === true) printJson({ server, tenant, token: id, scopes, file: path })
  else say(`${server}: ${whose} token ${id}, ${scopes.join(', ')}; in ${path}`)
}

async function logout(
  given: string | undefined,
  { json }: Pick<LoginOptions, 'json'>,
): Promise<void> {
  const server = given ?? findLogin(undefined)?.server
  if (server === undefined || !forgetLogin(server)) {
    throw new CliError(
      'CLI_NOT_LOGGED_IN',
      `Cannot log out of ${server ?? 'the last server'}: there is no login, wanted a server of one`,
    )
  }
  if (json === true) printJson({ server })
  else process.stdout.write(`${server} is forgotten; its token stays good until it is revoked\n`)
}

/** What a server calls a tenant is its own word. */
function say(text: string): void {
  process.stdout.write(`${harmless(text)}\n`)
}

/** At a terminal, without showing it. */
async function askForToken(): Promise<string> {
  if (!process.stdin.isTTY) return readSecret('token')
  process.stderr.write('Token: ')
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output, terminal: true })
  try {
    return (await lines.question('')).trim()
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}
