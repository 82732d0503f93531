/** What a tenant's guests may connect to, and which entry decides. */
import { isIP } from 'node:net'
import { addressKind } from './address-kind.ts'

export type Protocol = 'tcp' | 'tls'

export interface HostRule {
  /** A name or an address, `*.example.org` for all names below one, `*` for all; lower case. */
  readonly host: string
  readonly ports: readonly number[]
  readonly protocol: Protocol
  /** Methods of HTTP that it may be asked with by the host's own HTTP, and by nothing else; none: whatever is sent. */
  readonly methods: readonly string[]
  /** Whether the name may lead into private networks and to this machine. */
  readonly isPrivate: boolean
  /** Whose certificates are good, as PEM; undefined: those that this machine trusts. */
  readonly ca: string | undefined
}

/** What a guest asks for: `host` in lower case, without the dot at the end. */
export interface HostTarget {
  readonly protocol: Protocol
  readonly host: string
  readonly port: number
  /** Of the one request that the host itself sends; undefined: the guest sends what it likes. */
  readonly method?: string
}

/** The first rule that allows it; of those that name the host itself before patterns. */
export function ruleFor(rules: readonly HostRule[], target: HostTarget): HostRule | undefined {
  const fitting = rules.filter(
    ({ protocol, ports, methods }) =>
      protocol === target.protocol && ports.includes(target.port) && mayAsk(methods, target),
  )
  return (
    fitting.find(({ host }) => host === target.host) ??
    fitting.find(({ host }) => isPattern(host) && covers(host, target.host))
  )
}

/**
 * Whether a connection by `rule` may go to `address`. One that the entry names is meant; patterns and names lead to others' networks
 * only if the entry says so, and never to link-local addresses: clouds hand out credentials there.
 */
export function mayReach(rule: HostRule, address: string): boolean {
  if (rule.host === address) return true
  const kind = addressKind(address)
  return kind === 'public' || (rule.isPrivate && (kind === 'private' || kind === 'loopback'))
}

function mayAsk(methods: readonly string[], { method }: HostTarget): boolean {
  return methods.length === 0 || (method !== undefined && methods.includes(method))
}

function isPattern(host: string): boolean {
  return host.startsWith('*')
}

/** An address is below no name. */
function covers(pattern: string, host: string): boolean {
  return pattern === '*' || (isIP(host) === 0 && host.endsWith(pattern.slice(1)))
}
