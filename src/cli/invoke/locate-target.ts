/** What `wasm-fpm invoke TARGET` means: a module file, with the settings of a tenant if one is named, or TENANT/HANDLER. */
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, extname, relative, resolve } from 'node:path'
import { CodedError } from '../../base/errors.ts'
import type { Config, TenantConfig } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import { parseConfig } from '../../config/parse.ts'
import { type Borrowed, borrowTenant, listOf } from '../borrowed-tenant.ts'
import { findModule } from '../dev/find-source.ts'
import { CliError } from '../errors.ts'
import { withReadableEnvFiles } from '../readable-env-files.ts'

export interface TargetOptions {
  readonly config?: string
  readonly tenant?: string
}

export interface Located {
  readonly config: Config
  readonly tenant: string
  /** Its path below the tenant's root, or the name it was published under. */
  readonly handler: string
  /** Whether what the tenant has published is looked at. */
  readonly usesStore: boolean
}

/** Throws CLI_UNREADABLE, CLI_NO_MODULE, CONFIG_UNKNOWN_TENANT, `ConfigError`. */
export function locateTarget(target: string, { config: file, tenant }: TargetOptions): Located {
  if (file === undefined && tenant !== undefined) {
    throw new CliError(
      'CLI_USAGE',
      'Cannot invoke: --tenant is alone, wanted it with the --config FILE that has the tenant',
    )
  }
  const published = file === undefined || tenant !== undefined ? undefined : inTenant(target, file)
  if (published !== undefined) return published
  const module = resolve(target)
  const stats = statSync(module, { throwIfNoEntry: false })
  if (stats === undefined) throw notThere(target, file)
  if (stats.isDirectory()) throw isFolder(target)
  if (!stats.isFile())
    throw noModule(`Cannot invoke ${target}: it is no plain file, wanted a module`)
  refuseSource(target, module)
  const borrowed = file === undefined ? undefined : borrowTenant(file, tenant, `invoke ${target}`)
  // A document root takes no link that leads out of it.
  return asModule(realpathSync(module), borrowed)
}

function inTenant(target: string, file: string): Located | undefined {
  const slash = target.indexOf('/')
  const tenant = slash < 0 ? target : target.slice(0, slash)
  const loaded = loadConfig(file)
  if (loaded.tenants.every(({ name }) => name !== tenant)) return undefined
  const config = withReadableEnvFiles(loaded, tenant)
  return { config, tenant, handler: target.slice(tenant.length + 1), usesStore: true }
}

/** One tenant, with the module in its document root. */
function asModule(module: string, borrowed: Borrowed | undefined): Located {
  const { config, tenant } = borrowed ?? plain()
  const isInRoot = tenant.root !== undefined && module.startsWith(`${tenant.root}/`)
  const root = isInRoot && tenant.root !== undefined ? tenant.root : dirname(module)
  const extension = extname(module)
  const own: TenantConfig = {
    ...tenant,
    root,
    limitExtensions: extension === '' ? tenant.limitExtensions : [extension],
  }
  return {
    config: { ...config, tenants: [own] },
    tenant: tenant.name,
    handler: relative(root, module),
    usesStore: false,
  }
}

/** Every setting at its default. Nobody else waits: a large module is loaded, however long that takes. */
function plain(): Borrowed {
  const text =
    '[[pool]]\nname = "invoke"\nlisten = ["/nowhere"]\n[[tenant]]\nname = "invoke"\npool = "invoke"\nqueue = { timeout = "60s" }\n'
  const config = parseConfig(text, 'invoke')
  const [tenant] = config.tenants
  if (tenant === undefined) throw new Error('a configuration without its tenant')
  return { config, tenant }
}

function notThere(target: string, file: string | undefined): CodedError {
  if (file !== undefined) {
    const [tenant = ''] = target.split('/')
    return new CodedError(
      'CONFIG_UNKNOWN_TENANT',
      `Cannot invoke ${target}: ${file} has no tenant ${JSON.stringify(tenant)}, and there is no such file, wanted TENANT/HANDLER with ${listOf(loadConfig(file).tenants)}, or a module`,
    )
  }
  return new CliError(
    'CLI_UNREADABLE',
    `Cannot invoke ${target}: there is no such file, wanted a module, or TENANT/HANDLER with --config FILE`,
  )
}

function isFolder(target: string): CliError {
  const module = findModule(resolve(target))
  const what =
    module === undefined
      ? 'wanted a module, and there is none in it yet'
      : `wanted the module: \`wasm-fpm invoke ${relative(process.cwd(), module)}\``
  return noModule(
    `Cannot invoke ${target}: it is a folder, ${what} (\`wasm-fpm dev ${target}\` builds and serves what is in it)`,
  )
}

/** What every module, and every component, begins with. */
const MAGIC = Buffer.from('\0asm', 'latin1')

function refuseSource(target: string, file: string): void {
  const start = Buffer.alloc(MAGIC.length)
  const fd = openSync(file, 'r')
  try {
    if (readSync(fd, start, 0, MAGIC.length, 0) === MAGIC.length && start.equals(MAGIC)) {
      if (extname(file) !== '') return
      throw noModule(
        `Cannot invoke ${target}: its name has no ending, wanted one such as ${basename(file)}.wasm (rename it)`,
      )
    }
  } finally {
    closeSync(fd)
  }
  throw noModule(
    `Cannot invoke ${target}: it is no WebAssembly, wanted a module that was compiled (\`wasm-fpm dev ${relative(process.cwd(), dirname(file)) || '.'}\` builds and serves what is in its folder; \`wasm-fpm new --list\` has templates that build)`,
  )
}

function noModule(message: string): CliError {
  return new CliError('CLI_NO_MODULE', message)
}
