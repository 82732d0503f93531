/**
 * Takes what is to be published into a workspace: a module, its manifest, its files. Everything is looked at through
 * descriptors that follow no link, read once, and counted as it is read, so that what was checked is what is stored.
 */

import { createHash } from 'node:crypto'
import { lstat, opendir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemCodeOf } from '../base/errors.ts'
import { openWithin } from '../base/open-within.ts'
import { OpenError, type OpenedFile } from '../base/opened-file.ts'
import { StoreError, storeFileError, storeLimitError } from './errors.ts'
import type { StoreLimits } from './limits.ts'
import type { Manifest, Units } from './manifest.ts'
import { MANIFEST_FILES, type ManifestFile, parseManifest } from './manifest-file.ts'
import { measureFile, measureTree } from './measure-source.ts'
import { readManifest } from './read-manifest.ts'
import type { ImageFile, StoredBytes } from './release.ts'
import type { StoreFiles } from './store-files.ts'

export interface StageOptions {
  readonly files: StoreFiles
  readonly limits: StoreLimits
  readonly units: Units
  /** Takes the place of the manifest's. */
  readonly handler?: string | undefined
  readonly route?: string | undefined
  readonly runtime?: string | undefined
  /** Called as bytes are read, with their number so far, and how many there will be where that is known. */
  readonly onBytes?: OnBytes
  /** Called before a module is read, and waited for: it is none of scripts. */
  readonly onModule?: () => Promise<void>
}

export type OnBytes = (bytes: number, total: number | undefined) => void

export interface Staged {
  readonly manifest: Manifest
  /** Where it is; undefined: there are scripts. */
  readonly modulePath: string | undefined
  readonly module: StoredBytes | undefined
  /** A folder; undefined: no files. */
  readonly imagePath: string | undefined
  readonly imageFiles: readonly ImageFile[]
}

/** At the top of a folder of scripts; where nothing names another folder, all but these is in it. */
export const NO_SCRIPTS: ReadonlySet<string> = new Set([
  ...Object.values(MANIFEST_FILES),
  ...['.git', '.hg', '.svn'],
])

const CHUNK_BYTES = 256 * 1024

/**
 * `source`: a module, or a folder with a manifest or exactly one module. `folder`: the workspace's. Rejects with
 * STORE_BAD_FILE, STORE_BAD_MANIFEST, STORE_LIMIT_EXCEEDED, STORE_UNREADABLE.
 */
export async function stageSource(
  source: string,
  folder: string,
  options: StageOptions,
): Promise<Staged> {
  const { limits, files } = options
  const place = await locate(source, limits)
  const { bytes, file } = place.isFolder ? await findManifest(place.folder, limits) : NO_MANIFEST
  const asked = readManifest(bytes, {
    file,
    name: options.handler ?? handlerNameOf(place.isFolder ? basename(place.folder) : place.module),
    route: options.route,
    runtime: options.runtime,
    units: options.units,
    limits,
  })
  const manifest = options.handler === undefined ? asked : { ...asked, name: options.handler }
  if (manifest.runtime !== undefined) return stageScripts(manifest, place, { folder, ...options })
  const inner = manifest.module ?? place.module
  await options.onModule?.()
  const modulePath = join(folder, 'module')
  const moduleFile = join(place.folder, inner)
  await refuseLinksAbove(place.folder, inner)
  const filesFolder = manifest.files === undefined ? undefined : join(place.folder, manifest.files)
  const { onBytes } = options
  const total =
    onBytes === undefined ? undefined : await measure(moduleFile, filesFolder, limits.files)
  const intake = new Intake(files, limits, (bytes) => onBytes?.(bytes, total))
  const module = await intake.copy([place.folder, inner], modulePath, 'moduleBytes')
  if (manifest.files === undefined) {
    return { manifest, modulePath, module, imagePath: undefined, imageFiles: [] }
  }
  await refuseLinksAbove(place.folder, `${manifest.files}/.`)
  const imagePath = join(folder, 'image')
  const imageFiles = await intake.copyTree([place.folder, manifest.files], imagePath)
  refuseEmptyStatics(manifest, imageFiles)
  return { manifest, modulePath, module, imagePath, imageFiles }
}

