/**
 * Reads what a worker says. A worker runs strangers' programs: the master believes nothing about the shape of its
 * messages, and nothing in them but its own state.
 */
import type { WireError } from '../base/errors.ts'
import { MAX_USAGE_ENTRIES, type Usage } from '../base/usage.ts'
import type { RuntimeFacts, WorkerMessage } from './messages.ts'
import { readFigures } from './read-figures.ts'

/** Longest error text that is taken over. */
const MAX_TEXT = 4096

/** Longest tenant name and longest status that are carried on. */
const MAX_NAME = 64
const MAX_STATUS = 8 * 1024 * 1024

/** More than any configuration has. */
const MAX_RUNTIMES = 1024

/** More than a worker ever has to tell of one tenant at a time. */
const MAX_USED_MS = 1e9

/** Undefined: no such message. */
export function readWorkerMessage(value: unknown): WorkerMessage | undefined {
  const kind = field(value, 'kind')
  switch (kind) {
    case 'ready':
    case 'idle':
    case 'stepped-in':
      return { kind }
    case 'beat': {
      const [load, isActive] = [field(value, 'load'), field(value, 'isActive')]
      const isWorn = field(value, 'isWorn')
      const isGood = typeof load === 'number' && load >= 0 && typeof isActive === 'boolean'
      return isGood && typeof isWorn === 'boolean' ? { kind, load, isActive, isWorn } : undefined
    }
    case 'busy': {
      const doGuestsWait = field(value, 'doGuestsWait')
      return typeof doGuestsWait === 'boolean' ? { kind, doGuestsWait } : undefined
    }
    case 'give-away': {
      const address = field(value, 'address')
      return typeof address === 'string' ? { kind, address } : undefined
    }
    case 'adopted':
    case 'declined': {
      const id = field(value, 'id')
      return isId(id) ? { kind, id } : undefined
    }
    case 'ask-status': {
      const [id, tenant] = [field(value, 'id'), field(value, 'tenant')]
      return isId(id) && isText(tenant, MAX_NAME) ? { kind, id, tenant } : undefined
    }
    case 'status': {
      const [id, status] = [field(value, 'id'), field(value, 'status')]
      const isGood = isId(id) && (status === undefined || isText(status, MAX_STATUS))
      return isGood ? { kind, id, status } : undefined
    }
    case 'figures': {
      const figures = readFigures(field(value, 'figures'))
      return figures === undefined ? undefined : { kind, figures }
    }
    case 'used': {
      const usage = readUsage(field(value, 'usage'))
      return usage === undefined ? undefined : { kind, usage }
    }
    case 'runtimes': {
      const runtimes = field(value, 'runtimes')
      if (!Array.isArray(runtimes) || runtimes.length > MAX_RUNTIMES) return undefined
      const read = runtimes.map(readRuntime)
      return read.every((one) => one !== undefined) ? { kind, runtimes: read } : undefined
    }
    case 'roll-back': {
      const [tenant, handler] = [field(value, 'tenant'), field(value, 'handler')]
      const release = field(value, 'release')
      const [requests, failures] = [field(value, 'requests'), field(value, 'failures')]
      const isNamed = isText(tenant, MAX_NAME) && isText(handler, MAX_NAME) && isText(release, 64)
      return isNamed && isId(requests) && isId(failures)
        ? { kind, tenant, handler, release, requests, failures }
        : undefined
    }
    case 'failed': {
      const error = readError(field(value, 'error'))
      return error === undefined ? undefined : { kind, error }
    }
    case 'prepared': {
      const error = field(value, 'error')
      if (error === undefined) return { kind, error }
      const read = readError(error)
      return read === undefined ? undefined : { kind, error: read }
    }
    default:
      return undefined
  }
}

/** The details stay behind: nobody on this side reads them. */
function readError(value: unknown): WireError | undefined {
  const [code, message] = [field(value, 'code'), field(value, 'message')]
  if (typeof code !== 'string' || typeof message !== 'string') return undefined
  if (!/^[A-Z][A-Z0-9_]{0,63}$/.test(code)) return undefined
  return { code, message: message.slice(0, MAX_TEXT), details: {} }
}

function readRuntime(value: unknown): RuntimeFacts | undefined {
  const [name, state] = [field(value, 'name'), field(value, 'state')]
  const [tookMs, reason] = [field(value, 'tookMs'), field(value, 'reason')]
  const isGood =
    isText(name, MAX_NAME) &&
    (tookMs === undefined || (typeof tookMs === 'number' && tookMs >= 0)) &&
    (reason === undefined || typeof reason === 'string')
  if (!isGood || (state !== 'booting' && state !== 'ready' && state !== 'failed')) return undefined
  return { name, state, tookMs, reason: reason?.slice(0, MAX_TEXT) }
}

function readUsage(value: unknown): Usage | undefined {
  if (!Array.isArray(value) || value.length > MAX_USAGE_ENTRIES) return undefined
  return value.every(isUsed) ? value : undefined
}

function isUsed(entry: unknown): entry is Usage[number] {
  if (!Array.isArray(entry) || entry.length !== 2) return false
  const [tenant, usedMs] = entry
  return (
    isText(tenant, MAX_NAME) && typeof usedMs === 'number' && usedMs > 0 && usedMs <= MAX_USED_MS
  )
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length <= maxLength
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}
