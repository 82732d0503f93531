/** Sends a module, or a folder with a handler, to a registry. The same folder gives the same digest. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OpenedFile } from '../base/opened-file.ts'
import { encodeConfig, encodeManifest, type NewArtifact } from './artifact-manifest.ts'
import type { RequestBody } from './connections.ts'
import { OciError, ociFileError, ociLimitError } from './errors.ts'
import { DEFAULT_OCI_LIMITS, type OciLimits } from './limits.ts'
import { IMAGE_MANIFEST } from './media-types.ts'
import { badSource, openPlain, packArchive } from './pack-archive.ts'
import { type PushSource, readSource } from './read-source.ts'
import { parseReference, type Reference } from './reference.ts'
import { type BlobName, type Digest, DigestMaker, digestOf } from './registry-digest.ts'
import { withRetries } from './retries.ts'
import { type Transfer, type TransferOptions, withTransfer } from './transfer.ts'

export interface PushOptions extends TransferOptions {
  /** When it was made, in milliseconds since 1970; default: 1970, so that the same folder gives the same digest. */
  readonly createdMs?: number | undefined
  /** Of the manifest; these win over our own. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** Leaves the manifest and the files out, for tools that want an artifact with one layer. */
  readonly moduleOnly?: boolean | undefined
}

export interface PushedArtifact {
  /** Of the manifest. */
  readonly digest: Digest
  /** Of all that the artifact is made of but its manifest, whether the registry had it or not. */
  readonly bytes: number
  /** How many of these it had. */
  readonly sharedBytes: number
}

export interface PushedBlob extends BlobName {
  readonly body: RequestBody
}

