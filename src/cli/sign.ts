/** `wasm-fpm sign`: signs a release that has been published, for a tenant that demands signatures from now on. */
import { Command } from 'commander'
import { isDigest } from '../store/digest.ts'
import { findRelease, pickRelease } from '../store/find-release.ts'
import { signRelease } from '../store/signature.ts'
import { readSigningKey, type SigningKey } from '../store/signing-key.ts'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'
import {
  listReleasesRemote,
  putSignatureRemote,
  type RemoteSigned,
  readRemote,
  type ServerChoice,
  serverOption,
  type TenantLeftOut,
  tenantOption,
  withTenant,
} from './remote.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'

interface SignOptions extends StorePlace {
  readonly tenant: string
  readonly handler?: string
  readonly key: string
  readonly server?: ServerChoice
  readonly json?: boolean
}

export function signCommand(): Command {
  return new Command('sign')
    .description('sign a release that a tenant has published')
    .argument('<release>', 'its number, its digest or at least 6 digits of that')
    .addOption(tenantOption('the tenant'))
    .requiredOption('--key <FILE>', 'the private key, as `wasm-fpm key create` makes it')
    .option('--handler <NAME>', 'look among the releases of this handler only')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(run)
}

async function run(wanted: string, given: TenantLeftOut<SignOptions>): Promise<void> {
  const options = withTenant(given)
  const { tenant, json, server } = options
  const key = await readSigningKey(options.key)
  const { release, number } =
    server === undefined
      ? await signHere(wanted, options, key)
      : await signThere(wanted, { ...options, server }, key)
  const { text, id } = key.publicKey
  if (json === true) printJson({ tenant, release, number, key: text, keyId: id })
  else
    process.stdout.write(
      `${tenant}: release ${number}, ${release.slice(0, 12)}, signed by ${text}\n`,
    )
}

async function signHere(
  wanted: string,
  options: SignOptions,
  key: SigningKey,
): Promise<RemoteSigned> {
  const { tenant } = options
  const store = await openStoreAt(options)
  const { release, number } = await findRelease(store, wanted, choiceOf(options))
  await store.putSignature(tenant, release, signRelease(key, { tenant, release }))
  return { release, number }
}

async function signThere(
  wanted: string,
  options: SignOptions & { readonly server: ServerChoice },
  key: SigningKey,
): Promise<RemoteSigned> {
  const { tenant, server, store, config } = options
  if (store !== undefined || config !== undefined) {
    throw new CliError(
      'CLI_USAGE',
      `Cannot sign: --${store === undefined ? 'config' : 'store'} is about a store on this machine, wanted it without --server`,
    )
  }
  const remote = readRemote(server)
  // Who names all of the digest signs just that, whatever the server's list says.
  const release = isDigest(wanted)
    ? wanted
    : pickRelease(await listReleasesRemote(remote, tenant), wanted, choiceOf(options)).release
  const signed = { tenant, release }
  const { number } = await putSignatureRemote(remote, signed, signRelease(key, signed))
  return { release, number }
}

function choiceOf({ tenant, handler }: SignOptions) {
  return { tenant, handler, doing: `sign release of ${tenant}` }
}
