/**
 * The manifest of a handler, `wasm-fpm.json`: what a tenant says about a module. docs/publishing.md is the reference.
 * Nothing in it grants anything: limits only go down from the tenant's.
 */
import { z } from 'zod'
import { StoreError, storeLimitError } from './errors.ts'
import { isName } from './layout.ts'
import { DEFAULT_STORE_LIMITS, type StoreLimits } from './limits.ts'

export const MANIFEST_NAME = 'wasm-fpm.json'

export type HandlerLifetime = 'reset' | 'fresh' | 'persistent'

export interface ManifestRoute {
  /** Starts with `/`; does not end with one, unless it is all of it. */
  readonly path: string
  /** Upper case, sorted; undefined: all. HEAD comes with GET. */
  readonly methods?: readonly string[] | undefined
}

/** What a handler may use; what is left out is the tenant's. Sizes in bytes, times in milliseconds. */
export interface HandlerLimits {
  readonly memoryBytes?: number | undefined
  readonly cpuMs?: number | undefined
  readonly wallMs?: number | undefined
  readonly requestBodyBytes?: number | undefined
  readonly responseBodyBytes?: number | undefined
}

/** The request a handler must answer before it goes live. */
export interface ProbeRequest {
  readonly method: string
  /** With the query, if any. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The status it must answer with; undefined: any below 500. */
  readonly status?: number | undefined
  /** What the body must have in it. */
  readonly contains?: string | undefined
}

export interface Manifest {
  /** Name of the handler among those of its tenant. */
  readonly name: string
  /** The module's file, relative to the manifest; undefined: the only `.wasm` there is. */
  readonly module?: string | undefined
  readonly abi: 'cgi'
  readonly routes: readonly ManifestRoute[]
  /** Undefined: `reset`, and `fresh` for a module that cannot be reset. */
  readonly lifetime?: HandlerLifetime | undefined
  readonly env: Readonly<Record<string, string>>
  readonly limits: HandlerLimits
  /** A folder, relative to the manifest, whose contents the guest sees at `/`. */
  readonly files?: string | undefined
  readonly probe: ProbeRequest
}

/** How sizes and durations are written: the configuration's own functions. Undefined: that is not one. */
export interface Units {
  readonly size: (value: unknown) => number | undefined
  readonly duration: (value: unknown) => number | undefined
}

export interface ManifestOptions {
  /** What the handler is called, and which route it has, when the manifest does not say. */
  readonly name: string
  /** From the command line: takes the place of the manifest's routes. */
  readonly route?: string | undefined
  readonly units: Units
  readonly limits?: StoreLimits
}

const METHOD = /^[A-Z][A-Z0-9_-]{0,31}$/
const ENV_NAME = /^[^=\0]{1,255}$/
const HEADER_NAME = /^[A-Za-z0-9-]{1,100}$/

