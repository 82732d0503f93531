/**
 * Finds out what of a folder is pushed: the module, the manifest, and the folder of files that it names. Nothing else that
 * lies there: a registry is no place for sources, keys and configurations.
 */

import { lstat, opendir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { systemCodeOf } from '../base/errors.ts'
import { ociLimitError } from './errors.ts'
import { isInnerPath } from './inner-path.ts'
import type { OciLimits } from './limits.ts'
import { badSource, openPlain, type PackedFile } from './pack-archive.ts'

export interface PushSource {
  /** Below it no link is followed. */
  readonly folder: string
  readonly modulePath: string
  /** Of the module, below the folder. */
  readonly moduleTitle: string
  /** All but the module; empty: there is nothing else. */
  readonly files: readonly PackedFile[]
}

const JSON_MANIFEST = 'wasm-fpm.json'
const TOML_MANIFEST = 'wasm-fpm.toml'

/** Much more than a manifest may have when it is published. */
const MAX_MANIFEST_BYTES = 1024 * 1024

/** `source`: a module, or a folder with a manifest or exactly one module. Rejects with OCI_BAD_SOURCE, OCI_LIMIT_EXCEEDED. */
export async function readSource(source: string, limits: OciLimits): Promise<PushSource> {
  // What is named on the command line may be a link: whoever names it knows what it means.
  const path = await realpath(source).catch((cause: unknown) => {
    throw badSource(source, `cannot be read (${systemCodeOf(cause)})`, 'a module or a folder')
  })
  if (!(await stat(path)).isDirectory()) {
    return { folder: dirname(path), modulePath: path, moduleTitle: basename(path), files: [] }
  }
  const manifest = await findManifest(path)
  const moduleTitle = manifest.module ?? (await onlyModule(path, limits))
  await refuseLinksAbove(path, moduleTitle)
  const found = new FoundFiles(path, limits)
  if (manifest.file !== undefined) await found.add(manifest.file)
  if (manifest.files !== undefined) await found.addFolder(manifest.files)
  // It travels as a layer of its own.
  const files = found.files.filter((file) => file.path !== moduleTitle)
  return { folder: path, modulePath: join(path, moduleTitle), moduleTitle, files }
}

interface FoundManifest {
  /** Undefined: there is none. */
  readonly file: string | undefined
  readonly module: string | undefined
  readonly files: string | undefined
}

async function findManifest(folder: string): Promise<FoundManifest> {
  const inJson = await readText(join(folder, JSON_MANIFEST))
  const inToml = await readText(join(folder, TOML_MANIFEST))
  const json =
    inJson === undefined ? undefined : tableOf(folder, JSON_MANIFEST, () => JSON.parse(inJson))
  const toml =
    inToml === undefined ? undefined : tableOf(folder, TOML_MANIFEST, () => parseToml(inToml))
  // A file without that table is a server's configuration, which nobody wants in a registry.
  const handler = toml?.['handler']
  if (handler === undefined) {
    return { file: json === undefined ? undefined : JSON_MANIFEST, ...namesIn(folder, json) }
  }
  if (json === undefined) return { file: TOML_MANIFEST, ...namesIn(folder, handler) }
  throw badSource(
    folder,
    `has ${JSON_MANIFEST} and a [handler] table in ${TOML_MANIFEST}`,
    'one of them',
  )
}

function namesIn(folder: string, table: unknown): Pick<FoundManifest, 'module' | 'files'> {
  const { module, files } = isTable(table) ? table : {}
  const name = (key: string, value: unknown): string | undefined => {
    if (value === undefined) return undefined
    if (typeof value === 'string' && isInnerPath(value)) return value
    throw badSource(folder, `has a manifest whose "${key}" is none`, 'a path below the folder')
  }
  return { module: name('module', module), files: name('files', files) }
}

function tableOf(
  folder: string,
  file: string,
  read: () => unknown,
): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = read()
  } catch {
    throw badSource(join(folder, file), 'cannot be understood', 'JSON or TOML')
  }
  if (isTable(value)) return value
  throw badSource(join(folder, file), 'is no table', 'a manifest')
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Undefined: there is no such file. */
async function readText(path: string): Promise<string | undefined> {
  if ((await lstat(path).catch(() => undefined)) === undefined) return undefined
  using file = openPlain(path)
  const { size } = file.stats
  if (size > MAX_MANIFEST_BYTES) {
    throw badSource(path, `has ${size} bytes`, `at most ${MAX_MANIFEST_BYTES}`)
  }
  const bytes = new Uint8Array(size)
  return new TextDecoder().decode(bytes.subarray(0, await file.fill(bytes)))
}

