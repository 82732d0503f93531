/**
 * Whether an application can be imported: the runtime is started with the release's files, as each worker will, and nothing of that is
 * kept. To the tenant's folders it cannot write, as it can in a worker. An import that fails after it has tried to is run again with copies
 * of them, in memory, which it may write to; only where these are too large, or cannot be read, it is not known whether it fails.
 */
import { randomFillSync } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { CodedError, toWire } from '../base/errors.ts'
import { openFile } from '../base/opened-file.ts'
import { processUser } from '../base/process-user.ts'
import { tryImport, variablesOfImport } from '../guest/boot.ts'
import { contractProblem } from '../guest/guest-contract.ts'
import {
  checkModuleBytes,
  type GuestModule,
  RUNTIME_FUNCTION_BYTES,
  TABLE_LIMITS,
} from '../guest/guest-module.ts'
import { digestOf } from '../store/digest.ts'
import type { FoundValue, ImportJob } from '../store/publisher-protocol.ts'
import { DeviceDirectory } from '../wasi/device-directory.ts'
import { openHostDirectory } from '../wasi/host-directory.ts'
import { ImageCache } from '../wasi/image-cache.ts'
import { ImageDirectory } from '../wasi/image-directory.ts'
import { createScratchDirectory } from '../wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS, type MemoryLimits } from '../wasi/memory-quota.ts'
import { MountPlan } from '../wasi/mount-tree.ts'
import { DEFAULT_WASI_LIMITS, type Preopen } from '../wasi/session.ts'
import { harden } from '../wasm/harden-module.ts'
import { importMemories } from '../wasm/import-memories.ts'
import { readInterface } from '../wasm/module-interface.ts'
import { PublisherError } from './errors.ts'
import { CopiedFolders, WatchedFolders, type WritableFolders } from './writable-folders.ts'

/** Where workers show the files of a release. */
const ROOT = '/app'

export interface ImportResult {
  readonly app: string
  /** Why that is not known; undefined: it can be imported. */
  readonly unknown: string | undefined
}

/** Rejects with PUBLISHER_NO_APPLICATION. */
export async function importApplication(job: ImportJob, clock: Clock): Promise<ImportResult> {
  const { app } = job
  try {
    const runtime = await readRuntime(job)
    const folders = new WatchedFolders()
    const failed = await failureOf(runtime, job, clock, folders)
    if (failed === undefined) return { app, unknown: undefined }
    if (folders.refused.size === 0) throw refusal(job, failed)
    const copies = new CopiedFolders(clock, job.limits)
    const failedAgain = await failureOf(runtime, job, clock, copies)
    if (copies.isTooSmall) return { app, unknown: [...folders.refused].join(', ') }
    if (failedAgain === undefined) return { app, unknown: undefined }
    throw refusal(job, failedAgain)
  } catch (error) {
    const { code, message } = toWire(error)
    if (code === 'PUBLISHER_NO_APPLICATION') throw error
    return { app, unknown: message }
  }
}

/** GUEST_NO_APPLICATION, or undefined when it can be imported. Rejects where that is not known. */
async function failureOf(
  runtime: GuestModule,
  job: ImportJob,
  clock: Clock,
  folders: WritableFolders,
): Promise<unknown> {
  const { app, limits } = job
  try {
    await tryImport(runtime, {
      clock,
      application: { name: app, root: ROOT },
      cpuMs: limits.bootMs,
      wallMs: limits.bootMs,
      grants: {
        env: Object.entries({
          ...processUser(),
          ...job.env,
          ...variablesOfImport({ name: app, root: ROOT }),
        }).map((entry) => Buffer.from(entry.join('='))),
        preopens: treeOf(job, clock, folders),
        random: (into) => void randomFillSync(into),
        limits: { ...DEFAULT_WASI_LIMITS, openFiles: limits.openFiles },
      },
    })
    return undefined
  } catch (error) {
    if (toWire(error).code !== 'GUEST_NO_APPLICATION') throw error
    return error
  }
}

function refusal({ app, name }: ImportJob, error: unknown): PublisherError {
  const { details } = toWire(error)
  const actual = String(details['actual']).replace(`(${ROOT}/`, '(')
  return new PublisherError(
    'PUBLISHER_NO_APPLICATION',
    `Cannot publish ${name}: its application "${app}" cannot be imported: ${actual}, wanted one that the workers can import`,
    { cause: error, details: { app, actual, said: String(details['said']) } },
  )
}

export function foundByImport({ app, unknown }: ImportResult): {
  readonly note: string
  readonly found: Readonly<Record<string, FoundValue>>
} {
  const note =
    unknown === undefined
      ? `${app} can be imported`
      : `whether ${app} can be imported is seen in the workers' log: ${unknown}`
  return { note, found: { app, isImported: unknown === undefined, reason: unknown ?? null } }
}

/** As a worker compiles it, but for what only serves requests. */
async function readRuntime({ modulePath, limits }: ImportJob): Promise<GuestModule> {
  using file = openFile(modulePath)
  checkModuleBytes(file.stats.size)
  const whole = new Uint8Array(file.stats.size)
  const bytes = whole.subarray(0, await file.fill(whole))
  const { memoryBytes: memoryMaxBytes } = limits
  const hardened = harden(bytes, {
    memoryMaxBytes,
    ...TABLE_LIMITS,
    limits: { functionBytes: RUNTIME_FUNCTION_BYTES },
  })
  const contract = readInterface(hardened.bytes)
  const problem = contractProblem(contract, 'reactor')
  if (problem !== undefined)
    throw new CodedError('GUEST_WRONG_CONTRACT', `${modulePath} cannot be run: ${problem}`)
  const { bytes: runnable, memories } = importMemories(hardened.bytes)
  return {
    digest: digestOf(hardened.bytes),
    name: modulePath,
    module: await WebAssembly.compile(runnable),
    wasiNames: new Set(contract.imports.map((entry) => entry.name)),
    memories,
    memoryMaxBytes,
    images: [],
    isResettable: false, // it runs once
  }
}

function treeOf({ imagePath, limits, mounts }: ImportJob, clock: Clock, folders: WritableFolders) {
  const { tmpBytes: bytes, tmpFiles: files, tmpDepth: depth } = limits
  const scratch: MemoryLimits = { ...DEFAULT_MEMORY_LIMITS, bytes, files, depth }
  const tree = new MountPlan([ROOT, '/tmp', '/dev', ...mounts.map(({ guest }) => guest)]).open([
    new ImageDirectory(imagePath, new ImageCache()),
    createScratchDirectory(clock, scratch),
    new DeviceDirectory((into) => randomFillSync(into)),
    ...mounts.map(({ guest, host, isWritable }) => {
      if (host === null) return createScratchDirectory(clock, scratch)
      return isWritable ? folders.open(host, guest) : openHostDirectory(host, { writable: false })
    }),
  ])
  return [{ guestPath: '/', directory: tree, isWhole: true }] satisfies readonly Preopen[]
}
