/** `wasm-fpm token`: makes, lists and revokes the tokens of the admin API, in their file; the server need not run. */
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import {
  isExpired,
  mintToken,
  SCOPES,
  type Scope,
  type TokenRecord,
} from '../admin/bearer-token.ts'
import { TokenFile } from '../admin/token-file.ts'
import { systemClock } from '../base/clock.ts'
import type { Config } from '../config/config.ts'
import { ConfigChangeError } from '../config/errors.ts'
import { loadConfig } from '../config/load.ts'
import { parseDuration } from '../config/units.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'
import { printTable } from './table.ts'
import { tokenFileOf } from './token-place.ts'

interface PlaceOptions {
  readonly config?: string
  readonly tokens?: string
  readonly json?: boolean
}

interface CreateOptions extends PlaceOptions {
  readonly tenant?: string
  readonly operator?: boolean
  readonly scope: readonly Scope[]
  readonly name?: string
  readonly expires?: string
}

const MAX_NAME = 200

export function tokenCommand(): Command {
  return new Command('token')
    .description('make, list and revoke the tokens of the admin API')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand())
}

function createCommand(): Command {
  return new Command('create')
    .description('make a token and print it: this once, it is kept nowhere')
    .option('--tenant <T>', 'the tenant it is good for')
    .option('--operator', "an operator's: good for all tenants")
    .addOption(
      new Option('--scope <LIST>', `what it may do: ${SCOPES.join(', ')}`)
        .argParser(parseScopes)
        .makeOptionMandatory(),
    )
    .option('--name <TEXT>', 'whose it is or what it is for')
    .option('--expires <TIME>', 'how long it is good, such as 90d (default: until it is revoked)')
    .addOption(configOption())
    .addOption(tokensOption())
    .addOption(jsonOption())
    .action(create)
}

function listCommand(): Command {
  return new Command('list')
    .description('list the tokens, without their secrets')
    .addOption(configOption())
    .addOption(tokensOption())
    .addOption(jsonOption())
    .action(list)
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('revoke a token: from the next request on it is refused')
    .argument('<id>', 'its id, as `token list` shows it')
    .addOption(configOption())
    .addOption(tokensOption())
    .addOption(jsonOption())
    .action(revoke)
}

function tokensOption(): Option {
  return new Option('--tokens <FILE>', "the file of tokens (default: the configuration's)")
}

async function create(options: CreateOptions): Promise<void> {
  const { tenant, operator = false, scope, name = '', json } = options
  if ((tenant === undefined) !== operator) {
    throw usage('make a token', '--tenant and --operator are there both or neither', 'one of them')
  }
  if (tenant !== undefined && scope.includes('operate')) {
    throw usage('make a token', '"operate" is for a tenant', 'it for operators only')
  }
  if (name.length > MAX_NAME) {
    throw usage('make a token', `its name has ${name.length} characters`, `at most ${MAX_NAME}`)
  }
  const { file, config } = placeOf(options)
  if (tenant !== undefined && config !== undefined) checkTenant(tenant, config)
  const { token, record } = mintToken({
    name,
    tenant,
    scopes: scope,
    nowMs: nowMs(),
    lifeMs: readLife(options.expires),
  })
  await file.add(record)
  if (json === true) {
    printJson({ ...withoutHash(record), token })
    return
  }
  process.stderr.write(`token ${record.id} of ${ownerOf(record)}: ${record.scopes.join(', ')}\n`)
  process.stdout.write(`${token}\n`)
}

async function list(options: PlaceOptions): Promise<void> {
  const tokens = await placeOf(options).file.list()
  if (options.json === true) {
    printJson(tokens.map(withoutHash))
    return
  }
  const rows = tokens.map((record) => [
    record.id,
    ownerOf(record),
    record.scopes.join(' '),
    record.createdAt.slice(0, 10),
    isExpired(record, nowMs()) ? 'expired' : (record.expiresAt?.slice(0, 10) ?? 'never'),
    record.name,
  ])
  process.stdout.write(
    rows.length === 0
      ? 'there are no tokens\n'
      : printTable(['id', 'whose', 'scopes', 'created', 'expires', 'name'], rows),
  )
}

async function revoke(id: string, options: PlaceOptions): Promise<void> {
  const record = await placeOf(options).file.remove(id)
  if (options.json === true) printJson(withoutHash(record))
  else process.stdout.write(`token ${id} of ${ownerOf(record)} is revoked\n`)
}

interface Place {
  readonly file: TokenFile
  /** Undefined: the file was named, and there is no configuration. */
  readonly config: Config | undefined
}

function placeOf({ tokens, config: given }: PlaceOptions): Place {
  if (tokens !== undefined && given === undefined) {
    return { file: new TokenFile(resolve(tokens), { clock: systemClock }), config: undefined }
  }
  const configFile = findConfigFile(given)
  const config = loadConfig(configFile)
  const { admin } = config
  if (admin === undefined) {
    throw new ConfigChangeError(
      'CONFIG_BAD_VALUE',
      `Cannot find the tokens: ${configFile} has no [admin] table, wanted one, or --tokens FILE`,
    )
  }
  return { file: tokenFileOf(admin, tokens === undefined ? undefined : resolve(tokens)), config }
}

function checkTenant(tenant: string, { tenants }: Config): void {
  if (tenants.some(({ name }) => name === tenant)) return
  const known = tenants.slice(0, 20).map(({ name }) => name)
  throw new ConfigChangeError(
    'CONFIG_UNKNOWN_TENANT',
    `Cannot make a token for tenant ${JSON.stringify(tenant)}: there is none of that name, wanted one of ${known.join(', ') || 'a [[tenant]]'}`,
  )
}

function parseScopes(text: string): readonly Scope[] {
  const asked = text.split(',').map((one) => one.trim())
  return asked.map((one) => {
    const scope = SCOPES.find((known) => known === one)
    if (scope !== undefined) return scope
    throw usage('read --scope', `it has ${JSON.stringify(one)}`, `some of ${SCOPES.join(',')}`)
  })
}

function readLife(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const lifeMs = parseDuration(text)
  if (lifeMs !== undefined && lifeMs > 0) return lifeMs
  throw usage('read --expires', `it is ${JSON.stringify(text)}`, 'a time such as "90d" or "12h"')
}

function usage(what: string, problem: string, wanted: string): CliError {
  return new CliError('CLI_USAGE', `Cannot ${what}: ${problem}, wanted ${wanted}`)
}

function ownerOf({ tenant }: TokenRecord): string {
  return tenant === undefined ? 'an operator' : `tenant ${tenant}`
}

function withoutHash({ hash: _, ...rest }: TokenRecord): Omit<TokenRecord, 'hash'> {
  return rest
}

function nowMs(): number {
  return Number(systemClock.realtimeNs() / 1_000_000n)
}
