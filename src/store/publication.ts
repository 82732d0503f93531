/**
 * The life of a publication, top to bottom. Every step lives in the file its name says.
 *
 *     read -> verify [-> validate] -> harden -> compile -> probe -> store [-> sign] -> switch
 *             └────────────── publisher's process ──────────────┘          validate: of components
 *     read -> verify -> import -> store ...            of scripts with an application: the import is the publisher's process'
 *
 * Nothing is on the tenant's list before the probe has passed, and nothing is live before it is stored. `storeRelease` ends
 * before the switch.
 */
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { DEFAULT_MODULE_LIMITS } from '../wasm/limits.ts'
import { checkScripts, type ImportingRuntime } from './check-scripts.ts'
import { digestOf } from './digest.ts'
import { StoreError } from './errors.ts'
import { DEFAULT_STORE_LIMITS, type StoreLimits } from './limits.ts'
import type { HandlerLimits, Units } from './manifest.ts'
import type { PublicKey } from './public-key.ts'
import {
  noteOfScripts,
  noteOfSigned,
  noteOfStaged,
  noteOfStored,
  noteOfSwitched,
  type StepNote,
} from './publish-notes.ts'
import type { PublisherAccount, PublisherLimits, RunPublisherOptions } from './publisher-process.ts'
import type {
  FoundValue,
  ImportJob,
  ImportLimits,
  ImportMount,
  ModuleJob,
  StepReport,
} from './publisher-protocol.ts'
import { imageOf, type Release, releaseOfScripts, type StoredBytes } from './release.ts'
import type {
  CanaryOptions,
  ReleaseDraft,
  ReleaseStore,
  Stored,
  Switched,
} from './release-store.ts'
import { signRelease } from './signature.ts'
import type { SigningKey } from './signing-key.ts'
import { type OnBytes, type Staged, stageSource } from './stage-source.ts'
import { nodeFiles, type StoreFiles } from './store-files.ts'
import { Verifier } from './verifier.ts'

/** What a handler may use at most: the tenant's limits. Sizes in bytes, times in milliseconds. */
export type TenantCeiling = Readonly<Record<keyof HandlerLimits | 'functionBytes', number>>

/** What an operator who says nothing gives a tenant. */
const DEFAULT_CEILING: TenantCeiling = {
  memoryBytes: 64 * 1024 * 1024,
  cpuMs: 10_000,
  wallMs: 30_000,
  requestBodyBytes: 8 * 1024 * 1024,
  responseBodyBytes: 64 * 1024 * 1024,
  functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
}

const NOTHING_SAID: Allowance = {
  ceiling: DEFAULT_CEILING,
  env: {},
  runtimes: [],
  mounts: [],
  importLimits: { openFiles: 0, tmpBytes: 0, tmpFiles: 0, tmpDepth: 0 },
}

export type PublishStep = 'read' | StepReport['step'] | 'store' | 'sign' | 'switch'

export interface PublishProgress {
  readonly step: PublishStep
  /** What was found, for people: one line. */
  readonly note: string
  readonly found: Readonly<Record<string, FoundValue>>
  readonly ms: number
}

export interface Allowance {
  readonly ceiling: TenantCeiling
  /** The manifest's win. For the probe only: they are no part of the release. */
  readonly env: Readonly<Record<string, string>>
  /** Those of the tenant. */
  readonly runtimes: readonly ImportingRuntime[]
  /** What its scripts see beside the release. */
  readonly mounts: readonly ImportMount[]
  readonly importLimits: Omit<ImportLimits, 'memoryBytes' | 'bootMs'>
}

export interface PublishOptions {
  readonly store: ReleaseStore
  readonly tenant: string
  /** Takes the place of the manifest's name. */
  readonly handler?: string | undefined
  /** Takes the place of the manifest's routes. */
  readonly route?: string | undefined
  /** Takes the place of the manifest's runtime. */
  readonly runtime?: string | undefined
  /** Makes the release a canary instead of live. */
  readonly canary?: CanaryOptions | undefined
  /** Who signs the release. */
  readonly signingKey?: SigningKey | undefined
  /** Whose signatures the tenant demands; undefined or empty: nobody's. */
  readonly signers?: readonly PublicKey[] | undefined
  readonly units: Units
  /** What the tenant allows the handler of that name. Default: what holds when no configuration says anything else. */
  readonly allowance?: ((handler: string) => Allowance) | undefined
  readonly clock: Clock
  /** Whom the publisher's process runs as. */
  readonly account?: PublisherAccount | undefined
  readonly limits?: StoreLimits | undefined
  readonly publisherLimits?: PublisherLimits | undefined
  readonly files?: StoreFiles | undefined
  /** Called after each step. */
  readonly onStep?: ((progress: PublishProgress) => void) | undefined
  /** Called while the source is read, with the bytes so far and, where that is known, of all of it. */
  readonly onBytes?: OnBytes | undefined
  /** Called while the module is hardened, with the bytes of code so far and of all of it. */
  readonly onHardened?: OnBytes | undefined
}