/** All of it is files. */
async function stageScripts(
  manifest: Manifest,
  { folder: source, isFolder }: Place,
  { files, folder, limits, onBytes }: StageOptions & { readonly folder: string },
): Promise<Staged> {
  if (!isFolder) throw badFile(source, 'is a file', 'a folder of scripts, because of its runtime')
  const inner = manifest.files ?? ''
  if (manifest.files !== undefined) await refuseLinksAbove(source, `${inner}/.`)
  const from = join(source, inner)
  const total = onBytes === undefined ? undefined : await measureTree(from, limits.files)
  const intake = new Intake(files, limits, (bytes) => onBytes?.(bytes, total))
  const imagePath = join(folder, 'image')
  const skipped = manifest.files === undefined ? NO_SCRIPTS : undefined
  const imageFiles = await intake.copyTree([source, inner], imagePath, skipped)
  refuseEmptyStatics(manifest, imageFiles)
  return { manifest, modulePath: undefined, module: undefined, imagePath, imageFiles }
}

/** A folder that is not there is more likely a slip of the pen than meant. */
function refuseEmptyStatics({ statics }: Manifest, imageFiles: readonly ImageFile[]): void {
  for (const { folder } of statics ?? []) {
    if (folder === undefined) continue
    if (imageFiles.some(({ path }) => path.startsWith(`${folder}/`))) continue
    throw new StoreError(
      'STORE_BAD_MANIFEST',
      `Cannot serve "static" files from ${JSON.stringify(folder)}: there are none in it, wanted a folder below that of "files"`,
    )
  }
}

async function measure(
  module: string,
  filesFolder: string | undefined,
  maxFiles: number,
): Promise<number | undefined> {
  const own = await measureFile(module)
  const others = filesFolder === undefined ? 0 : await measureTree(filesFolder, maxFiles)
  return own === undefined || others === undefined ? undefined : own + others
}

interface Place {
  readonly isFolder: boolean
  readonly folder: string
  /** The module when the manifest names none. */
  readonly module: string
}

async function locate(source: string, limits: StoreLimits): Promise<Place> {
  try {
    // What is named on the command line may be a link: whoever names it knows what it means.
    const path = await realpath(source)
    if (!(await stat(path)).isDirectory()) {
      return { isFolder: false, folder: dirname(path), module: basename(path) }
    }
    return { isFolder: true, folder: path, module: await onlyModule(path, limits.files) }
  } catch (cause) {
    throw unreadable(source, cause)
  }
}

/** Empty: there is no module, or more than one. */
async function onlyModule(folder: string, maxEntries: number): Promise<string> {
  let found = ''
  let entries = 0
  for await (const { name } of await opendir(folder)) {
    entries += 1
    if (entries > maxEntries) {
      const limits = { limit: 'files', actual: entries, wanted: maxEntries }
      throw storeLimitError(`look for a module in ${folder}`, limits)
    }
    if (!name.endsWith('.wasm')) continue
    if (found !== '') return ''
    found = name
  }
  return found
}

interface FoundManifest {
  readonly file: ManifestFile
  readonly bytes: Uint8Array
}

const NO_MANIFEST: FoundManifest = { file: MANIFEST_FILES.json, bytes: new Uint8Array(0) }

