/** Releases for stores to hold, made without a publisher: what they consist of is nothing that runs. */
import { dirname, join } from 'node:path'
import { digestOf } from '../../../src/store/digest.ts'
import { readManifest } from '../../../src/store/read-manifest.ts'
import { encodeListing, type ImageFile } from '../../../src/store/release.ts'
import type { LiveHandler } from '../../../src/store/release-reader.ts'
import type {
  ReleaseDraft,
  ReleaseStore,
  Stored,
  Switched,
} from '../../../src/store/release-store.ts'
import type { StoreFiles } from '../../../src/store/store-files.ts'

export const UNITS = { size: Number, duration: Number }

export interface DraftOptions {
  /** Different contents, different release. */
  readonly module: string
  readonly handler?: string
  readonly route?: string
  /** Path to contents; default: no files. */
  readonly files?: Readonly<Record<string, string>>
  /** As it is written; default: empty. */
  readonly manifest?: Readonly<Record<string, unknown>>
}

/** Writes a draft into a workspace's folder. */
export async function makeDraft(
  files: StoreFiles,
  folder: string,
  { module, handler = 'main', route = '/', files: contents, manifest = {} }: DraftOptions,
): Promise<ReleaseDraft> {
  const original = Buffer.from(`original ${module}`)
  const hardened = Buffer.from(`hardened ${module}`)
  const [originalPath, hardenedPath] = [join(folder, 'module'), join(folder, 'hardened')]
  await files.create(originalPath, original)
  await files.create(hardenedPath, hardened)
  const imagePath = contents === undefined ? undefined : join(folder, 'image')
  const imageFiles: ImageFile[] = []
  if (imagePath !== undefined) await files.makeFolder(imagePath)
  for (const [path, text] of Object.entries(contents ?? {})) {
    const bytes = Buffer.from(text)
    if (imagePath === undefined) break
    if (path.includes('/')) await files.makeFolder(dirname(join(imagePath, path)))
    await files.create(join(imagePath, path), bytes)
    imageFiles.push({ path, digest: digestOf(bytes), bytes: bytes.length })
  }
  const bytes = imageFiles.reduce((sum, file) => sum + file.bytes, 0)
  return {
    release: {
      format: 1,
      manifest: readManifest(Buffer.from(JSON.stringify(manifest)), {
        name: handler,
        route,
        units: UNITS,
      }),
      original: { digest: digestOf(original), bytes: original.length },
      hardened: {
        digest: digestOf(hardened),
        bytes: hardened.length,
        contract: 1,
        memoryMaxBytes: 65_536,
        functionBytes: 100,
        memories: 1,
        isResettable: true,
      },
      ...(imagePath === undefined
        ? {}
        : {
            image: {
              digest: digestOf(encodeListing(imageFiles)),
              files: imageFiles.length,
              bytes,
            },
          }),
    },
    originalPath,
    hardenedPath,
    imagePath,
    imageFiles,
  }
}

/** Stores a release; nothing goes live. */
export async function store(
  into: ReleaseStore,
  files: StoreFiles,
  { tenant = 'acme', ...options }: DraftOptions & { readonly tenant?: string },
): Promise<Stored> {
  const workspace = await into.makeWorkspace()
  try {
    return await into.put(tenant, await makeDraft(files, workspace.folder, options))
  } finally {
    await workspace.remove()
  }
}

/** Stores a release and makes it live. */
export async function release(
  into: ReleaseStore,
  files: StoreFiles,
  options: DraftOptions & { readonly tenant?: string },
): Promise<Stored & Switched> {
  const stored = await store(into, files, options)
  return { ...stored, ...(await into.switchTo(options.tenant ?? 'acme', stored.release)) }
}

/** A live handler whose files are nowhere. */
export function liveHandler(changes: Partial<LiveHandler>): LiveHandler {
  const some = { digest: 'a'.repeat(64), bytes: 1 }
  return {
    tenant: 'acme',
    name: 'main',
    digest: 'e'.repeat(64),
    release: {
      format: 1,
      manifest: readManifest(new Uint8Array(0), { name: 'main', units: UNITS }),
      original: some,
      hardened: {
        ...some,
        contract: 1,
        memoryMaxBytes: 65_536,
        functionBytes: 100,
        memories: 1,
        isResettable: true,
      },
    },
    hardenedPath: '/nowhere/hardened',
    originalPath: '/nowhere/original',
    imageRoot: undefined,
    statics: [],
    sinceMs: 0,
    canary: undefined,
    ...changes,
  }
}