/** Reads a manifest; empty bytes are an empty one. Throws STORE_BAD_MANIFEST and STORE_LIMIT_EXCEEDED. */
export function readManifest(bytes: Uint8Array, options: ManifestOptions): Manifest {
  const { limits = DEFAULT_STORE_LIMITS, name, route, units } = options
  if (bytes.length > limits.manifestBytes) {
    throw storeLimitError(`read ${MANIFEST_NAME}`, {
      limit: 'manifestBytes',
      actual: bytes.length,
      wanted: limits.manifestBytes,
    })
  }
  const table = manifestSchema(units, limits).safeParse(parseJson(bytes))
  if (!table.success) throw badManifest(table.error)
  const { methods: common, routes: asked, probe, ...rest } = table.data
  const methods = sorted(common)
  const given = route === undefined ? (asked ?? ['/']) : [checkRoute(route)]
  const routes = given.map((one): ManifestRoute => {
    const { path, methods: own } = typeof one === 'string' ? { path: one, methods: undefined } : one
    return { path: trimSlash(path), methods: sorted(own) ?? methods }
  })
  refuseTwice(routes)
  const first = routes[0]
  return {
    ...rest,
    name: rest.name ?? name,
    routes,
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

const ROUTE_WANTED =
  'a path that starts with "/", without "?", "#", "%", "//", "." and ".." segments, such as "/api"'

function isRoutePath(path: unknown): path is string {
  return (
    typeof path === 'string' &&
    path.length <= 1024 &&
    /^\/[^?#%\0-\x20\x7f]*$/.test(path) &&
    !path.includes('//') &&
    !path.split('/').some((segment) => segment === '.' || segment === '..')
  )
}

/** Relative, below its folder, spelled in one way only. */
function isInnerPath(path: unknown): path is string {
  return (
    typeof path === 'string' &&
    path.length <= 1024 &&
    !/[\0\\]/.test(path) &&
    path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  )
}

function manifestSchema(units: Units, limits: StoreLimits) {
  const methods = z
    .array(is<string>('an upper-case HTTP method', (value) => METHOD.test(String(value))))
    .min(1)
    .max(32)
  const path = is<string>(ROUTE_WANTED, isRoutePath)
  const size = quantity('a size such as "64MiB"', units.size)
  const duration = quantity('a duration such as "10s"', units.duration)
  return z.strictObject({
    name: is<string>(
      '1 to 63 letters, digits, ".", "_" or "-", a letter or digit first',
      (value) => typeof value === 'string' && isName(value),
    ).optional(),
    module: is<string>('a file below this folder', isInnerPath).optional(),
    abi: is<'cgi'>('"cgi"', (value) => value === 'cgi').default('cgi'),
    routes: z
      .array(z.union([path, z.strictObject({ path, methods: methods.optional() })]))
      .min(1)
      .max(limits.routes)
      .optional(),
    methods: methods.optional(),
    lifetime: is<HandlerLifetime>('"reset", "fresh" or "persistent"', (value) =>
      ['reset', 'fresh', 'persistent'].includes(String(value)),
    ).optional(),
    env: strings('names without "=" and texts without NUL', (name) => ENV_NAME.test(name)).default(
      {},
    ),
    limits: z
      .strictObject({
        memory: size.optional(),
        cpu: duration.optional(),
        wall: duration.optional(),
        request_body: size.optional(),
        response_body: size.optional(),
      })
      .transform(({ memory, cpu, wall, request_body, response_body }) => ({
        memoryBytes: memory,
        cpuMs: cpu,
        wallMs: wall,
        requestBodyBytes: request_body,
        responseBodyBytes: response_body,
      }))
      .prefault({}),
    files: is<string>('a folder below this one', isInnerPath).optional(),
    probe: z
      .strictObject({
        method: is<string>('an upper-case HTTP method', (value) =>
          METHOD.test(String(value)),
        ).optional(),
        path: is<string>('a path that starts with "/"', (value) =>
          /^\/[\x21-\x7e]{0,4095}$/.test(String(value)),
        ).optional(),
        headers: strings('header names and texts', (name) => HEADER_NAME.test(name)).optional(),
        body: z.string().optional(),
        status: z.int().min(200).max(999).optional(),
        contains: z.string().min(1).optional(),
      })
      .optional(),
  })
}

function is<T>(wanted: string, test: (value: unknown) => boolean) {
  return z.custom<T>(test, { error: ({ input }) => `is ${show(input)}, wanted ${wanted}` })
}

function quantity(wanted: string, read: (value: unknown) => number | undefined) {
  return is<string | number>(wanted, (value) => read(value) !== undefined).transform(
    (value) => read(value) ?? 0,
  )
}

function strings(wanted: string, isKey: (name: string) => boolean) {
  const test = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(
      ([name, text]) => isKey(name) && typeof text === 'string' && !text.includes('\0'),
    )
  return is<Record<string, string>>(`a table of ${wanted}`, test)
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {}
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StoreError(
      'STORE_BAD_MANIFEST',
      `Cannot read ${MANIFEST_NAME}: ${reason}, wanted JSON in UTF-8`,
      { cause },
    )
  }
}

function badManifest(error: z.ZodError): StoreError {
  const problems = error.issues.slice(0, 10).map(({ path, message }) => {
    const where = path.map(String).join('.') || 'the whole'
    return `${where}: ${message}`
  })
  return new StoreError(
    'STORE_BAD_MANIFEST',
    `Cannot read ${MANIFEST_NAME}: ${problems.join('; ')}`,
  )
}

function refuseTwice(routes: readonly ManifestRoute[]): void {
  const seen = new Set<string>()
  for (const { path } of routes) {
    if (seen.has(path)) {
      throw new StoreError(
        'STORE_BAD_MANIFEST',
        `Cannot read ${MANIFEST_NAME}: route ${show(path)} is there twice, wanted it once`,
      )
    }
    seen.add(path)
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

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