async function onlyModule(folder: string, limits: OciLimits): Promise<string> {
  const found: string[] = []
  let entries = 0
  for await (const { name } of await opendir(folder)) {
    entries += 1
    checkEntries(folder, entries, limits)
    if (name.endsWith('.wasm')) found.push(name)
  }
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  throw badSource(
    folder,
    `has ${found.length} modules`,
    `one .wasm file or "module" in ${JSON_MANIFEST}`,
  )
}

/** The folders between `folder` and the last part of `inner` must not be links out of it. */
async function refuseLinksAbove(folder: string, inner: string): Promise<void> {
  for (let above = dirname(inner); above !== '.'; above = dirname(above)) {
    const stats = await lstat(join(folder, above)).catch(() => undefined)
    if (stats?.isDirectory() !== true) {
      throw badSource(join(folder, above), 'is no folder', 'a folder, not a link to one')
    }
  }
}

class FoundFiles {
  readonly #folder: string
  readonly #limits: OciLimits
  #bytes = 0
  readonly files: PackedFile[] = []

  constructor(folder: string, limits: OciLimits) {
    this.#folder = folder
    this.#limits = limits
  }

  async add(path: string): Promise<void> {
    const from = join(this.#folder, path)
    const stats = await lstat(from)
    if (!stats.isFile()) {
      const actual = stats.isSymbolicLink()
        ? 'is a symbolic link'
        : 'is neither a file nor a folder'
      throw badSource(from, actual, 'plain files and folders only')
    }
    if (!isInnerPath(path))
      throw badSource(from, 'has a name that cannot travel', 'a plain name in UTF-8')
    this.#bytes += stats.size
    if (this.#bytes > this.#limits.unpackedBytes) {
      const limits = {
        limit: 'unpackedBytes',
        actual: this.#bytes,
        wanted: this.#limits.unpackedBytes,
      }
      throw ociLimitError(`push ${this.#folder}`, limits)
    }
    this.#push({ path, from, within: this.#folder, size: stats.size })
  }

  /** And all that is in it. */
  async addFolder(path: string): Promise<void> {
    await refuseLinksAbove(this.#folder, `${path}/.`)
    this.#push({ path, from: undefined, size: 0 })
    for await (const entry of await opendir(join(this.#folder, path))) {
      const inner = `${path}/${entry.name}`
      if (entry.isDirectory()) await this.addFolder(inner)
      else await this.add(inner)
    }
  }

  #push(file: PackedFile): void {
    this.files.push(file)
    checkEntries(this.#folder, this.files.length, this.#limits)
    this.#check('pathBytes', Buffer.byteLength(file.path))
    this.#check('pathDepth', file.path.split('/').length)
  }

  #check(limit: 'pathBytes' | 'pathDepth', actual: number): void {
    const wanted = this.#limits[limit]
    if (actual > wanted) throw ociLimitError(`push ${this.#folder}`, { limit, actual, wanted })
  }
}

function checkEntries(folder: string, actual: number, { entries: wanted }: OciLimits): void {
  if (actual > wanted) throw ociLimitError(`push ${folder}`, { limit: 'entries', actual, wanted })
}
