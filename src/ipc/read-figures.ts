/** Reads a worker's figures: it runs strangers' programs, and nothing of its shape is believed. */
import {
  TENANT_COUNTS,
  TENANT_GAUGES,
  type TenantFigures,
  type WorkerFigures,
} from '../base/figures.ts'

/** More than any server has. */
const MAX_TENANTS = 200_000
/** More than there are. */
const MAX_KINDS = 32
const MAX_BOUNDS = 32

/** Undefined: these are none. */
export function readFigures(value: unknown): WorkerFigures | undefined {
  const [cpuMs, connections] = [field(value, 'cpuMs'), field(value, 'connections')]
  const [receivedBytes, sentBytes] = [field(value, 'receivedBytes'), field(value, 'sentBytes')]
  const [waits, waitedMs] = [field(value, 'waits'), field(value, 'waitedMs')]
  const tenants = field(value, 'tenants')
  if (!isAmount(cpuMs) || !isAmount(connections) || !isAmount(waitedMs)) return undefined
  if (!isAmount(receivedBytes) || !isAmount(sentBytes)) return undefined
  if (!areWaits(waits) || !Array.isArray(tenants) || tenants.length > MAX_TENANTS) return undefined
  if (!tenants.every(areTenantFigures)) return undefined
  return { cpuMs, connections, receivedBytes, sentBytes, waits, waitedMs, tenants }
}

function areTenantFigures(value: unknown): value is TenantFigures {
  const tenant = field(value, 'tenant')
  return (
    typeof tenant === 'string' &&
    tenant.length <= 64 &&
    areAmounts(field(value, 'counts'), TENANT_COUNTS.length) &&
    areAmounts(field(value, 'gauges'), TENANT_GAUGES.length) &&
    areKinds(field(value, 'traps')) &&
    areKinds(field(value, 'kills'))
  )
}

function areWaits(value: unknown): value is WorkerFigures['waits'] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_BOUNDS &&
    value.every((one: unknown) => areAmounts(one, 2))
  )
}

function areKinds(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const entries = Object.entries(value)
  return (
    entries.length <= MAX_KINDS &&
    entries.every(([kind, count]) => /^[a-z0-9_-]{1,40}$/i.test(kind) && isAmount(count))
  )
}

function areAmounts(value: unknown, length: number): boolean {
  return Array.isArray(value) && value.length === length && value.every(isAmount)
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}
