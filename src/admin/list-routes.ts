/** Which paths of a tenant answer, and what answers there: published handlers, own pages, the document root. */
import type { TenantConfig } from '../config/config.ts'
import type { Release } from '../store/release.ts'
import type { ReleaseStore } from '../store/release-store.ts'

export interface RouteRow {
  readonly tenant: string
  /** Host names that lead to the tenant; empty: those of the configuration are not known, or there are none. */
  readonly hosts: readonly string[]
  readonly path: string
  /** Undefined: all. */
  readonly methods: readonly string[] | undefined
  readonly kind: 'handler' | 'files' | 'page' | 'document-root'
  /** The handler's name, the page's, or the folder. */
  readonly target: string
  /** What runs its scripts; undefined: it is a module. */
  readonly runtime: string | undefined
  /** Of a published handler: its digest. */
  readonly release: string | undefined
  /** Of a canary: its share in percent. */
  readonly weight: number | undefined
}

/** What answers first stands first. `store`: undefined: nothing is published. Rejects with `StoreError`. */
export async function listRoutes(
  tenant: Pick<TenantConfig, 'name'> & Partial<TenantConfig>,
  store: Pick<ReleaseStore, 'state' | 'release'> | undefined,
): Promise<readonly RouteRow[]> {
  const published = store === undefined ? [] : await publishedRoutes(tenant.name, store)
  const rows = [...ownPages(tenant), ...published, ...documentRoot(tenant)]
  return rows.map((row) => ({ ...row, tenant: tenant.name, hosts: tenant.hosts ?? [] }))
}

type Row = Omit<RouteRow, 'tenant' | 'hosts'>

async function publishedRoutes(
  tenant: string,
  store: Pick<ReleaseStore, 'state' | 'release'>,
): Promise<readonly Row[]> {
  const { handlers } = await store.state(tenant)
  const rows: Row[] = []
  for (const [name, { release, canary }] of Object.entries(handlers)) {
    rows.push(...releaseRoutes(name, await store.release(release), { release, weight: undefined }))
    if (canary === undefined) continue
    const { weight } = canary
    const beside = await store.release(canary.release)
    rows.push(...releaseRoutes(name, beside, { release: canary.release, weight }))
  }
  // As requests find them: the longest first.
  return rows.toSorted(
    (left, right) => right.path.length - left.path.length || (left.path < right.path ? -1 : 1),
  )
}

function releaseRoutes(
  target: string,
  { manifest: { routes, runtime, statics = [] } }: Release,
  of: Pick<Row, 'release' | 'weight'>,
): readonly Row[] {
  const all = { target, runtime, ...of }
  return [
    ...routes.map(({ path, methods }): Row => ({ path, methods, kind: 'handler', ...all })),
    ...statics.map(({ path }): Row => ({ path, methods: ['GET', 'HEAD'], kind: 'files', ...all })),
  ]
}

const NO_RELEASE = { runtime: undefined, methods: undefined, release: undefined, weight: undefined }

function ownPages({ pmStatusPath, pingPath, readyPath }: Partial<TenantConfig>): readonly Row[] {
  const pages = [
    { path: pmStatusPath, target: 'status page' },
    { path: pingPath, target: 'ping page' },
    { path: readyPath, target: 'ready page' },
  ]
  return pages.flatMap(({ path, target }): readonly Row[] =>
    path === undefined ? [] : [{ ...NO_RELEASE, path, kind: 'page', target }],
  )
}

function documentRoot({ root, limitExtensions = [] }: Partial<TenantConfig>): readonly Row[] {
  if (root === undefined) return []
  const path = limitExtensions.map((extension) => `/**/*${extension}`).join(' ')
  return [{ ...NO_RELEASE, path, kind: 'document-root', target: root }]
}
