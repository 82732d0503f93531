/** Reads a manifest, from `wasm-fpm.json` or the `[handler]` table of `wasm-fpm.toml`, and completes it. */
import type { z } from 'zod'
import { unknownKey } from '../base/schema-keys.ts'
import { show } from '../base/show.ts'
import { StoreError, storeLimitError } from './errors.ts'
import { DEFAULT_STORE_LIMITS, type StoreLimits } from './limits.ts'
import type { AutoRollback, Manifest, ManifestRoute, ManifestStatic, Units } from './manifest.ts'
import { MANIFEST_FILES, type ManifestFile, parseManifest } from './manifest-file.ts'
import {
  type AutoRollbackTable,
  isRoutePath,
  type ManifestTable,
  manifestSchema,
  ROUTE_WANTED,
  type StaticTable,
} from './manifest-schema.ts'

/** What `auto_rollback = true` means. */
const DEFAULT_AUTO_ROLLBACK: AutoRollback = {
  traps: 0.05,
  requests: 20,
  withinMs: 5 * 60_000,
}

const DEFAULT_INDEX = 'index.html'

export interface ManifestOptions {
  /** What the handler is called, and which route it has, when the manifest does not say. */
  readonly name: string
  /** From the command line: takes the place of the manifest's routes. */
  readonly route?: string | undefined
  /** And this of its runtime. */
  readonly runtime?: string | undefined
  readonly units: Units
  readonly limits?: StoreLimits
  /** Which of the two files it is from; default: JSON. */
  readonly file?: ManifestFile
}

/** Reads a manifest; empty bytes are an empty one. Throws STORE_BAD_MANIFEST and STORE_LIMIT_EXCEEDED. */
export function readManifest(bytes: Uint8Array, options: ManifestOptions): Manifest {
  const { limits = DEFAULT_STORE_LIMITS, name, route, units, file = MANIFEST_FILES.json } = options
  if (bytes.length > limits.manifestBytes) {
    throw storeLimitError(`read ${file}`, {
      limit: 'manifestBytes',
      actual: bytes.length,
      wanted: limits.manifestBytes,
    })
  }
  const written = parseManifest(bytes, file)
  const schema = manifestSchema(units, limits)
  const table = schema.safeParse(written === undefined ? {} : written)
  if (!table.success) throw badManifest(file, schema, table.error)
  const {
    methods: common,
    routes: asked,
    probe,
    static: served,
    auto_rollback,
    ...rest
  } = table.data
  const methods = sorted(common)
  const given = route === undefined ? (asked ?? ['/']) : [checkRoute(route)]
  const routes = given.map((one): ManifestRoute => {
    const { path, methods: own } = typeof one === 'string' ? { path: one, methods: undefined } : one
    return { path: trimSlash(path), methods: sorted(own) ?? methods }
  })
  const statics = served?.map(staticOf)
  const { runtime = rest.runtime } = options
  refuseMixed(file, table.data, runtime)
  if (runtime !== undefined) {
    // Where no script answers, a file may.
    refuseTwice(file, routes)
    refuseTwice(file, statics ?? [])
  } else {
    if (statics !== undefined && rest.files === undefined) {
      throw bad(file, '"static" is there without "files"', 'the folder whose files it serves')
    }
    refuseTwice(file, [...routes, ...(statics ?? [])])
  }
  const first = routes[0]
  return {
    ...rest,
    runtime,
    name: rest.name ?? name,
    routes,
    statics,
    autoRollback: autoRollbackOf(auto_rollback),
    probe: {
      method: probe?.method ?? defaultMethod(first),
      path: probe?.path ?? first?.path ?? '/',
      headers: probe?.headers ?? {},
      body: probe?.body ?? '',
      status: probe?.status,
      contains: probe?.contains,
    },
  }
}

/** Throws STORE_BAD_MANIFEST. */
function checkRoute(route: string): string {
  if (isRoutePath(route)) return route
  throw new StoreError(
    'STORE_BAD_MANIFEST',
    `Cannot publish at route ${show(route)}: wanted ${ROUTE_WANTED}`,
  )
}