/** Rejects with STORE_BAD_MANIFEST when both files have one. */
async function findManifest(folder: string, limits: StoreLimits): Promise<FoundManifest> {
  const { json, toml } = MANIFEST_FILES
  const inJson = await readManifestFile(folder, json, limits)
  const inToml = await readManifestFile(folder, toml, limits)
  // Too long a file is none yet: the reader of the manifest says so.
  const isManifest =
    inToml !== undefined &&
    (inToml.length > limits.manifestBytes || parseManifest(inToml, toml) !== undefined)
  if (!isManifest) return inJson === undefined ? NO_MANIFEST : { file: json, bytes: inJson }
  if (inJson === undefined) return { file: toml, bytes: inToml }
  throw new StoreError(
    'STORE_BAD_MANIFEST',
    `Cannot publish ${folder}: it has ${json} and a [handler] table in ${toml}, wanted one of them`,
  )
}

/** Undefined: there is none. */
async function readManifestFile(
  folder: string,
  name: ManifestFile,
  limits: StoreLimits,
): Promise<Uint8Array | undefined> {
  try {
    using file = openPlain(folder, name)
    // One byte more than may be: the reader of the manifest says what is wrong.
    const bytes = new Uint8Array(Math.min(file.stats.size, limits.manifestBytes + 1))
    return bytes.subarray(0, await file.fill(bytes))
  } catch (error) {
    if (error instanceof StoreError && error.details['systemCode'] === 'ENOENT') return undefined
    throw unreadable(join(folder, name), error)
  }
}

/** The folders between `folder` and the last part of `inner` must not be links out of it. */
async function refuseLinksAbove(folder: string, inner: string): Promise<void> {
  if (inner === '') {
    throw new StoreError(
      'STORE_BAD_MANIFEST',
      `Cannot publish ${folder}: it has no module or several, wanted one .wasm file, "module" in the manifest, or "runtime" for a folder of scripts`,
    )
  }
  const parts = inner.split('/').slice(0, -1)
  for (let count = 1; count <= parts.length; count += 1) {
    const path = join(folder, ...parts.slice(0, count))
    const stats = await lstat(path).catch((cause: unknown) => {
      throw unreadable(path, cause)
    })
    if (!stats.isDirectory()) throw badFile(path, 'is no folder', 'a folder, not a link to one')
  }
}

class Intake {
  readonly #files: StoreFiles
  readonly #limits: StoreLimits
  readonly #onBytes: (bytes: number) => void
  #bytes = 0
  #imageBytes = 0
  #folders = 0

  constructor(files: StoreFiles, limits: StoreLimits, onBytes: (bytes: number) => void) {
    this.#files = files
    this.#limits = limits
    this.#onBytes = onBytes
  }

  /** Copies one file, which may have as many bytes as `limit` says. `place`: a folder, and where in it. */
  async copy(
    place: readonly [folder: string, inner: string],
    to: string,
    limit: 'moduleBytes' | 'fileBytes',
  ): Promise<StoredBytes> {
    const from = join(...place)
    using file = openPlain(...place)
    const before = file.stats
    this.#checkSize(from, limit, before.size)
    const hash = createHash('sha256')
    let bytes = 0
    const chunks = async function* (this: Intake): AsyncGenerator<Uint8Array> {
      for (;;) {
        const buffer = new Uint8Array(CHUNK_BYTES)
        const bytesRead = await file.read(buffer)
        if (bytesRead === 0) return
        const chunk = buffer.subarray(0, bytesRead)
        bytes += bytesRead
        // A file that grows while it is read is stopped here.
        this.#checkSize(from, limit, bytes)
        this.#bytes += bytesRead
        this.#onBytes(this.#bytes)
        hash.update(chunk)
        yield chunk
      }
    }
    await this.#files.create(to, chunks.call(this))
    const after = await file.stat()
    if (after.mtimeMs !== before.mtimeMs || after.size !== bytes) {
      throw badFile(from, 'changed while it was read', 'a file that stays the same')
    }
    return { digest: hash.digest('hex'), bytes }
  }

