/** What a guest does with wasi:http's fields. */
import { fault } from '../guest-fault.ts'
import { type Case, caseOf, err, OK, ok } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { type Interface, plain } from './host-function.ts'
import { type FieldEntry, Fields } from './http-fields.ts'

/** RFC 9110: a token, and visible characters with spaces and tabs between them. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,1024}$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a value must not have
const VALUE = /^[^\x00-\x08\x0a-\x1f\x7f]*$/
/** Between the web server and its client. `status` would be ours in the answer. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['transfer-encoding', 'upgrade', 'http2-settings', 'te', 'trailer', 'status'],
])
/** Of one list of fields. */
export const MAX_FIELDS = 1_000
export const MAX_FIELD_BYTES: number = 128 * 1024
/** What it takes to look at one of them, in nanoseconds. */
const FIELD_WORK = 30
/** Bytes that each takes beside its name and value. */
const FIELD_KEPT = 32

const INVALID = err(caseOf('invalid-syntax'))

/** Bytes of their names and values. More than may be is a fault, before anything else is asked about them. */
function bytesOf(entries: readonly FieldEntry[]): number {
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  if (entries.length > MAX_FIELDS || bytes > MAX_FIELD_BYTES)
    throw fault(`more than ${MAX_FIELDS} fields, or ${MAX_FIELD_BYTES} bytes of them`)
  return bytes
}

const problemOf = (
  fields: Fields,
  name: string,
  values: readonly Uint8Array[],
): Case | undefined => {
  if (!NAME.test(name)) return INVALID
  if (!values.every((value) => VALUE.test(Buffer.from(value).toString('latin1')))) return INVALID
  if (FORBIDDEN.has(name.toLowerCase())) return err(caseOf('forbidden'))
  return fields.isMutable ? undefined : err(caseOf('immutable'))
}

function change(
  host: ComponentHost,
  fields: Fields,
  { name, values, keeps }: { name: string; values: readonly Uint8Array[]; keeps: boolean },
): Case {
  host.charge(fields.entries.length * FIELD_WORK)
  bytesOf(values.map((value): FieldEntry => [name, value]))
  const problem = problemOf(fields, name, values)
  if (problem !== undefined) return problem
  const lower = name.toLowerCase()
  const kept = keeps
    ? fields.entries
    : fields.entries.filter(([own]) => own.toLowerCase() !== lower)
  const entries = [...kept, ...values.map((value): FieldEntry => [lower, value])]
  host.calls.keep(bytesOf(entries) + entries.length * FIELD_KEPT)
  fields.entries = entries
  return OK
}

export const FIELDS: Interface = {
  '[constructor]fields': plain('() -> own<$fields>', () => () => new Fields()),
  '[static]fields.from-list': plain(
    '(list<tuple<string, list<u8>>>) -> result<own<$fields>, $header-error>',
    (host) => (entries: readonly FieldEntry[]) => {
      const fields = new Fields()
      const bytes = bytesOf(entries)
      host.charge(entries.length * FIELD_WORK)
      const sorted: FieldEntry[] = []
      for (const [name, value] of entries) {
        const problem = problemOf(fields, name, [value])
        if (problem !== undefined) return problem
        sorted.push([name.toLowerCase(), value])
      }
      const [first] = sorted
      if (first === undefined) return ok(fields)
      host.calls.keep(bytes + sorted.length * FIELD_KEPT)
      fields.entries = sorted
      return ok(fields)
    },
  ),
  '[method]fields.get': plain(
    '(borrow<$fields>, string) -> list<list<u8>>',
    (host) => (self: Fields, name: string) => {
      host.charge(self.entries.length * FIELD_WORK)
      return self.named(name)
    },
  ),
  '[method]fields.has': plain(
    '(borrow<$fields>, string) -> bool',
    (host) => (self: Fields, name: string) => {
      host.charge(self.entries.length * FIELD_WORK)
      return self.named(name).length > 0
    },
  ),
  '[method]fields.set': plain(
    '(borrow<$fields>, string, list<list<u8>>) -> result<_, $header-error>',
    (host) => (self: Fields, name: string, values: readonly Uint8Array[]) =>
      change(host, self, { name, values, keeps: false }),
  ),
  '[method]fields.delete': plain(
    '(borrow<$fields>, string) -> result<_, $header-error>',
    (host) => (self: Fields, name: string) =>
      change(host, self, { name, values: [], keeps: false }),
  ),
  '[method]fields.append': plain(
    '(borrow<$fields>, string, list<u8>) -> result<_, $header-error>',
    (host) => (self: Fields, name: string, value: Uint8Array) =>
      change(host, self, { name, values: [value], keeps: true }),
  ),
  '[method]fields.entries': plain(
    '(borrow<$fields>) -> list<tuple<string, list<u8>>>',
    () => (self: Fields) => self.entries,
  ),
  '[method]fields.clone': plain(
    '(borrow<$fields>) -> own<$fields>',
    () => (self: Fields) => new Fields(self.entries),
  ),
}
