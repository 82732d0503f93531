/** What a guest says of a request and of how long it waits for its answer, in each version of wasi:http: the same by other names. */
import { type Case, caseOf, err, HostResource, NONE, OK, some } from '../value.ts'
import { type Interface, plain } from './host-function.ts'
import { methodNamed } from './http-request.ts'

export class RequestOptions extends HostResource {
  isMutable = true
  connect: Case = NONE
  'first-byte': Case = NONE
  'between-bytes': Case = NONE
}

interface Names {
  /** How names of functions have it. */
  readonly resource: string
  /** How types have it. */
  readonly handle: string
  /** Before the name of what is asked for. */
  readonly getter: '' | 'get-'
}

type Part = 'method' | 'path' | 'scheme' | 'authority'

/** What its text must be: RFC 9110's tokens, RFC 9112's targets, RFC 3986's scheme and host without anybody's name. */
const FORMS: Readonly<Record<Part, RegExp>> = {
  method: /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/,
  path: /^(?:[/?][\x21\x22\x24-\x7e]{0,8191}|\*|)$/,
  scheme: /^[A-Za-z][A-Za-z0-9+.-]{0,31}$/,
  authority: /^(?:\[[0-9A-Fa-f:.]{2,64}\]|[A-Za-z0-9_.-]{1,254})(?::[0-9]{1,5})?$/,
}

/** What has a case of its own has it however it is said. */
const KNOWN: Readonly<Partial<Record<Part, (value: Case) => Case>>> = {
  method: (value) => (value.tag === 'other' ? methodNamed(textOf(value) ?? '') : value),
  scheme: (value) => {
    const text = textOf(value)?.toUpperCase()
    return text === 'HTTP' || text === 'HTTPS' ? some(caseOf(text)) : value
  },
}

export function requestParts({ resource, handle, getter }: Names): Interface {
  const part = (key: Part, name: string, type: string): Interface => ({
    [`[method]${resource}.${getter}${name}`]: plain(
      `(borrow<${handle}>) -> ${type}`,
      () => (self: Readonly<Record<Part, Case>>) => self[key],
    ),
    [`[method]${resource}.set-${name}`]: plain(
      `(borrow<${handle}>, ${type}) -> result<_, _>`,
      (host) => (self: Record<Part, Case>, value: Case) => {
        const text = textOf(value)
        if (text !== undefined && !FORMS[key].test(text)) return err()
        host.calls.keep(text?.length ?? 0)
        self[key] = KNOWN[key]?.(value) ?? value
        return OK
      },
    ),
  })
  return {
    ...part('method', 'method', '$method'),
    ...part('path', 'path-with-query', 'option<string>'),
    ...part('scheme', 'scheme', 'option<$scheme>'),
    ...part('authority', 'authority', 'option<string>'),
  }
}

/** The text in it. */
export function textOf({ value }: Case): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'object' && 'tag' in value ? textOf(value) : undefined
}

/** `problem`: the type of why one cannot be set. */
export function requestTimeouts({ resource, handle, getter }: Names, problem: string): Interface {
  const timeout = (name: 'connect' | 'first-byte' | 'between-bytes'): Interface => ({
    [`[method]${resource}.${getter}${name}-timeout`]: plain(
      `(borrow<${handle}>) -> option<u64>`,
      () => (self: RequestOptions) => self[name],
    ),
    [`[method]${resource}.set-${name}-timeout`]: plain(
      `(borrow<${handle}>, option<u64>) -> result<_, ${problem}>`,
      () => (self: RequestOptions, value: Case) => {
        if (!self.isMutable) return err(caseOf('immutable'))
        self[name] = value
        return OK
      },
    ),
  })
  return { ...timeout('connect'), ...timeout('first-byte'), ...timeout('between-bytes') }
}
