/**
 * Publishing a signed release through a server. The private key stays here, and so does the judgement of what it signs: the
 * release's digest is made here, of what was sent and hardened here as well, and compared with what the server says. A server
 * in the wrong hands gets no signature of anything else.
 *
 *     client                                   server
 *     source  ------------------------------>  read, verify, harden, compile, probe, store
 *     the same digest?  <--------------------  digest
 *     signature  --------------------------->  sign
 *     switch  ------------------------------>  switch
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AdminError } from '../admin/errors.ts'
import { systemClock } from '../base/clock.ts'
import { parseDuration, parseSize } from '../config/units.ts'
import { TABLE_LIMITS } from '../guest/guest-module.ts'
import { type Digest, digestOf } from '../store/digest.ts'
import { DEFAULT_STORE_LIMITS } from '../store/limits.ts'
import type { PublishStep } from '../store/publication.ts'
import { noteOfSigned, noteOfSwitched, type StepNote } from '../store/publish-notes.ts'
import { encodeRelease, imageOf, releaseOfScripts } from '../store/release.ts'
import type { Switched } from '../store/release-store.ts'
import { signRelease } from '../store/signature.ts'
import type { SigningKey } from '../store/signing-key.ts'
import { type Staged, stageSource } from '../store/stage-source.ts'
import { nodeFiles } from '../store/store-files.ts'
import type { OnCode } from '../wasm/code-progress.ts'
import { CONTRACT_VERSION } from '../wasm/contract.ts'
import { harden } from '../wasm/harden-module.ts'
import { MAX_FUNCTION_BYTES } from '../wasm/limits.ts'
import {
  putSignatureRemote,
  type Remote,
  type RemotePublishOptions,
  type RemoteStored,
  storeRemote,
  switchRemote,
} from './remote.ts'

export interface SignedPublishOptions extends RemotePublishOptions {
  readonly signingKey: SigningKey
}

export interface SignedPublication {
  readonly stored: RemoteStored
  readonly switched: Switched
}

/** Rejects with ADMIN_OTHER_RELEASE, and signs nothing, when the server has stored something else than was sent. */
export async function storeSignedRemote(
  source: string,
  remote: Remote,
  options: SignedPublishOptions,
): Promise<RemoteStored> {
  const { tenant, signingKey } = options
  const folder = await mkdtemp(join(tmpdir(), 'wasm-fpm-sign-'))
  try {
    const staged = await stage(source, folder, options)
    const stored = await storeRemote(source, remote, options)
    await timed(
      options,
      'sign',
      () => noteOfSigned(signingKey.publicKey),
      async () => {
        const release = await digestHere(staged, stored, options.onHardened)
        if (release !== stored.release) throw otherRelease(stored, release)
        const signed = { tenant, release }
        await putSignatureRemote(remote, signed, signRelease(signingKey, signed))
      },
    )
    return stored
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The same, and the switch. */
export async function publishSignedRemote(
  source: string,
  remote: Remote,
  options: SignedPublishOptions,
): Promise<SignedPublication> {
  const { tenant, canary } = options
  const stored = await storeSignedRemote(source, remote, options)
  const { release } = stored
  const switched = await timed(options, 'switch', noteOfSwitched, () =>
    switchRemote(remote, { tenant, release }, canary),
  )
  return { stored, switched }
}

/** What is sent is read a second time: a file that changes in between makes another digest. */
function stage(
  source: string,
  folder: string,
  { handler, route, runtime }: SignedPublishOptions,
): Promise<Staged> {
  return stageSource(source, folder, {
    files: nodeFiles,
    limits: DEFAULT_STORE_LIMITS,
    units: { size: parseSize, duration: parseDuration },
    ...{ handler, route, runtime },
  })
}

/** The digest of the release that `staged` makes. The server decides on nothing but the memory it may have. */
async function digestHere(
  { manifest, module, modulePath = '', imagePath, imageFiles }: Staged,
  { memoryMaxBytes: tenantsBytes }: RemoteStored,
  onCode: OnCode | undefined,
): Promise<Digest> {
  if (module === undefined) return encodeRelease(releaseOfScripts(manifest, imageFiles)).digest
  const memoryMaxBytes = manifest.limits.memoryBytes ?? tenantsBytes
  // The server has let it in.
  const limits = { functionBytes: MAX_FUNCTION_BYTES }
  const options = { memoryMaxBytes, ...TABLE_LIMITS, limits, onCode }
  const { bytes, report } = harden(await readFile(modulePath), options)
  const { isPossible } = report.reset
  const { digest } = encodeRelease({
    format: 1,
    manifest: { ...manifest, lifetime: manifest.lifetime ?? (isPossible ? 'reset' : 'fresh') },
    original: module,
    hardened: {
      digest: digestOf(bytes),
      bytes: bytes.length,
      contract: CONTRACT_VERSION,
      memoryMaxBytes,
      functionBytes: report.largestFunctionBytes,
      memories: report.memoryMaxBytes.length,
      isResettable: isPossible,
    },
    image: imagePath === undefined ? undefined : imageOf(imageFiles),
  })
  return digest
}

async function timed<Result>(
  { onStep }: SignedPublishOptions,
  step: PublishStep,
  describe: (result: Result) => StepNote,
  ...[work]: [work: () => Promise<Result>]
): Promise<Result> {
  const startMs = systemClock.nowMs()
  const result = await work()
  onStep?.({ step, ...describe(result), ms: systemClock.nowMs() - startMs })
  return result
}

function otherRelease({ release, tenant }: RemoteStored, here: Digest): AdminError {
  return new AdminError(
    'ADMIN_OTHER_RELEASE',
    `Cannot sign for tenant ${tenant}: the server has stored release ${release}, and what was sent makes ${here}; wanted the same (of the same version of wasm-fpm, and of files that nobody changes meanwhile)`,
    { details: { release, here } },
  )
}
