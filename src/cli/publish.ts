/** `wasm-fpm publish`: verifies a module, stores it as a release, and makes it live for a tenant. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { CodedError, toWire } from '../base/errors.ts'
import { loadConfig } from '../config/load.ts'
import { publishAllowance } from '../config/publish-allowance.ts'
import { parseDuration, parseSize } from '../config/units.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE } from '../store/open-store.ts'
import { readSigners } from '../store/public-key.ts'
import { type PublishOptions, publish, storeRelease } from '../store/publication.ts'
import type { CanaryOptions, Stored } from '../store/release-store.ts'
import { readSigningKey } from '../store/signing-key.ts'
import { ExitCode } from './exit-code.ts'
import { parseWeight } from './promote.ts'
import { jsonOutput, type Published, type PublishOutput, textOutput } from './publish-output.ts'
import { withSource } from './pull-source.ts'
import { withReadableEnvFiles } from './readable-env-files.ts'
import { type RegistryOptions, withRegistryOptions } from './registry-options.ts'
import {
  publishRemote,
  readRemote,
  type ServerChoice,
  serverOption,
  storeRemote,
  type TenantLeftOut,
  tenantOption,
  withTenant,
} from './remote.ts'
import { publishSignedRemote, storeSignedRemote } from './remote-signing.ts'
import { configOf, storeOption, WHICH_CONFIG } from './store-place.ts'
import { verifierAccount } from './verifier-account.ts'

interface PublishCommandOptions extends RegistryOptions {
  readonly tenant: string
  readonly handler?: string
  readonly route?: string
  readonly runtime?: string
  readonly weight?: string
  readonly sticky?: boolean
  readonly sign?: string
  /** False: --no-switch. */
  readonly switch: boolean
  readonly store?: string
  readonly config?: string
  readonly as?: string
  readonly server?: ServerChoice
  readonly json?: boolean
}

export function publishCommand(): Command {
  const command = new Command('publish')
    .description(
      'verify a module or scripts, store them as a release of a tenant, and make it live',
    )
    .argument(
      '<source>',
      'a module, a folder with a module or scripts, its files and wasm-fpm.json, or oci://HOST/REPOSITORY:TAG',
    )
    .addOption(tenantOption('the tenant it is for'))
    .option('--handler <NAME>', "the handler's name (default: the manifest's, then the file's)")
    .option('--route <PATH>', "where it answers (default: the manifest's routes, then /)")
    .option('--runtime <NAME>', "what runs it: a folder of scripts (default: the manifest's)")
    .option('--weight <PERCENT>', 'make it a canary: it gets so many of the requests, 1 to 99')
    .option('--sticky', 'with --weight: a client stays with the release that answered it first')
    .option('--sign <KEYFILE>', 'sign it with this private key (see `wasm-fpm key create`)')
    .option('--no-switch', 'store it only: `wasm-fpm rollback` to it makes it live')
    .addOption(storeOption())
    .option('--config <FILE>', `whose store, tenant's limits and signers hold (${WHICH_CONFIG})`)
    .option('--as <USER>', 'as root: the user who verifies (default: the pool\'s, then "nobody")')
    .addOption(serverOption())
  return withRegistryOptions(command)
    .option('--json', 'print JSON, a line for each step')
    .action(run)
}

async function run(source: string, given: TenantLeftOut<PublishCommandOptions>): Promise<void> {
  const options = withTenant(given)
  const show = options.json === true ? jsonOutput() : textOutput()
  try {
    const canary = canaryOf(options)
    const published = await withSource(
      source,
      { ...options, onPulled: show.step, onProgress: show.pulling },
      (path) =>
        options.server === undefined
          ? publishHere(path, options, { canary, show })
          : publishThere(path, options, { canary, show, server: options.server }),
    )
    show.end(published)
  } catch (error) {
    show.stop()
    if (options.json !== true || !(error instanceof CodedError)) throw error
    process.stdout.write(`${JSON.stringify({ event: 'failed', error: toWire(error) })}\n`)
    process.exitCode = ExitCode.Failure
  }
}

interface Wish {
  readonly canary: CanaryOptions | undefined
  readonly show: PublishOutput
}

