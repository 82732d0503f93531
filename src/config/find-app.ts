/** Whether the module that a tenant's `app` names is where its runtime looks for it; of Python, whose way to look is known here. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { systemCodeOf } from '../base/errors.ts'
import { suggestion } from '../base/suggestion.ts'
import type { Config, RuntimeConfig, TenantConfig } from './config.ts'
import { ConfigError, type ConfigProblem } from './errors.ts'
import { runtimesOf } from './runtime-use.ts'

export interface MissingApp {
  /** `is "shop.wsgi", and there is no ...` */
  readonly actual: string
  readonly wanted: string
}

const PYTHON_ENDING = '.py'

/** See runtimes/python/library/_wasm_fpm.py. */
const PACKAGES = [
  'site-packages',
  '.venv/lib/python3.11/site-packages',
  'venv/lib/python3.11/site-packages',
]
const SYSTEM_PACKAGES = '/usr/lib/python3/dist-packages'
/** What of the standard library is an application. */
const OF_THE_LIBRARY = new Set(['wsgiref'])

/** Entries of a folder that a suggestion is looked for among. */
const MOST_ENTRIES = 2000

/** For whoever checks a configuration. Throws `ConfigError` (CONFIG_NO_APP). */
export function checkApps({ tenants, runtimes }: Config): void {
  const problems = tenants.flatMap((tenant): ConfigProblem[] => {
    const missing = missingApp(tenant, runtimes)
    if (missing === undefined) return []
    const place = { file: tenant.root ?? '', line: undefined, key: `tenant "${tenant.name}": app` }
    const message = `${missing.actual}, wanted ${missing.wanted}`
    return [{ code: 'CONFIG_NO_APP', ...place, message }]
  })
  if (problems.length > 0) throw new ConfigError(problems)
}

/** What is wrong with a tenant's `app`; undefined: nothing, or nobody can tell from here. */
export function missingApp(
  tenant: TenantConfig,
  runtimes: readonly RuntimeConfig[],
): MissingApp | undefined {
  const { app, root } = tenant
  const [runtime] = runtimesOf(tenant, runtimes)
  if (app === undefined || root === undefined || runtime === undefined) return undefined
  if (!runtime.extensions.includes(PYTHON_ENDING)) return undefined
  const module = (app.split(':')[0] ?? '').split('.')
  if (OF_THE_LIBRARY.has(module[0] ?? '')) return undefined
  const look = new Look(tenant)
  const folders = searchedFolders(tenant, runtime, root)
  if (folders.some((folder) => look.hasPaths(folder))) return undefined
  const found = folders.map((folder) => lookFor(module, folder, look))
  // The first folder that has the first name counts, as for Python; one that cannot be read may have all of them.
  const best = found.find(({ depth }) => depth > 0) ?? found[0]
  if (best === undefined || look.isBlind || best.depth === module.length) return undefined
  const missing = module[best.depth] ?? ''
  return {
    actual: `is "${app}", and there is no ${missing}${PYTHON_ENDING} and no folder ${missing} in ${best.folder}`,
    wanted: `the name of a module that is there, as Python has it${hintFor(app, { best, look })}`,
  }
}

interface Sought {
  /** How many of the names are there. */
  readonly depth: number
  /** Where the next one is not. */
  readonly folder: string
}

function lookFor(module: readonly string[], start: string, look: Look): Sought {
  let folder = start
  for (const [depth, name] of module.entries()) {
    const isFolder = look.kindOf(`${folder}/${name}`) === 'folder'
    const isFile = look.kindOf(`${folder}/${name}${PYTHON_ENDING}`) === 'file'
    const isLast = depth === module.length - 1
    if (isLast && (isFile || isFolder)) return { depth: module.length, folder }
    // A module that is no package has nothing in it.
    if (!isFolder && isFile)
      return { depth: depth + 1, folder: `${folder}/${name}${PYTHON_ENDING}` }
    if (!isFolder) return { depth, folder }
    folder = `${folder}/${name}`
  }
  return { depth: module.length, folder }
}

/** As the guest sees them, in the order of Python's. */
function searchedFolders(tenant: TenantConfig, runtime: RuntimeConfig, root: string): string[] {
  const { PYTHONPATH: named = '' } = { ...runtime.env, ...tenant.env }
  const more = [...named.split(':').filter((path) => path !== ''), ...PACKAGES]
  return [
    root,
    ...more.map((path) => (path.startsWith('/') ? path : `${root}/${path}`)),
    SYSTEM_PACKAGES,
  ]
}

/** What was probably meant. */
function hintFor(
  app: string,
  { best, look }: { readonly best: Sought; readonly look: Look },
): string {
  const [module = '', variable] = app.split(':')
  const names = module.split('.')
  const meant = (text: string): string => `: did you mean "${text}"?`
  if (module.includes('/') || module.endsWith(PYTHON_ENDING)) {
    const dotted = module.replace(/\.py$/, '').replaceAll('/', '.').replace(/^\.+/, '')
    return meant(variable === undefined ? dotted : `${dotted}:${variable}`)
  }
  const isVariable = variable === undefined && best.depth === names.length - 1 && best.depth > 0
  const above = `${names.slice(0, -1).join('.')}`
  const [last = ''] = names.slice(-1)
  const choices = look
    .namesIn(best.folder)
    .flatMap((name) => (name.endsWith(PYTHON_ENDING) ? name.slice(0, -PYTHON_ENDING.length) : []))
  const near = suggestion(names[best.depth] ?? '', choices)
  if (near !== undefined) {
    const dotted = names.with(best.depth, near).join('.')
    return meant(variable === undefined ? dotted : `${dotted}:${variable}`)
  }
  return isVariable ? meant(`${above}:${last}`) : ''
}

/** A tenant's tree, as far as this user can see it. */
class Look {
  /** Whether something could not be looked at. */
  isBlind = false
  readonly #mounts: TenantConfig['mounts']

  constructor({ mounts }: TenantConfig) {
    // Those that lie in others first.
    this.#mounts = [...mounts].sort((a, b) => b.guest.length - a.guest.length)
  }

  kindOf(path: string): 'file' | 'folder' | undefined {
    try {
      const stats = statSync(this.#onHost(path), { throwIfNoEntry: false })
      if (stats === undefined) return undefined
      return stats.isDirectory() ? 'folder' : 'file'
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOTDIR') this.isBlind = true
      return undefined
    }
  }

  namesIn(path: string): readonly string[] {
    try {
      return readdirSync(this.#onHost(path)).slice(0, MOST_ENTRIES)
    } catch {
      return []
    }
  }

  /** Whether files in a folder name more folders. */
  hasPaths(folder: string): boolean {
    const isOfPackages = PACKAGES.some((end) => folder.endsWith(`/${end}`))
    return isOfPackages && this.namesIn(folder).some((name) => name.endsWith('.pth'))
  }

  #onHost(path: string): string {
    const mount = this.#mounts.find(({ guest }) => `${path}/`.startsWith(`${guest}/`))
    if (mount !== undefined) return join(mount.host, path.slice(mount.guest.length))
    // Nothing of this machine is there by itself.
    return path.startsWith(SYSTEM_PACKAGES) ? '/nonexistent' : path
  }
}
