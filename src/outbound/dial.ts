/** Opens a socket to one place. */
import { readFileSync } from 'node:fs'
import { connect, isIP, type Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { systemAuthorities } from '../base/system-authorities.ts'

export type Place =
  | { readonly kind: 'unix'; readonly path: string }
  /** `address` is one, never a name. */
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  | {
      readonly kind: 'tls'
      readonly address: string
      readonly port: number
      /** Whose certificate the peer must have. */
      readonly host: string
      readonly trust: Trust
    }

/** Whose certificates are good, as PEM; undefined: those that this machine trusts, and where it has no list, that Node knows. */
export interface Trust {
  readonly ca: string | undefined
}

/** Made once, for certificates take a while to read. */
const contexts = new WeakMap<Trust, SecureContext>()
const OF_MACHINE: Trust = { ca: undefined }

/** Does ahead of need what the first TLS connection of a process would hold the thread for: some 80 ms, most of it for the machine's list. */
export async function prepareTls({ trustsMachine }: { trustsMachine: boolean }): Promise<void> {
  const tls = await import('node:tls')
  if (trustsMachine) contextFor(OF_MACHINE, tls)
}

/** Resolves when bytes may go, in TLS after the peer has proved who it is. An abort ends it. Rejects. */
export async function dial(place: Place, signal: AbortSignal): Promise<Socket> {
  // Few tenants need it, and it is large.
  const tls = place.kind === 'tls' ? await import('node:tls') : undefined
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = open(place, tls)
    // Between here and there somebody always listens: an error that nobody hears ends the process.
    socket.on('error', () => undefined)
    const giveUp = (): void => {
      socket.destroy()
      reject(new Error('nobody waits for it'))
    }
    const failed = (error: Error): void => {
      signal.removeEventListener('abort', giveUp)
      socket.destroy()
      reject(error)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    socket.once('error', failed)
    socket.once(place.kind === 'tls' ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', giveUp)
      socket.off('error', failed)
      resolve(socket)
    })
  })
}

function open(place: Place, tls: typeof import('node:tls') | undefined): Socket {
  // Whoever has had everything may still have something to say.
  const usual = { allowHalfOpen: true, noDelay: true } as const
  if (place.kind === 'unix') return connect({ ...usual, path: place.path })
  const { address: host, port } = place
  if (place.kind === 'tcp' || tls === undefined) return connect({ ...usual, host, port })
  return tls.connect({
    ...{ ...usual, host, port, rejectUnauthorized: true },
    // An address is no server name; then the certificate must have the address.
    ...(isIP(place.host) === 0 ? { servername: place.host } : {}),
    secureContext: contextFor(place.trust, tls),
  })
}

function contextFor(trust: Trust, tls: typeof import('node:tls')): SecureContext {
  const key = trust.ca === undefined ? OF_MACHINE : trust
  let context = contexts.get(key)
  if (context === undefined) {
    const ca = trust.ca ?? ownAuthorities()
    context = tls.createSecureContext(ca === undefined ? {} : { ca })
    contexts.set(key, context)
  }
  return context
}

/** undefined, too, where it may not be read: a list of Node's own is better than a worker that ends. */
function ownAuthorities(): string | undefined {
  try {
    const path = systemAuthorities()
    return path === undefined ? undefined : readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