/** `source`: a module or a folder. `text`: `oci://...` with a tag. Rejects with `OciError`. */
export async function pushArtifact(
  source: string,
  text: string,
  options: PushOptions,
): Promise<PushedArtifact> {
  const reference = parseReference(text)
  const tag = tagToPush(reference, text)
  const limits = options.limits ?? DEFAULT_OCI_LIMITS
  const found = await readSource(source, limits)
  const folder = await mkdtemp(join(tmpdir(), 'wasm-fpm-push-')).catch((cause: unknown) => {
    throw ociFileError('make a temporary folder', cause)
  })
  try {
    const { artifact, blobs } = await makeArtifact(found, folder, { ...options, limits })
    const config = bytesBlob(encodeConfig(artifact))
    return await withTransfer(reference, 'pull,push', options, (transfer) =>
      push(tag, [...blobs, config], { transfer, manifest: encodeManifest(artifact, config) }),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A digest cannot be chosen: it comes of what is pushed. */
function tagToPush({ tag, digest }: Reference, text: string): string {
  if (tag !== undefined && digest === undefined) return tag
  throw new OciError(
    'OCI_BAD_REFERENCE',
    `Cannot push to ${JSON.stringify(text)}: it has a digest, wanted a tag`,
  )
}

interface MadeArtifact {
  readonly artifact: NewArtifact
  readonly blobs: readonly PushedBlob[]
}

async function makeArtifact(
  { folder: source, modulePath, moduleTitle, files }: PushSource,
  folder: string,
  options: PushOptions & { readonly limits: OciLimits },
): Promise<MadeArtifact> {
  const { limits, createdMs = 0, annotations = {}, moduleOnly = false } = options
  const module = await readModule(openPlain(modulePath, source), { path: modulePath, limits })
  const hasArchive = files.length > 0 && !moduleOnly
  const archivePath = join(folder, 'archive')
  const archive = hasArchive ? await packArchive(files, archivePath) : undefined
  if (archive !== undefined && archive.size > limits.archiveBytes) {
    const wanted = limits.archiveBytes
    throw ociLimitError('push the files', { limit: 'archiveBytes', actual: archive.size, wanted })
  }
  return {
    artifact: {
      module: { ...module, title: moduleTitle },
      archive,
      created: new Date(createdMs).toISOString(),
      annotations,
    },
    blobs: [
      fileBlob(modulePath, module, source),
      ...(archive === undefined ? [] : [fileBlob(archivePath, archive)]),
    ],
  }
}

async function readModule(
  file: OpenedFile,
  { path, limits }: { readonly path: string; readonly limits: OciLimits },
): Promise<BlobName> {
  const maker = new DigestMaker()
  for await (const chunk of chunksOf(file)) {
    if (maker.bytes === 0) refuseOther(path, chunk)
    maker.add(chunk)
    const limit = { limit: 'moduleBytes', actual: maker.bytes, wanted: limits.moduleBytes }
    if (maker.bytes > limits.moduleBytes) throw ociLimitError(`push ${path}`, limit)
  }
  if (maker.bytes === 0) throw badSource(path, 'is empty', 'a WebAssembly module')
  return { digest: maker.digest(), size: maker.bytes }
}

/** `\0asm`, version 1. */
const MODULE_START = Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
const COMPONENT_START = Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00])

function refuseOther(path: string, bytes: Uint8Array): void {
  const start = bytes.subarray(0, MODULE_START.length)
  if (MODULE_START.equals(start)) return
  const actual = COMPONENT_START.equals(start) ? 'is a component' : 'is something else'
  throw badSource(path, actual, 'a WebAssembly module, version 1')
}

interface PushWork {
  readonly transfer: Transfer
  readonly manifest: Uint8Array
}

async function push(
  tag: string,
  blobs: readonly PushedBlob[],
  { transfer, manifest }: PushWork,
): Promise<PushedArtifact> {
  const { client, progress } = transfer
  const bytes = blobs.reduce((sum, { size }) => sum + size, 0)
  progress.expect(bytes)
  let sharedBytes = 0
  for (const blob of blobs) {
    if (await pushBlob(blob, transfer)) sharedBytes += blob.size
  }
  // Last: a manifest must not name what is not there.
  const digest = await withRetries(transfer, () =>
    client.putManifest(tag, manifest, IMAGE_MANIFEST),
  )
  return { digest, bytes, sharedBytes }
}

/** Answers whether the registry had it already. */
export async function pushBlob(blob: PushedBlob, transfer: Transfer): Promise<boolean> {
  const { client, progress } = transfer
  return await withRetries(transfer, async () => {
    if (await client.hasBlob(blob)) {
      progress.add(blob.size)
      return true
    }
    let bytes = 0
    const open = async function* (): AsyncGenerator<Uint8Array> {
      progress.add(-bytes)
      bytes = 0
      for await (const chunk of blob.body.open()) {
        yield chunk
        bytes += chunk.length
        progress.add(chunk.length)
      }
    }
    try {
      await client.putBlob(blob, { bytes: blob.size, open })
      return false
    } catch (cause) {
      progress.add(-bytes)
      throw cause
    }
  })
}

export function bytesBlob(bytes: Uint8Array): PushedBlob {
  const open = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes
  }
  const size = bytes.length
  return { digest: digestOf(bytes), size, body: { bytes: size, open } }
}

/** `within`: as for `openPlain`. */
function fileBlob(path: string, { digest, size }: BlobName, within?: string): PushedBlob {
  const open = (): AsyncIterable<Uint8Array> => exactly(path, size, within)
  return { digest, size, body: { bytes: size, open } }
}

/** A file that has changed since its digest was taken is not sent any further. */
async function* exactly(path: string, size: number, within?: string): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of chunksOf(openPlain(path, within))) {
    bytes += chunk.length
    if (bytes > size) break
    yield chunk
  }
  if (bytes !== size)
    throw badSource(path, 'changed while it was pushed', 'a file that stays the same')
}

const CHUNK_BYTES = 64 * 1024

/** Closes it at the end. */
async function* chunksOf(opened: OpenedFile): AsyncGenerator<Uint8Array> {
  using file = opened
  for (;;) {
    const buffer = new Uint8Array(CHUNK_BYTES)
    const bytesRead = await file.read(buffer)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}
