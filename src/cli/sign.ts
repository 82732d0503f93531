/** `wasm-fpm sign`: signs a release that has been published, for a tenant that demands signatures from now on. */
import { Command } from 'commander'
import { signRelease } from '../store/signature.ts'
import { readSigningKey } from '../store/signing-key.ts'
import { findRelease } from './find-release.ts'
import { jsonOption, printJson } from './json.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'

interface SignOptions extends StorePlace {
  readonly tenant: string
  readonly handler?: string
  readonly key: string
  readonly json?: boolean
}

export function signCommand(): Command {
  return new Command('sign')
    .description('sign a release that a tenant has published')
    .argument('<release>', 'its number, its digest or at least 6 digits of that')
    .requiredOption('--tenant <T>', 'the tenant')
    .requiredOption('--key <FILE>', 'the private key, as `wasm-fpm key create` makes it')
    .option('--handler <NAME>', 'look among the releases of this handler only')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(jsonOption())
    .action(run)
}

async function run(wanted: string, options: SignOptions): Promise<void> {
  const { tenant, handler, json } = options
  const key = await readSigningKey(options.key)
  const store = await openStoreAt(options)
  const { release, number } = await findRelease(store, wanted, {
    tenant,
    handler,
    doing: `sign release of ${tenant}`,
  })
  await store.putSignature(tenant, release, signRelease(key, { tenant, release }))
  const { text, id } = key.publicKey
  if (json === true) printJson({ tenant, release, number, key: text, keyId: id })
  else
    process.stdout.write(
      `${tenant}: release ${number}, ${release.slice(0, 12)}, signed by ${text}\n`,
    )
}
