/** Brings an artifact from a registry into a folder: what `publish` takes comes of it, or nothing stays behind. */

import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCodeOf } from '../base/errors.ts'
import { type ArtifactLayers, chooseFromIndex, chooseLayers } from './artifact-manifest.ts'
import { OciError, ociFileError, printable } from './errors.ts'
import { isInnerPath } from './inner-path.ts'
import { nameOfReference, parseReference, type Reference } from './reference.ts'
import type { FetchedManifest } from './registry-client.ts'
import type { BlobName, Digest } from './registry-digest.ts'
import { withRetries } from './retries.ts'
import { type Transfer, type TransferOptions, withTransfer } from './transfer.ts'
import { Unpacker } from './unpack-archive.ts'

export interface PulledArtifact {
  /** Of the manifest; with it the same artifact can be had again. */
  readonly digest: Digest
  /** In the folder: a module, or a folder with one, its files and its manifest; named after the repository. */
  readonly path: string
  /** Of all layers, as they travelled. */
  readonly bytes: number
}

/**
 * `text`: `oci://...`. `folder`: there, and nobody else's. Rejects with `OciError`; nothing new is in the folder then.
 */
export async function pullArtifact(
  text: string,
  folder: string,
  options: TransferOptions,
): Promise<PulledArtifact> {
  const reference = parseReference(text)
  const work = join(folder, `.${nameOfReference(reference)}.part`)
  return await withTransfer(reference, 'pull', options, async (transfer) => {
    try {
      await mkdir(work)
      return await pull(reference, { folder, work, transfer })
    } catch (cause) {
      throw ociFileError(`pull into ${folder}`, cause)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  })
}

interface Place {
  /** Where the artifact is to be. */
  readonly folder: string
  /** Where it is made. */
  readonly work: string
  readonly transfer: Transfer
}

async function pull(reference: Reference, place: Place): Promise<PulledArtifact> {
  const { folder, work, transfer } = place
  const fetched = await fetchManifest(reference, transfer)
  const layers = chooseLayers(fetched, transfer.limits)
  const { module, archives } = layers
  const all = [...archives, ...(module === undefined ? [] : [module])]
  const bytes = all.reduce((sum, { size }) => sum + size, 0)
  transfer.progress.expect(bytes)
  const name = nameOfReference(reference)
  if (module !== undefined && archives.length === 0) {
    const from = join(work, 'module')
    await download(module, from, transfer)
    const path = join(folder, name.endsWith('.wasm') ? name : `${name}.wasm`)
    await moveNew(from, path)
    return { digest: fetched.digest, path, bytes }
  }
  const made = join(work, 'folder')
  await mkdir(made)
  await fill(made, layers, place)
  const path = join(folder, name)
  await moveNew(made, path)
  return { digest: fetched.digest, path, bytes }
}

/** The digest in the reference wins over its tag; an index gives way to what it has for us. */
async function fetchManifest(reference: Reference, transfer: Transfer): Promise<FetchedManifest> {
  const { client } = transfer
  const version = reference.digest ?? reference.tag ?? 'latest'
  const first = await withRetries(transfer, () => client.getManifest(version))
  const chosen = chooseFromIndex(first)
  if (chosen === undefined) return first
  return await withRetries(transfer, () => client.getManifest(chosen.digest))
}

async function fill(
  made: string,
  { module, archives }: ArtifactLayers,
  place: Place,
): Promise<void> {
  const { work, transfer } = place
  const unpacker = new Unpacker(made, transfer.limits)
  const part = join(work, 'archive')
  for (const archive of archives) {
    await download(archive, part, transfer)
    await unpacker.unpack(part)
    await rm(part)
  }
  if (module === undefined) return
  const title = module.title ?? 'module.wasm'
  if (!isInnerPath(title) || Buffer.byteLength(title) > transfer.limits.pathBytes) {
    throw new OciError(
      'OCI_BAD_MANIFEST',
      `Cannot place the module: its title is ${JSON.stringify(printable(title))}, wanted a path inside the artifact`,
    )
  }
  const from = join(work, 'module')
  await download(module, from, transfer)
  const to = join(made, title)
  try {
    await mkdir(dirname(to), { recursive: true })
    await moveNew(from, to)
  } catch (cause) {
    if (!['EEXIST', 'ENOTDIR'].includes(systemCodeOf(cause))) throw cause
    throw new OciError(
      'OCI_BAD_ARCHIVE',
      `Cannot place the module: ${JSON.stringify(printable(title))} is in the archive as well, wanted it once`,
    )
  }
}

/** Downloads a blob into the file `to`; what of an earlier try is there is written over. */
async function download(blob: BlobName, to: string, transfer: Transfer): Promise<void> {
  const { client, progress } = transfer
  await withRetries(transfer, async () => {
    const file = await open(to, 'w')
    let bytes = 0
    try {
      for await (const chunk of client.getBlob(blob)) {
        await file.writeFile(chunk)
        bytes += chunk.length
        progress.add(chunk.length)
      }
    } catch (cause) {
      progress.add(-bytes)
      throw cause
    } finally {
      await file.close()
    }
  })
}

/** Renames; `to` must not be there, and nobody else is about to make it. */
async function moveNew(from: string, to: string): Promise<void> {
  await (await open(to, 'wx')).close()
  await rm(to)
  await rename(from, to)
}