function badManifest(file: ManifestFile, schema: z.ZodType, error: z.ZodError): StoreError {
  const problems = error.issues.flatMap((issue) => problemsOf(issue, schema, [])).slice(0, 10)
  return new StoreError('STORE_BAD_MANIFEST', `Cannot read ${file}: ${problems.join('; ')}`)
}

type Path = readonly PropertyKey[]

/** Of a union, what is wrong with the alternative that was probably meant. */
function problemsOf(issue: z.core.$ZodIssue, schema: z.ZodType, above: Path): readonly string[] {
  const path = [...above, ...issue.path]
  const at = (more: Path, message: string): string =>
    `${[...path, ...more].map(String).join('.') || 'the whole'}: ${message}`
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => at([name], unknownKey(schema, path, name)))
  }
  if (issue.code !== 'invalid_union') return [at([], issue.message)]
  const isDeep = (one: z.core.$ZodIssue): boolean =>
    one.path.length > 0 || one.code === 'unrecognized_keys'
  const meant = issue.errors.find((issues) => issues.some(isDeep)) ?? issue.errors[0] ?? []
  return meant.flatMap((one) => problemsOf(one, schema, path))
}

/** Keys that are for modules only, or for scripts only. */
function refuseMixed(
  file: ManifestFile,
  { app, front, lifetime, limits, module, probe, warm }: ManifestTable,
  runtime: string | undefined,
): void {
  const refuse = (key: string, wanted: string): never => {
    const actual = `"${key}" is there ${runtime === undefined ? 'without' : 'with'} "runtime"`
    throw bad(file, actual, wanted)
  }
  if (runtime === undefined) {
    const own = Object.entries({ app, front, warm }).find(([, value]) => value !== undefined)
    if (own !== undefined) refuse(own[0], 'the runtime of its scripts')
    return
  }
  if (module !== undefined) refuse('module', 'one of the two')
  if (app !== undefined && front !== undefined)
    throw bad(file, '"front" is there with "app"', 'one of the two')
  if (probe !== undefined) refuse('probe', 'none: scripts are not probed')
  if (limits.memoryBytes !== undefined) refuse('limits.memory', "none: it is the runtime's")
  if (lifetime === 'persistent') refuse('lifetime', '"reset" or "fresh"')
}

function refuseTwice(file: ManifestFile, routes: readonly { readonly path: string }[]): void {
  const seen = new Set<string>()
  for (const { path } of routes) {
    if (seen.has(path)) {
      throw bad(file, `route ${show(path)} is there twice`, 'it once')
    }
    seen.add(path)
  }
}

function bad(file: ManifestFile, actual: string, wanted: string): StoreError {
  return new StoreError('STORE_BAD_MANIFEST', `Cannot read ${file}: ${actual}, wanted ${wanted}`)
}

function staticOf({ path, folder, index, cache_control }: StaticTable): ManifestStatic {
  const place = { path: trimSlash(path), folder, index: index ?? DEFAULT_INDEX }
  return { ...place, cacheControl: cache_control }
}

function autoRollbackOf(value: AutoRollbackTable | undefined): AutoRollback | undefined {
  if (value === undefined || value === false) return undefined
  const { traps, requests, within } = value === true ? {} : value
  return {
    traps: traps ?? DEFAULT_AUTO_ROLLBACK.traps,
    requests: requests ?? DEFAULT_AUTO_ROLLBACK.requests,
    withinMs: within ?? DEFAULT_AUTO_ROLLBACK.withinMs,
  }
}

function trimSlash(path: string): string {
  return path === '/' ? path : path.replace(/\/$/, '')
}

function sorted(methods: readonly string[] | undefined): readonly string[] | undefined {
  return methods === undefined ? undefined : [...new Set(methods)].sort()
}

function defaultMethod(route: ManifestRoute | undefined): string {
  const methods = route?.methods
  return methods === undefined || methods.includes('GET') ? 'GET' : (methods[0] ?? 'GET')
}
