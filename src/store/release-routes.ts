/** The routes of releases, as requests meet them, and whether several releases go together. */
import { StoreError, storeLimitError } from './errors.ts'
import type { StoreLimits } from './limits.ts'
import type { Manifest } from './manifest.ts'
import { type Route, routeConflict } from './route-table.ts'
import type { StoreReading } from './store-reading.ts'
import type { TenantState } from './tenant-state.ts'

const STATIC_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/** Paths come out one char a byte, as they are in a request. Those of files that are served directly are among them. */
export function routesOf<Handler>(manifest: Manifest, handler: Handler): readonly Route<Handler>[] {
  const routes = manifest.routes.map(({ path, methods }) => ({
    path: routeBytes(path),
    methods: methods === undefined ? undefined : new Set(methods),
    handler,
  }))
  // Scripts lie among files, and take what they like.
  const staticMethods = manifest.runtime === undefined ? STATIC_METHODS : undefined
  const statics = (manifest.statics ?? [])
    .filter(({ path }) => !manifest.routes.some((route) => route.path === path))
    .map(({ path }) => ({ path: routeBytes(path), methods: staticMethods, handler }))
  return [...routes, ...statics]
}

/** A path of a manifest as requests have it: one char a byte. */
export function routeBytes(path: string): string {
  return Buffer.from(path, 'utf8').toString('latin1')
}

/** Whether two releases answer exactly the same requests. */
export function sameRoutes(a: Manifest, b: Manifest): boolean {
  return spell(a) === spell(b)
}

function spell(manifest: Manifest): string {
  const routes = routesOf(manifest, undefined)
  const lines = routes.map(({ path, methods }) =>
    JSON.stringify([path, methods === undefined ? 'all' : [...methods].sort()]),
  )
  return lines.sort().join('\n')
}

/** Rejects with STORE_ROUTE_TAKEN when two of a tenant's handlers would answer one request, STORE_LIMIT_EXCEEDED. */
export async function refuseConflict(
  tenant: string,
  { handlers }: TenantState,
  { reading, limits }: { readonly reading: StoreReading; readonly limits: StoreLimits },
): Promise<void> {
  const names = Object.keys(handlers)
  if (names.length > limits.handlers) {
    throw storeLimitError(`switch for tenant ${tenant}`, {
      limit: 'handlers',
      actual: names.length,
      wanted: limits.handlers,
    })
  }
  // A canary has the routes of what is live beside it.
  const releases = await Promise.all(
    Object.entries(handlers).map(async ([name, pointer]) => ({
      name,
      release: await reading.release(pointer.release),
    })),
  )
  const conflict = routeConflict(
    releases.flatMap(({ name, release }) => routesOf(release.manifest, name)),
  )
  if (conflict === undefined) return
  const [{ handler: one, path }, { handler: other }] = conflict
  throw new StoreError(
    'STORE_ROUTE_TAKEN',
    `Cannot make ${tenant}/${other} live: ${tenant}/${one} answers ${path} too, wanted another route or the same handler name`,
    { details: { tenant, route: path, handler: one, other } },
  )
}