async function publishHere(
  path: string,
  options: PublishCommandOptions,
  { canary, show }: Wish,
): Promise<Published> {
  const { allowance, user, signers, storeFolder } = ofTenant(options)
  const signingKey = options.sign === undefined ? undefined : await readSigningKey(options.sign)
  const folder = options.store ?? storeFolder ?? DEFAULT_STORE
  const store = await DirectoryStore.make(folder, { clock: systemClock })
  const wish: PublishOptions = {
    store,
    tenant: options.tenant,
    handler: options.handler,
    route: options.route,
    runtime: options.runtime,
    canary,
    signingKey,
    signers: await readSigners(signers),
    units: { size: parseSize, duration: parseDuration },
    allowance,
    clock: systemClock,
    account: verifierAccount(options.as ?? user),
    onStep: show.step,
    onBytes: show.shareOf('read'),
    onHardened: show.shareOf('harden'),
  }
  const { release, stored, switched } = options.switch
    ? await publish(path, wish)
    : { ...(await storeRelease(path, wish)), switched: undefined }
  return { tenant: options.tenant, handler: release.manifest.name, stored, switched }
}

async function publishThere(
  path: string,
  options: PublishCommandOptions,
  { canary, show, server }: Wish & { readonly server: ServerChoice },
): Promise<Published> {
  const { tenant, handler, route, runtime, sign, store, config, as } = options
  const ours = Object.entries({ store, config, as }).find(([, one]) => one !== undefined)
  if (ours !== undefined) {
    throw new CodedError(
      'CLI_USAGE',
      `Cannot publish: --${ours[0]} is about a store on this machine, wanted it without --server`,
    )
  }
  const remote = readRemote(server)
  const wish = {
    ...{ tenant, handler, route, runtime, canary, onStep: show.step },
    onBytes: show.shareOf('upload'),
    onHardened: show.shareOf('harden'),
  }
  if (sign !== undefined) {
    const signed = { ...wish, signingKey: await readSigningKey(sign) }
    if (!options.switch) return onlyStored(await storeSignedRemote(path, remote, signed))
    const { stored, switched } = await publishSignedRemote(path, remote, signed)
    return { ...onlyStored(stored), switched }
  }
  if (!options.switch) return onlyStored(await storeRemote(path, remote, wish))
  const published = await publishRemote(path, remote, wish)
  return { ...onlyStored(published), switched: { ...published, release: published.live } }
}

function onlyStored(stored: Stored & Pick<Published, 'tenant' | 'handler'>): Published {
  const { tenant, handler, release, number, blobs, sharedBlobs, newBytes } = stored
  const facts = { release, number, blobs, sharedBlobs, newBytes }
  return { tenant, handler, stored: facts, switched: undefined }
}

function canaryOf(options: PublishCommandOptions): CanaryOptions | undefined {
  const { weight, sticky = false } = options
  if (!options.switch && (weight !== undefined || sticky)) {
    throw new CodedError(
      'CLI_USAGE',
      'Cannot publish: --weight and --sticky say how to switch, wanted them without --no-switch',
    )
  }
  if (weight !== undefined) return { weight: parseWeight(weight), sticky }
  if (!sticky) return undefined
  throw new CodedError('CLI_USAGE', 'Cannot publish: --sticky is alone, wanted it with --weight')
}

interface OfTenant {
  /** Undefined: no configuration says anything. */
  readonly allowance: PublishOptions['allowance']
  /** The pool's. */
  readonly user: string | undefined
  readonly signers: readonly string[]
  readonly storeFolder: string | undefined
}

/** What holds when no configuration says anything else. */
const NO_TENANT: OfTenant = {
  allowance: undefined,
  user: undefined,
  signers: [],
  storeFolder: undefined,
}

function ofTenant({ tenant: name, ...place }: PublishCommandOptions): OfTenant {
  const file = configOf(place)
  if (file === undefined) return NO_TENANT
  const {
    tenants,
    pools,
    runtimes,
    store: storeFolder,
  } = withReadableEnvFiles(loadConfig(file), name)
  const tenant = tenants.find((one) => one.name === name)
  if (tenant === undefined) {
    const known = tenants.slice(0, 20).map((one) => one.name)
    throw new CodedError(
      'CONFIG_UNKNOWN_TENANT',
      `Cannot publish for tenant ${JSON.stringify(name)}: ${file} has none of that name, wanted one of ${known.join(', ') || 'a [[tenant]]'}`,
    )
  }
  return {
    allowance: (handler) => publishAllowance(tenant, handler, { runtimes }),
    user: pools.find((pool) => pool.name === tenant.pool)?.user,
    signers: tenant.signers,
    storeFolder,
  }
}
