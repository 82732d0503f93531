/**
 * A configuration on its way from the master to a worker. Tenants differ in few things: what most have alike travels once,
 * and is one object in the worker as well.
 */
import type { Config, TenantConfig } from './config.ts'

/** Plain data that JSON carries. */
export interface PackedConfig extends Omit<Config, 'tenants'> {
  /** What tenants have that say nothing else; undefined: there are no tenants. */
  readonly usual: TenantConfig | undefined
  readonly tenants: readonly PackedTenant[]
}

/** How a tenant differs from the usual one. */
interface PackedTenant {
  readonly has: Partial<TenantConfig>
  /** Keys that are undefined, unlike the usual tenant's. JSON has no undefined. */
  readonly lacks?: ReadonlyArray<keyof TenantConfig>
}

/** Parts are told apart by identity: the more of them are shared (`SharedParts`), the less there is to carry. */
export function packConfig(config: Config): PackedConfig {
  const [usual] = config.tenants
  const tenants =
    usual === undefined ? [] : config.tenants.map((tenant) => difference(tenant, usual))
  return { ...config, usual, tenants }
}

export function unpackConfig({ usual, ...packed }: PackedConfig): Config {
  return {
    ...packed,
    tenants: usual === undefined ? [] : packed.tenants.map((tenant) => restore(tenant, usual)),
  }
}

function difference(tenant: TenantConfig, usual: TenantConfig): PackedTenant {
  const keys = Object.keys({ ...usual, ...tenant }) as Array<keyof TenantConfig>
  const others = keys.filter((key) => tenant[key] !== usual[key])
  const lacks = others.filter((key) => tenant[key] === undefined)
  const has = Object.fromEntries(others.map((key) => [key, tenant[key]]))
  return lacks.length === 0 ? { has } : { has, lacks }
}

function restore({ has, lacks }: PackedTenant, usual: TenantConfig): TenantConfig {
  if (lacks === undefined) return { ...usual, ...has }
  const kept = Object.entries(usual).filter(([key]) => !lacks.includes(key as keyof TenantConfig))
  return { ...(Object.fromEntries(kept) as unknown as TenantConfig), ...has }
}
