/**
 * What the master and the process of the admin API say to each other, as JSON over the channel that Node opens between them.
 *
 *     master                               admin
 *     start ----------------------------->
 *     <------------------------- ready | failed
 *     <------------------------------ beat            every second from then on
 *     settings --------------------------->           others from now on
 *     <------------------------------- ask            reload, status
 *     told ------------------------------>
 *     drain ------------------------------>           ends the process
 */
import type { WireError } from '../base/errors.ts'
import type { SocketGrant } from './messages.ts'

/** A user that modules are verified as. */
export interface VerifyingUser {
  readonly uid: number
  readonly gid: number
}

/** What the admin process works with. `Settings`: the whole configuration. */
export interface AdminSettings<Settings> {
  readonly settings: Settings
  /** Absolute path of the main file. */
  readonly configFile: string
  /** The users of pools that have one, by the pool's name. */
  readonly users: Readonly<Record<string, VerifyingUser>>
}

/** A socket of the admin API. */
export interface AdminSocketGrant extends SocketGrant {
  /** Whether nobody but its owner can connect. */
  readonly isOwnersOnly: boolean
}

export type MasterToAdmin<Settings> =
  | ({
      readonly kind: 'start'
      /** Whether it shares a pipe or terminal that it has as a standard stream with nobody. */
      readonly ownsStreams: boolean
      readonly sockets: readonly AdminSocketGrant[]
    } & AdminSettings<Settings>)
  | ({ readonly kind: 'settings' } & AdminSettings<Settings>)
  /** The answer to `ask` with that id. */
  | {
      readonly kind: 'told'
      readonly id: number
      readonly error?: WireError | undefined
      readonly value?: unknown
    }
  /** To take no more requests, finish those that run for up to `graceMs`, and end. */
  | { readonly kind: 'drain'; readonly graceMs: number }

export type AdminQuestion =
  | { readonly what: 'reload' }
  /** `tenant` undefined: all. */
  | { readonly what: 'status'; readonly tenant: string | undefined }

export type AdminMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: WireError }
  /** `droppedLines`: of its logs, since its start. */
  | { readonly kind: 'beat'; readonly droppedLines: number }
  | { readonly kind: 'ask'; readonly id: number; readonly question: AdminQuestion }

/** Reads what the admin process says: strangers talk to it, so the master believes nothing about its shape. Undefined: no message. */
export function readAdminMessage(value: unknown): AdminMessage | undefined {
  switch (field(value, 'kind')) {
    case 'ready':
      return { kind: 'ready' }
    case 'beat': {
      const droppedLines = field(value, 'droppedLines')
      const isGood = Number.isSafeInteger(droppedLines) && Number(droppedLines) >= 0
      return isGood ? { kind: 'beat', droppedLines: Number(droppedLines) } : undefined
    }
    case 'failed': {
      const error = field(value, 'error')
      const [code, message] = [field(error, 'code'), field(error, 'message')]
      if (typeof code !== 'string' || typeof message !== 'string') return undefined
      return { kind: 'failed', error: { code: code.slice(0, 64), message, details: {} } }
    }
    case 'ask': {
      const [id, question] = [field(value, 'id'), readQuestion(field(value, 'question'))]
      if (!Number.isSafeInteger(id) || question === undefined) return undefined
      return { kind: 'ask', id: Number(id), question }
    }
    default:
      return undefined
  }
}

function readQuestion(value: unknown): AdminQuestion | undefined {
  const [what, tenant] = [field(value, 'what'), field(value, 'tenant')]
  if (what === 'reload') return { what }
  if (what !== 'status') return undefined
  if (tenant === undefined || typeof tenant === 'string') return { what, tenant }
  return undefined
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}
