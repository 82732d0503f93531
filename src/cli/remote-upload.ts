/**
 * What is sent to be published: a module as it is; of a folder the manifest, the module and the folder of files, packed, and
 * nothing that lies beside them, unless it is a folder of scripts.
 */
import { createReadStream, existsSync } from 'node:fs'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { createGzip } from 'node:zlib'
import { create } from 'tar'
import { MANIFEST_FILES, parseManifest } from '../store/manifest-file.ts'
import { NO_SCRIPTS, type OnBytes } from '../store/stage-source.ts'
import { CliError } from './errors.ts'
import { measureArchive } from './measure-archive.ts'

export interface Upload {
  /** Media type. */
  readonly type: string
  /** What the handler is called if nothing else says it. */
  readonly name: string
  readonly stream: Readable
}

/**
 * `onBytes`: told as the stream is read, with the bytes so far before they are packed. Rejects with CLI_UNREADABLE,
 * STORE_BAD_MANIFEST.
 */
export async function openUpload(
  source: string,
  onBytes: OnBytes | undefined,
  runtime?: string,
): Promise<Upload> {
  try {
    const path = await realpath(source)
    const status = await stat(path)
    if (!status.isDirectory()) {
      if (!status.isFile()) throw new Error('it is neither a file nor a folder')
      const stream = counted(createReadStream(path), status.size, onBytes)
      return { type: 'application/wasm', name: nameOf(path), stream }
    }
    const parts = await partsOf(path, runtime)
    if (parts.length === 0) throw new Error('there is neither a manifest nor a module')
    const total = onBytes === undefined ? undefined : await measureArchive(path, parts)
    // A stream for `node:stream`, although it is not made by it.
    const archive = create({ cwd: path, portable: true, noMtime: true }, parts)
    const stream = counted(archive as unknown as Readable, total, onBytes)
    return { type: 'application/gzip', name: nameOf(path), stream: chained(stream, createGzip()) }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && /^STORE_/.test(String(cause.code))) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CliError(
      'CLI_UNREADABLE',
      `Cannot publish ${source}: ${reason}, wanted a module, or a folder with one`,
      { cause },
    )
  }
}

function counted(
  stream: Readable,
  total: number | undefined,
  onBytes: OnBytes | undefined,
): Readable {
  let bytes = 0
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      onBytes?.(bytes, total)
      done(undefined, chunk)
    },
  })
  return chained(stream, counter)
}

/** `pipe` alone would keep errors to itself. */
function chained(from: Readable, to: Transform): Readable {
  from.on('error', (error) => to.destroy(error))
  return from.pipe(to)
}

/** What is missing is left out: the server says so in the same words as `publish` without one. */
async function partsOf(folder: string, asked: string | undefined): Promise<string[]> {
  const parts = new Set<string>()
  let module: string | undefined
  let runtime = asked
  let hasFiles = false
  for (const file of Object.values(MANIFEST_FILES)) {
    const path = join(folder, file)
    const table = existsSync(path) ? parseManifest(await readFile(path), file) : undefined
    // A configuration of a server that happens to lie there is nobody else's business.
    if (table === undefined) continue
    parts.add(file)
    module ??= textOf(table, 'module')
    const files = textOf(table, 'files')
    if (files !== undefined) parts.add(files)
    hasFiles ||= files !== undefined
    runtime ??= textOf(table, 'runtime')
  }
  if (runtime !== undefined) {
    const all = hasFiles ? [] : await readdir(folder)
    const own = all.filter((name) => !NO_SCRIPTS.has(name))
    return [...parts, ...own].filter((part) => isInner(part) && existsSync(join(folder, part)))
  }
  if (module !== undefined) parts.add(module)
  else for (const name of await readdir(folder)) if (name.endsWith('.wasm')) parts.add(name)
  return [...parts].filter((part) => isInner(part) && existsSync(join(folder, part)))
}

function textOf(table: unknown, key: string): string | undefined {
  const value: unknown = Reflect.get(Object(table), key)
  return typeof value === 'string' ? value : undefined
}

/** A name that starts with `@` would be another archive to the packer. */
function isInner(path: string): boolean {
  const segments = path.split('/')
  return !path.startsWith('@') && segments.every((one) => one !== '' && one !== '..')
}

/** A handler's name out of a file's or a folder's. */
function nameOf(path: string): string {
  const name = basename(path)
    .replace(/\.wasm$/, '')
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
  return name.slice(0, 63) || 'main'
}