/** A release that is stored, on the tenant's list, and not live by that. */
export interface StoredRelease {
  readonly release: Release
  readonly stored: Stored
}

export interface Publication extends StoredRelease {
  readonly switched: Switched
}

/** Publishes a module or a folder. Rejects with `StoreError`, or with the coded error of the step that failed. */
export async function publish(source: string, options: PublishOptions): Promise<Publication> {
  const { store, tenant, canary } = options
  refuseUnsigned(options)
  const { release, stored } = await storeRelease(source, options)
  const switched = await timed(options, 'switch', noteOfSwitched, () =>
    canary === undefined
      ? store.switchTo(tenant, stored.release)
      : store.setCanary(tenant, stored.release, canary),
  )
  return { release, stored, switched }
}

/**
 * All of publishing but the switch; a signature that the tenant demands may come later. With `canary`, refuses what could
 * not be one. Rejects as `publish` does.
 */
export async function storeRelease(
  source: string,
  options: PublishOptions,
): Promise<StoredRelease> {
  const { store, tenant } = options
  const workspace = await store.makeWorkspace()
  const verifier = new Verifier(workspace.folder, publisherOptions(options))
  try {
    const staged = await timed(options, 'read', noteOfStaged, () =>
      stageSource(source, workspace.folder, {
        files: options.files ?? nodeFiles,
        limits: options.limits ?? DEFAULT_STORE_LIMITS,
        units: options.units,
        handler: options.handler,
        route: options.route,
        runtime: options.runtime,
        onModule: () => verifier.begin(),
        ...(options.onBytes === undefined ? {} : { onBytes: options.onBytes }),
      }),
    )
    checkCeiling(staged.manifest.limits, allowanceOf(staged, options).ceiling, tenant)
    if (options.canary !== undefined) await store.checkCanary(tenant, staged.manifest)
    const draft =
      staged.module === undefined
        ? await draftScripts(staged, { verifier, options })
        : await draftModule(staged, staged.module, { folder: workspace.folder, verifier, options })
    const stored = await timed(options, 'store', noteOfStored, () => store.put(tenant, draft))
    await sign(stored, options)
    return { release: draft.release, stored }
  } finally {
    await verifier.close()
    await workspace.remove()
  }
}

interface Verifying {
  readonly verifier: Verifier
  readonly options: PublishOptions
}

async function draftModule(
  staged: Staged,
  module: StoredBytes,
  { folder, verifier, options }: Verifying & { readonly folder: string },
): Promise<ReleaseDraft> {
  const { modulePath: originalPath = '', imagePath, imageFiles, manifest } = staged
  const { done, bytes } = await verifier.verify(jobOf(staged, options))
  const hardenedPath = join(folder, 'hardened')
  await (options.files ?? nodeFiles).create(hardenedPath, bytes)
  const release: Release = {
    format: 1,
    manifest: { ...manifest, lifetime: done.lifetime },
    original: module,
    // Its digest is ours, not what the process says: see `runPublisher`.
    hardened: { ...done.hardened, digest: digestOf(bytes), bytes: bytes.length },
    image: imagePath === undefined ? undefined : imageOf(imageFiles),
  }
  return { release, originalPath, hardenedPath, imagePath, imageFiles }
}

/** There is nothing to harden: it is looked whether there are scripts, and whether an application can be imported. */
async function draftScripts(
  staged: Staged,
  { verifier, options }: Verifying,
): Promise<ReleaseDraft> {
  const { manifest, imagePath, imageFiles } = staged
  const { allowance, tenant } = options
  await timed(options, 'verify', noteOfScripts, () =>
    checkScripts(manifest, imageFiles, { tenant, runtimes: allowance?.(manifest.name).runtimes }),
  )
  const job = importJobOf(staged, options)
  if (job !== undefined) await verifier.import(job)
  return { release: releaseOfScripts(manifest, imageFiles), imagePath, imageFiles }
}

