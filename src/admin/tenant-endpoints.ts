/** What can be read about tenants: what they have published, what answers, how they do. */
import type { TenantConfig } from '../config/config.ts'
import { withRuntimeEndings } from '../config/runtime-use.ts'
import { mergeTold } from '../gateway/status/merge-told.ts'
import type { PoolStatus } from '../gateway/status/pool-status.ts'
import type { TenantState } from '../store/tenant-state.ts'
import type { Principal } from './authenticate.ts'
import { type AdminContext, tenantOf } from './context.ts'
import type { Answer, Endpoint } from './endpoint.ts'
import { listRoutes, type RouteRow } from './list-routes.ts'
import { readCount } from './read-count.ts'
import {
  ownTokenSchema,
  releasesSchema,
  routesSchema,
  statusSchema,
  tenantSchema,
  tenantStatusSchema,
  tenantsSchema,
} from './schemas.ts'

export function tenantEndpoints(context: AdminContext): readonly Endpoint[] {
  return [
    {
      id: 'listTenants',
      method: 'GET',
      path: '/v1/tenants',
      reach: 'any',
      scope: 'read',
      summary: 'The tenants of the configuration; with a token of a tenant, that one.',
      query: [
        { name: 'after', description: 'The name that the answer before gave as next.' },
        { name: 'limit', description: 'How many at most.' },
      ],
      response: { status: 200, description: 'Sorted by name.', schema: tenantsSchema },
      isChange: false,
      handle: async ({ principal, query }) => {
        const { tenants } = context.settings().settings
        const after = query.get('after') ?? ''
        const limit = readCount('limit', query.get('limit'), {
          least: 1,
          most: context.limits.page,
          usual: context.limits.page,
        })
        const seen = tenants
          .filter(({ name }) => principal.tenant === undefined || principal.tenant === name)
          .filter(({ name }) => name > after)
          .sort((a, b) => (a.name < b.name ? -1 : 1))
        const values: object[] = []
        for (const tenant of seen.slice(0, limit)) values.push(await describe(context, tenant))
        return ok({
          tenants: values,
          next: seen.length > limit ? seen[limit - 1]?.name : undefined,
        })
      },
    },
    {
      id: 'getOwnToken',
      method: 'GET',
      path: '/v1/token',
      reach: 'any',
      scope: undefined,
      summary: 'What the token that asks is good for.',
      response: { status: 200, description: 'Without its secret.', schema: ownTokenSchema },
      isChange: false,
      handle: async ({ principal: { id, name, tenant, scopes } }) =>
        ok({ id, name, tenant, scopes: [...scopes] }),
    },
    {
      id: 'getTenant',
      method: 'GET',
      path: '/v1/tenants/{tenant}',
      reach: 'tenant',
      scope: 'read',
      summary: 'A tenant and what is live of it.',
      response: { status: 200, description: 'The tenant.', schema: tenantSchema },
      isChange: false,
      handle: async ({ tenant }) => ok(await describe(context, tenantOf(context, tenant))),
    },
    {
      id: 'listReleases',
      method: 'GET',
      path: '/v1/tenants/{tenant}/releases',
      reach: 'tenant',
      scope: 'read',
      summary: 'What a tenant has published.',
      response: { status: 200, description: 'Newest first.', schema: releasesSchema },
      isChange: false,
      handle: async ({ tenant }) => ok({ releases: await releasesOf(context, tenant) }),
    },
    {
      id: 'listRoutes',
      method: 'GET',
      path: '/v1/tenants/{tenant}/routes',
      reach: 'tenant',
      scope: 'read',
      summary: 'What answers where: handlers, canaries, static files, own pages, the root.',
      response: {
        status: 200,
        description: 'What answers first comes first.',
        schema: routesSchema,
      },
      isChange: false,
      handle: async ({ tenant, principal }) =>
        ok({ routes: await routesOf(context, tenant, principal) }),
    },
    {
      id: 'getTenantStatus',
      method: 'GET',
      path: '/v1/tenants/{tenant}/status',
      reach: 'tenant',
      scope: 'read',
      summary: 'How a tenant does: instances, queue, requests.',
      response: { status: 200, description: 'Over all workers.', schema: tenantStatusSchema },
      isChange: false,
      handle: async ({ tenant }) => {
        const { name, pool } = tenantOf(context, tenant)
        const { tenants } = readStatus(await context.master.status(name))
        return ok(tenants.find((one) => one.tenant === name) ?? { tenant, pool })
      },
    },
    {
      id: 'getStatus',
      method: 'GET',
      path: '/v1/status',
      reach: 'operator',
      scope: 'read',
      summary: 'The processes, and how all tenants do.',
      response: { status: 200, description: 'The status.', schema: statusSchema },
      isChange: false,
      handle: async () => ok(readStatus(await context.master.status(undefined))),
    },
  ]
}

async function describe({ store }: AdminContext, tenant: TenantConfig): Promise<object> {
  const { name, pool, hosts } = tenant
  const { sequence, handlers } = await store.state(name)
  return { name, pool, hosts, sequence, handlers: liveHandlers(handlers) }
}

function liveHandlers(handlers: TenantState['handlers']): readonly object[] {
  return Object.keys(handlers)
    .sort()
    .map((name) => {
      const { release, switchedAt, canary } = handlers[name] ?? {}
      return { name, release, switchedAt, canary }
    })
}

async function releasesOf(context: AdminContext, tenant: string): Promise<readonly object[]> {
  const { store } = context
  const { name } = tenantOf(context, tenant)
  const signatures = await store.signatures(name)
  const rows: object[] = []
  for (const entry of await store.releases(name)) {
    const own = signatures.filter(({ release }) => release === entry.release)
    const { manifest, original, image } = await store.release(entry.release)
    rows.push({
      number: entry.number,
      release: entry.release,
      handler: entry.handler,
      publishedAt: entry.publishedAt,
      isLive: entry.isLive,
      canary: entry.canary,
      routes: manifest.routes,
      lifetime: manifest.lifetime,
      moduleBytes: original?.bytes ?? 0,
      runtime: manifest.runtime,
      files: image?.files ?? 0,
      fileBytes: image?.bytes ?? 0,
      signedBy: own.map(({ keyId }) => keyId),
    })
  }
  return rows
}

async function routesOf(
  context: AdminContext,
  name: string,
  { tenant }: Principal,
): Promise<readonly RouteRow[]> {
  const { runtimes } = context.settings().settings
  const seen = withRuntimeEndings(tenantOf(context, name), runtimes)
  const rows = await listRoutes(seen, context.store)
  // Where it is on this machine is the operator's.
  const isOwn = ({ kind }: RouteRow): boolean => kind === 'document-root' && tenant !== undefined
  return rows.map((row) => (isOwn(row) ? { ...row, target: 'its root' } : row))
}

interface ToldTenant {
  readonly tenant: string
  readonly pool: string
  readonly statuses: readonly string[]
}

/** The master carries what workers say of their tenants unread. */
function readStatus(value: unknown): { readonly tenants: ReadonlyArray<TenantStatus> } {
  const { tenants, ...rest } = value as { readonly tenants: readonly ToldTenant[] }
  return {
    ...rest,
    tenants: tenants.map(({ tenant, pool, statuses }) => ({
      tenant,
      pool,
      status: mergeTold(tenant, statuses),
    })),
  }
}

interface TenantStatus {
  readonly tenant: string
  readonly pool: string
  readonly status: PoolStatus | undefined
}

function ok(value: object): Answer {
  return { status: 200, value }
}
