/** What can be said of a release of scripts before it is live. */
import { StoreError } from './errors.ts'
import type { Manifest } from './manifest.ts'
import type { ImageFile } from './release.ts'

/** A runtime that a tenant has. */
export interface AllowedRuntime {
  readonly name: string
  /** Endings of its scripts. */
  readonly extensions: readonly string[]
  /** File that stands for its folder; undefined: none. */
  readonly index: string | undefined
}

/** One that can be started to see whether it can import an application. */
export interface ImportingRuntime extends AllowedRuntime {
  readonly module: string
  readonly memoryBytes: number
  /** For its start and the import. */
  readonly bootTimeoutMs: number
  readonly env: Readonly<Record<string, string>>
}

export interface FoundScripts {
  readonly runtime: string
  /** Undefined: which files these are is not known here. */
  readonly scripts: number | undefined
  /** What answers the path of the first route; undefined: nothing, or it is not known. */
  readonly index: string | undefined
  /** Whether `index` is an application, which is imported next. */
  readonly isApp: boolean
}

export interface ScriptAllowance {
  readonly tenant: string
  /** Undefined: no configuration says anything. */
  readonly runtimes: readonly AllowedRuntime[] | undefined
}

/** Throws STORE_NO_RUNTIME, STORE_NO_SCRIPTS, STORE_BAD_MANIFEST. */
export function checkScripts(
  { app, front, name, runtime = '' }: Manifest,
  files: readonly ImageFile[],
  { tenant, runtimes }: ScriptAllowance,
): Promise<FoundScripts> {
  const has = (wanted: string | undefined): boolean => files.some(({ path }) => path === wanted)
  if (front !== undefined && !has(front)) {
    throw new StoreError(
      'STORE_BAD_MANIFEST',
      `Cannot publish ${tenant}/${name}: "front" is ${JSON.stringify(front)}, which is not there, wanted a script of its folder`,
    )
  }
  const own = runtimes?.find((one) => one.name === runtime)
  if (runtimes === undefined)
    return Promise.resolve({ runtime, scripts: undefined, index: undefined, isApp: false })
  if (own === undefined) {
    const names = runtimes.map((one) => `"${one.name}"`).join(', ')
    throw new StoreError(
      'STORE_NO_RUNTIME',
      `Cannot publish ${tenant}/${name}: its runtime is "${runtime}", and the tenant has ${names || 'none'}, wanted one of the tenant's`,
      { details: { tenant, runtime } },
    )
  }
  const scripts = files.filter(({ path }) => own.extensions.some((one) => path.endsWith(one)))
  if (scripts.length === 0) {
    throw new StoreError(
      'STORE_NO_SCRIPTS',
      `Cannot publish ${tenant}/${name}: none of its ${files.length} files ends in ${own.extensions.join(' or ')}, wanted scripts for runtime ${runtime}`,
    )
  }
  const index = app ?? (has(own.index) ? own.index : front)
  return Promise.resolve({ runtime, scripts: scripts.length, index, isApp: app !== undefined })
}