  /** Copies all that is in a folder, but for what has one of the names `skipped`. `place`: as for `copy`, so that no link is followed below its first part. */
  async copyTree(
    [source, folder]: readonly [folder: string, inner: string],
    to: string,
    skipped?: ReadonlySet<string>,
  ): Promise<readonly ImageFile[]> {
    const from = join(source, folder)
    const found: ImageFile[] = []
    const visit = async (inner: string, depth: number): Promise<void> => {
      this.#folders += 1
      this.#check(from, 'folders', this.#folders)
      this.#check(join(from, inner), 'pathDepth', depth)
      await this.#files.makeFolder(join(to, inner))
      for await (const entry of await openFolder(join(from, inner))) {
        if (inner === '' && skipped?.has(entry.name) === true) continue
        const path = inner === '' ? entry.name : `${inner}/${entry.name}`
        this.#check(join(from, path), 'pathBytes', Buffer.byteLength(path))
        // Invalid UTF-8 comes out with this character: two names might become one.
        if (path.includes('\ufffd')) throw badFile(path, 'is no UTF-8', 'a name in UTF-8')
        if (entry.isDirectory()) {
          await visit(path, depth + 1)
          continue
        }
        if (!entry.isFile()) throw notPlain(join(from, path), entry.isSymbolicLink())
        this.#check(from, 'files', found.length + 1)
        const stored = await this.copy([source, join(folder, path)], join(to, path), 'fileBytes')
        this.#imageBytes += stored.bytes
        this.#check(from, 'imageBytes', this.#imageBytes)
        found.push({ path, ...stored })
      }
    }
    await visit('', 0)
    return found
  }

  #checkSize(path: string, limit: 'moduleBytes' | 'fileBytes', bytes: number): void {
    this.#check(path, limit, bytes)
    if (limit === 'fileBytes') this.#check(path, 'imageBytes', this.#imageBytes + bytes)
  }

  #check(path: string, limit: keyof StoreLimits, actual: number): void {
    const wanted = this.#limits[limit]
    if (actual > wanted) throw storeLimitError(`publish ${path}`, { limit, actual, wanted })
  }
}

/** Opens a file that is neither a link nor a device nor a pipe, and that no link leads to, by descriptors all the way. */
function openPlain(folder: string, inner: string): OpenedFile {
  try {
    return openWithin(folder, inner, 'refuse')
  } catch (error) {
    const path = join(folder, inner)
    const code = error instanceof OpenError ? error.code : undefined
    if (code === 'OPEN_LINK') throw notPlain(path, true)
    if (code === 'OPEN_SPECIAL' || code === 'OPEN_WRONG_KIND') throw notPlain(path, false)
    throw unreadable(path, error)
  }
}

async function openFolder(path: string) {
  try {
    return await opendir(path)
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

function unreadable(path: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const systemCode = cause instanceof OpenError ? cause.systemCode : systemCodeOf(cause)
  switch (systemCode) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new StoreError('STORE_UNREADABLE', `Cannot read ${path}: there is none, wanted it`, {
        cause,
        details: { systemCode },
      })
    case 'ELOOP':
      return badFile(path, 'is a link that leads nowhere', 'plain files and folders only')
    case 'ENAMETOOLONG':
      return badFile(path, 'has too long a name', 'one that the system takes')
    default:
      return storeFileError(`read ${path}`, cause)
  }
}

function notPlain(path: string, isLink: boolean): StoreError {
  const actual = isLink ? 'is a symbolic link' : 'is neither a file nor a folder'
  return badFile(path, actual, 'plain files and folders only')
}

function badFile(path: string, actual: string, wanted: string): StoreError {
  return new StoreError(
    'STORE_BAD_FILE',
    `Cannot publish ${path}: it ${actual}, wanted ${wanted}`,
    {
      details: { path },
    },
  )
}

/** A handler's name out of a file's. */
export function handlerNameOf(file: string): string {
  const name = file
    .replace(/\.wasm$/, '')
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
  return name.slice(0, 63) || 'main'
}