/** No worker would run it. */
function refuseUnsigned({ tenant, signingKey, signers = [] }: PublishOptions): void {
  if (signers.length === 0) return
  if (signers.some(({ text }) => text === signingKey?.publicKey.text)) return
  const actual = signingKey === undefined ? 'nobody signs' : `${signingKey.publicKey.text} signs`
  throw new StoreError(
    'STORE_UNSIGNED',
    `Cannot publish for tenant ${tenant}: ${actual}, wanted one of its signers: ${signers.map(({ text }) => text).join(', ')}`,
  )
}

async function sign({ release }: Stored, options: PublishOptions): Promise<void> {
  const { store, tenant, signingKey } = options
  if (signingKey === undefined) return
  const { publicKey } = signingKey
  await timed(
    options,
    'sign',
    () => noteOfSigned(publicKey),
    () => store.putSignature(tenant, release, signRelease(signingKey, { tenant, release })),
  )
}

function publisherOptions({
  clock,
  account,
  publisherLimits: limits,
  onStep,
  onHardened,
}: PublishOptions): RunPublisherOptions {
  return {
    ...{ clock, account, limits },
    onStep: (step) => onStep?.(step),
    onProgress: ({ done, total }) => onHardened?.(done, total),
  }
}

function allowanceOf({ manifest }: Staged, { allowance }: PublishOptions): Allowance {
  return allowance?.(manifest.name) ?? NOTHING_SAID
}

function jobOf(staged: Staged, options: PublishOptions): ModuleJob {
  const { manifest, modulePath, imagePath } = staged
  const { ceiling, env } = allowanceOf(staged, options)
  const limits = options.limits ?? DEFAULT_STORE_LIMITS
  const asked = manifest.limits
  const path = manifest.routes[0]?.path ?? '/'
  return {
    kind: 'module',
    name: `${options.tenant}/${manifest.name}`,
    modulePath: modulePath ?? '',
    imagePath: imagePath ?? null,
    abi: manifest.abi,
    lifetime: manifest.lifetime ?? null,
    env: { ...env, ...manifest.env },
    scriptName: path === '/' ? '' : path,
    probe: manifest.probe,
    limits: {
      moduleBytes: limits.moduleBytes,
      hardenedBytes: limits.hardenedBytes,
      functionBytes: ceiling.functionBytes,
      memoryBytes: asked.memoryBytes ?? ceiling.memoryBytes,
      cpuMs: asked.cpuMs ?? ceiling.cpuMs,
      wallMs: asked.wallMs ?? ceiling.wallMs,
      responseBodyBytes: asked.responseBodyBytes ?? ceiling.responseBodyBytes,
    },
  }
}

/** Undefined: there is none, or nobody knows what runs it. */
function importJobOf(
  { imagePath, manifest }: Staged,
  options: PublishOptions,
): ImportJob | undefined {
  const { app, runtime: wanted, env } = manifest
  const allowance = options.allowance?.(manifest.name)
  const runtime = allowance?.runtimes.find(({ name }) => name === wanted)
  if (app === undefined || runtime === undefined || allowance === undefined) return undefined
  const { module, memoryBytes, bootTimeoutMs: bootMs } = runtime
  return {
    kind: 'import',
    name: `${options.tenant}/${manifest.name}`,
    app,
    modulePath: module,
    imagePath: imagePath ?? '',
    env: { ...runtime.env, ...allowance.env, ...env },
    mounts: allowance.mounts,
    limits: { ...allowance.importLimits, memoryBytes, bootMs },
  }
}

function checkCeiling(asked: HandlerLimits, ceiling: TenantCeiling, tenant: string): void {
  for (const name of [
    'memoryBytes',
    'cpuMs',
    'wallMs',
    'requestBodyBytes',
    'responseBodyBytes',
  ] as const) {
    const actual = asked[name]
    const wanted = ceiling[name]
    if (actual === undefined || actual <= wanted) continue
    throw new StoreError(
      'STORE_OVER_TENANT_LIMIT',
      `Cannot publish for tenant ${tenant}: the manifest's ${name} is ${actual}, wanted at most the tenant's ${wanted}`,
      { details: { limit: name, actual, wanted } },
    )
  }
}

async function timed<Result>(
  { clock, onStep }: PublishOptions,
  step: PublishStep,
  describe: (result: Result) => StepNote,
  ...[work]: [work: () => Promise<Result>]
): Promise<Result> {
  const startMs = clock.nowMs()
  const result = await work()
  onStep?.({ step, ...describe(result), ms: clock.nowMs() - startMs })
  return result
}
