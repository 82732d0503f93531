/** Reads what another worker says of a tenant. It runs strangers' programs: its numbers are believed, its shape is not. */
import { INSTANCE_STATES, type InstanceStatus, type PoolStatus } from './pool-status.ts'

/** The most characters of a status that is read. */
const MAX_STATUS_LENGTH = 8 * 1024 * 1024

const INSTANCE: InstanceStatus = {
  pid: 0,
  state: 'Idle',
  startEpochMs: 0,
  requests: 0,
  requestDurationMs: 0,
  requestMethod: '',
  requestUri: '',
  contentLength: 0,
  user: '',
  script: '',
  lastRequestCpuPercent: 0,
  lastRequestMemoryBytes: 0,
}

/** `own`: what this worker says of the same tenant. Undefined: no status of that tenant. */
export function readStatus(text: string, own: PoolStatus): PoolStatus | undefined {
  if (text.length > MAX_STATUS_LENGTH) return undefined
  const value = parse(text)
  return isStatus(value, own) ? value : undefined
}

function isStatus(value: unknown, like: PoolStatus): value is PoolStatus {
  if (!hasShapeOf(like, value) || field(value, 'pool') !== like.pool) return false
  const own = field(value, 'own')
  const [processes, wait] = [field(value, 'processes'), field(own, 'queueWait')]
  const counts = field(wait, 'counts')
  return (
    Array.isArray(processes) &&
    processes.every((one) => hasShapeOf(INSTANCE, one) && isState(field(one, 'state'))) &&
    hasShapeOf(like.own, own) &&
    isCounts(field(own, 'traps')) &&
    isCounts(field(own, 'kills')) &&
    isCounts(field(own, 'serverDroppedLogLines')) &&
    isCounts(field(own, 'outboundFailures')) &&
    hasShapeOf(like.own.queueWait, wait) &&
    Array.isArray(counts) &&
    counts.every(isCount)
  )
}

/** Whether `value` has every field of `sample`, each of the same type. */
function hasShapeOf(sample: object, value: unknown): boolean {
  return Object.entries(sample).every(([name, one]: [string, unknown]) => {
    const found = field(value, name)
    return typeof one === 'number' ? isCount(found) : typeof found === typeof one && found !== null
  })
}

function isCounts(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every(isCount)
}

function isState(value: unknown): boolean {
  return INSTANCE_STATES.some((state) => state === value)
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
