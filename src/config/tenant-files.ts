/**
 * Tenants that have a file of their own: added and removed one by one, without an editor. The whole configuration is
 * checked as it would be before anything can be seen of the change; a file is there whole or not at all.
 */
import {
  chownSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { stringify } from 'smol-toml'
import type { Config } from './config.ts'
import { ConfigChangeError } from './errors.ts'
import { includePatterns, isGlob, isIncluded, loadConfig, readDocuments } from './load.ts'
import type { ConfigDocument } from './problems.ts'

/** What a new tenant is given; everything else has its default. */
export interface NewTenant {
  readonly name: string
  /** Undefined: the only pool. */
  readonly pool?: string | undefined
  readonly hosts: readonly string[]
  /** Document root, absolute; undefined: none. */
  readonly root?: string | undefined
}

export interface TenantChange {
  /** Absolute path of the tenant's file. */
  readonly file: string
  /** What the configuration says now. */
  readonly config: Config
}

/** The `include` that the documentation recommends. */
const USUAL_INCLUDE = 'tenants.d/*.toml'

/** Bits that a file of the configuration may have of the main file's. */
const FILE_MODE_BITS = 0o664
const FOLDER_MODE = 0o755

/**
 * Writes `NAME.toml` into the first folder where the configuration's `include` finds it. Throws `ConfigError` when the
 * configuration would be wrong with it, and `ConfigChangeError` (CONFIG_NO_INCLUDE, CONFIG_NOT_WRITABLE).
 */
export function addTenant(configPath: string, tenant: NewTenant): TenantChange {
  const main = resolve(configPath)
  const text = tenantText(tenant)
  // Without it the file's name might lead anywhere: the schema has the same rule, but it comes later.
  const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(tenant.name) ? tenant.name : 'tenant'
  const file = placeFor(main, name)
  if (existsSync(file)) throw alreadyThere(tenant.name, file)
  loadConfig(main, new Map([[file, text]]))
  writeNew(file, text, main)
  return { file, config: confirm(main, () => rmSync(file, { force: true })) }
}

/**
 * Removes the file of a tenant that has one for itself. Throws `ConfigError` when the configuration would be wrong
 * without it, and `ConfigChangeError` (CONFIG_UNKNOWN_TENANT, CONFIG_SHARED_FILE, CONFIG_NOT_WRITABLE).
 */
export function removeTenant(configPath: string, name: string): TenantChange {
  const main = resolve(configPath)
  // What is wrong with the configuration now is said before what cannot be found in it.
  const { tenants } = loadConfig(main)
  const file = ownFileOf(main, name)
  if (file === undefined) throw unknownTenant(main, name, tenants)
  const config = loadConfig(main, new Map([[file, undefined]]))
  try {
    rmSync(file)
    syncFolder(dirname(file))
  } catch (cause) {
    throw notWritable('remove', file, cause)
  }
  return { file, config }
}

/** The tenant's table as a file. */
function tenantText({ name, pool, hosts, root }: NewTenant): string {
  const table = {
    name,
    ...(pool === undefined ? {} : { pool }),
    ...(hosts.length === 0 ? {} : { hosts: [...hosts] }),
    ...(root === undefined ? {} : { root }),
  }
  return stringify({ tenant: [table] })
}

function placeFor(main: string, name: string): string {
  const folder = dirname(main)
  const document = readDocuments(main).main
  const patterns = includePatterns(document?.content)
  for (const pattern of patterns) {
    const file = join(resolve(folder, dirname(pattern)), `${name}.toml`)
    if (isGlob(pattern) && !isGlob(dirname(pattern)) && isIncluded(file, pattern, folder)) {
      return file
    }
  }
  // A file that cannot be read has no `include` either: what is wrong with it comes first.
  if (document === undefined) loadConfig(main)
  const all = JSON.stringify([...patterns, USUAL_INCLUDE]).replaceAll('","', '", "')
  const actual = patterns.length === 0 ? 'it has no `include`' : 'no `include` takes such a file'
  throw new ConfigChangeError(
    'CONFIG_NO_INCLUDE',
    `Cannot add ${name}.toml to ${main}: ${actual}, wanted this line before its first table:\ninclude = ${all}`,
    { details: { file: main } },
  )
}

/** The file that has this tenant and nothing else. */
function ownFileOf(main: string, name: string): string | undefined {
  const documents = readDocuments(main)
  for (const document of [documents.main, ...documents.included]) {
    if (document === undefined) continue
    const names = tenantNames(document)
    const index = names.indexOf(name)
    if (index < 0) continue
    const isAlone = names.length === 1 && Object.keys(Object(document.content)).length === 1
    if (isAlone && document.file !== main) return document.file
    const line = document.lines.lineOf(['tenant', index])
    throw new ConfigChangeError(
      'CONFIG_SHARED_FILE',
      `Cannot remove tenant "${name}": ${document.file} has more in it than this tenant, wanted a file of its own; take its table out (line ${line}) and run \`wasm-fpm reload\``,
      { details: { file: document.file } },
    )
  }
  return undefined
}

function tenantNames({ content }: ConfigDocument): readonly unknown[] {
  const tables: unknown = Reflect.get(Object(content), 'tenant')
  return Array.isArray(tables) ? tables.map((table) => Reflect.get(Object(table), 'name')) : []
}

/** Writes a file that must not be there yet, with the rights of the main file. */
function writeNew(file: string, text: string, main: string): void {
  const folder = dirname(file)
  // No pattern finds it: it starts with a dot, and ends in something else.
  const draft = join(folder, `.${basename(file)}.${process.pid}`)
  try {
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
    const { mode, uid, gid } = statSync(main)
    discard(draft) // of a process of this number that did not get to the end
    const fd = openSync(draft, 'wx', 0o600)
    try {
      writeFileSync(fd, text)
      fchmodSync(fd, mode & FILE_MODE_BITS)
      if (process.getuid?.() === 0) chownSync(draft, uid, gid)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    // Not a rename: that would replace what somebody else has written meanwhile.
    linkSync(draft, file)
    rmSync(draft)
    syncFolder(folder)
  } catch (cause) {
    discard(draft)
    if (existsSync(file)) throw alreadyThere(basename(file, '.toml'), file)
    throw notWritable('write', file, cause)
  }
}

function discard(draft: string): void {
  try {
    rmSync(draft, { force: true })
  } catch {
    // What keeps it from going has kept it from coming.
  }
}

/** Two changes at once may each be right and both together wrong: then this one is taken back. */
function confirm(main: string, undo: () => void): Config {
  try {
    return loadConfig(main)
  } catch (error) {
    undo()
    throw error
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function unknownTenant(main: string, name: string, tenants: Config['tenants']): ConfigChangeError {
  const known = tenants.slice(0, 20).map((tenant) => tenant.name)
  return new ConfigChangeError(
    'CONFIG_UNKNOWN_TENANT',
    `Cannot remove tenant ${JSON.stringify(name)}: ${main} has none of that name, wanted one of ${known.join(', ') || 'its tenants'}`,
  )
}

function alreadyThere(name: string, file: string): ConfigChangeError {
  return new ConfigChangeError(
    'CONFIG_DUPLICATE',
    `Cannot add tenant "${name}": ${file} is there already, wanted another name, or \`wasm-fpm tenants remove ${name}\` first`,
    { details: { file } },
  )
}

function notWritable(verb: string, file: string, cause: unknown): ConfigChangeError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ConfigChangeError(
    'CONFIG_NOT_WRITABLE',
    `Cannot ${verb} ${file}: ${reason}, wanted the right to change ${dirname(file)}`,
    { cause, details: { file } },
  )
}
