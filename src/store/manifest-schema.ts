/** What may be written into a manifest, key by key. docs/publishing.md is the reference. */

import { z } from 'zod'
import { APP_WANTED, isAppName } from '../base/app-name.ts'
import type { Lifetime } from '../base/lifetime.ts'
import { show } from '../base/show.ts'
import { areWarmPaths, WARM_PATHS_WANTED } from '../base/warm-paths.ts'
import { isName } from './layout.ts'
import type { StoreLimits } from './limits.ts'
import type { Units } from './manifest.ts'

const METHOD = /^[A-Z][A-Z0-9_-]{0,31}$/
const ENV_NAME = /^[^=\0]{1,255}$/
const HEADER_NAME = /^[A-Za-z0-9-]{1,100}$/

export const ROUTE_WANTED =
  'a path that starts with "/", without "?", "#", "%", "//", "." and ".." segments, such as "/api"'

export function isRoutePath(path: unknown): path is string {
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

export function manifestSchema(units: Units, limits: StoreLimits) {
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
    runtime: is<string>(
      'the name of a runtime',
      (value) => typeof value === 'string' && isName(value),
    ).optional(),
    app: is<string>(APP_WANTED, isAppName).optional(),
    front: is<string>('a file below the folder of scripts', isInnerPath).optional(),
    warm: is<readonly string[]>(WARM_PATHS_WANTED, areWarmPaths).optional(),
    abi: is<'cgi'>('"cgi"', (value) => value === 'cgi').default('cgi'),
    routes: z
      .array(z.union([path, z.strictObject({ path, methods: methods.optional() })]))
      .min(1)
      .max(limits.routes)
      .optional(),
    methods: methods.optional(),
    lifetime: is<Lifetime>('"reset", "fresh" or "persistent"', (value) =>
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
    static: z
      .union([staticSchema(path), z.array(staticSchema(path)).min(1).max(limits.routes)])
      .transform((one) => (Array.isArray(one) ? one : [one]))
      .optional(),
    auto_rollback: z
      .union([
        z.boolean(),
        z.strictObject({
          traps: is<number>('a share above 0 and below 1, such as 0.05', isShare).optional(),
          requests: z.int().min(1).max(1_000_000).optional(),
          within: duration.optional(),
        }),
      ])
      .optional(),
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

function staticSchema(path: z.ZodType<string>) {
  return z.strictObject({
    path,
    folder: is<string>('a folder below that of "files"', isInnerPath).optional(),
    index: is<string>('the name of a file, without "/"', isFileName).optional(),
    cache_control: is<string>('the text of a header field', isHeaderText).optional(),
  })
}

function isFileName(name: unknown): boolean {
  return isInnerPath(name) && !name.includes('/') && name.length <= 255
}

function isHeaderText(text: unknown): boolean {
  return typeof text === 'string' && /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(text)
}

function isShare(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value < 1
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

export type ManifestTable = z.infer<ReturnType<typeof manifestSchema>>
export type StaticTable = NonNullable<ManifestTable['static']>[number]
export type AutoRollbackTable = NonNullable<ManifestTable['auto_rollback']>
