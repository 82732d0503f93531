/** wasi:keyvalue (0.2.0-draft2, and 0.2.0-draft): buckets in folders that the tenant was granted. */
import { type Case, caseOf, err, HostResource, NONE, OK, ok, some, type Value } from '../value.ts'
import { type HostFunction, type Interface, plain, waiting } from './host-function.ts'
import { isRefusal, KeyvalueBucket, type Refusal, refusal } from './keyvalue-bucket.ts'
import type { OpenFd } from './open-fd.ts'
import type { Preview1Calls } from './preview1-calls.ts'

/** Of one call. */
export const MAX_BATCH_KEYS = 16
/** Of the values that one call is answered. */
export const MAX_BATCH_BYTES: number = 4 * 1024 * 1024

class Bucket extends HostResource {
  readonly files: KeyvalueBucket

  /** `folder`: becomes its own. */
  constructor(calls: Preview1Calls, folder: OpenFd) {
    super()
    this.files = new KeyvalueBucket(calls, folder)
  }

  override drop(): void {
    this.files.folder.release()
  }
}

/** A value of a key as it was found, which is to be replaced if it is still there. */
class CompareAndSwap extends HostResource {
  readonly files: KeyvalueBucket
  readonly key: string
  /** undefined: there was no such key. */
  readonly found: Uint8Array | undefined
  readonly #calls: Preview1Calls

  constructor(
    calls: Preview1Calls,
    files: KeyvalueBucket,
    { key, found }: Pick<CompareAndSwap, 'key' | 'found'>,
  ) {
    super()
    this.files = files
    this.key = key
    this.found = found
    this.#calls = calls
    files.folder.retain()
    calls.keep(found?.length ?? 0)
  }

  override drop(): void {
    this.files.folder.release()
    this.#calls.keep(-(this.found?.length ?? 0))
  }
}

const optional = (value: Uint8Array | undefined): Case => (value === undefined ? NONE : some(value))
const answered = (refused: Refusal | undefined): Case => refused ?? OK

function listKeys(bucket: Bucket, cursor: bigint, printed: (cursor: bigint) => Value): Case {
  const page = bucket.files.keys(cursor)
  if (isRefusal(page)) return page
  return ok([page.keys, page.cursor === undefined ? NONE : some(printed(page.cursor))])
}

export const KEYVALUE_STORE: Interface = {
  open: plain(
    '(string) -> result<own<$bucket>, $keyvalue-error>',
    (host) => (identifier: string) => {
      const folder = host.bucketFolder(identifier)
      if (folder === undefined) return err(caseOf('no-such-store'))
      return ok(new Bucket(host.calls, folder))
    },
  ),
  '[method]bucket.get': plain(
    '(borrow<$bucket>, string) -> result<option<list<u8>>, $keyvalue-error>',
    () => (self: Bucket, key: string) => {
      const value = self.files.get(key)
      return isRefusal(value) ? value : ok(optional(value))
    },
  ),
  '[method]bucket.set': waiting(
    '(borrow<$bucket>, string, list<u8>) -> result<_, $keyvalue-error>',
    () => async (self: Bucket, key: string, value: Uint8Array) =>
      answered(await self.files.change((writer) => writer.set(key, value))),
  ),
  '[method]bucket.delete': waiting(
    '(borrow<$bucket>, string) -> result<_, $keyvalue-error>',
    () => async (self: Bucket, key: string) =>
      answered(await self.files.change((writer) => writer.delete(key))),
  ),
  '[method]bucket.exists': plain(
    '(borrow<$bucket>, string) -> result<bool, $keyvalue-error>',
    () => (self: Bucket, key: string) => {
      const isThere = self.files.has(key)
      return isRefusal(isThere) ? isThere : ok(isThere)
    },
  ),
  '[method]bucket.list-keys': [
    plain(
      '(borrow<$bucket>, option<string>) -> result<record{keys: list<string>, cursor: option<string>}, $keyvalue-error>',
      () =>
        (self: Bucket, { value }: Case) => {
          const cursor = String(value ?? '0')
          if (!/^[0-9]{1,15}$/.test(cursor))
            return refusal('KEYVALUE_CURSOR', 'the cursor is not one that list-keys has answered')
          return listKeys(self, BigInt(cursor), String)
        },
    ),
    plain(
      '(borrow<$bucket>, option<u64>) -> result<record{keys: list<string>, cursor: option<u64>}, $keyvalue-error>',
      () =>
        (self: Bucket, { value }: Case) =>
          listKeys(self, (value as bigint | undefined) ?? 0n, (cursor) => cursor),
    ),
  ],
}

/** Text, so that `get` of any other program can read it. */
const NUMBER = /^(?:0|-?[1-9][0-9]{0,19})$/

const increment = (type: 's64' | 'u64'): HostFunction =>
  waiting(
    `(borrow<$bucket>, string, ${type}) -> result<${type}, $keyvalue-error>`,
    () => (self: Bucket, key: string, delta: bigint) =>
      self.files.change(async (writer) => {
        const found = writer.get(key)
        if (isRefusal(found)) return found
        const text = found === undefined ? '0' : Buffer.from(found).toString('latin1')
        if (!NUMBER.test(text))
          return refusal('KEYVALUE_NO_NUMBER', 'what is there is no number in decimal digits')
        const sum = BigInt(text) + delta
        const fits = type === 's64' ? BigInt.asIntN(64, sum) : BigInt.asUintN(64, sum)
        if (fits !== sum) return refusal('KEYVALUE_OVERFLOW', `the sum is no ${type}`)
        return (await writer.set(key, Buffer.from(String(sum)))) ?? ok(sum)
      }),
  )

export const KEYVALUE_ATOMICS: Interface = {
  increment: [increment('s64'), increment('u64')],
  '[static]cas.new': plain(
    '(borrow<$bucket>, string) -> result<own<$cas>, $keyvalue-error>',
    ({ calls }) =>
      ({ files }: Bucket, key: string) => {
        const found = files.get(key)
        return isRefusal(found) ? found : ok(new CompareAndSwap(calls, files, { key, found }))
      },
  ),
  '[method]cas.current': plain(
    '(borrow<$cas>) -> result<option<list<u8>>, $keyvalue-error>',
    () => (self: CompareAndSwap) => ok(optional(self.found)),
  ),
  swap: waiting(
    '(own<$cas>, list<u8>) -> result<_, $cas-error>',
    ({ calls }) =>
      async (cas: CompareAndSwap, value: Uint8Array) => {
        const { files, key } = cas
        const swapped = await files.change(async (writer) => {
          const found = writer.get(key)
          if (isRefusal(found)) return found
          if (isSame(found, cas.found)) return writer.set(key, value)
          return new CompareAndSwap(calls, files, { key, found })
        })
        cas.drop()
        if (swapped instanceof CompareAndSwap) return err(caseOf('cas-failed', swapped))
        return swapped === undefined ? OK : err(caseOf('store-error', swapped.value))
      },
  ),
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === undefined || other === undefined ? one === other : Buffer.compare(one, other) === 0
}

function tooMany(keys: readonly unknown[]): Refusal | undefined {
  if (keys.length <= MAX_BATCH_KEYS) return undefined
  return refusal(
    'KEYVALUE_BATCH',
    `the batch has ${keys.length} keys, wanted at most ${MAX_BATCH_KEYS}`,
  )
}

export const KEYVALUE_BATCH: Interface = {
  'get-many': plain(
    '(borrow<$bucket>, list<string>) -> result<list<option<tuple<string, list<u8>>>>, $keyvalue-error>',
    () =>
      ({ files }: Bucket, keys: readonly string[]) => {
        const refused = tooMany(keys)
        if (refused !== undefined) return refused
        const found: Case[] = []
        let bytes = 0
        for (const key of keys) {
          const value = files.get(key)
          if (isRefusal(value)) return value
          bytes += value?.length ?? 0
          if (bytes > MAX_BATCH_BYTES)
            return refusal('KEYVALUE_BATCH', `the values have more than ${MAX_BATCH_BYTES} bytes`)
          found.push(value === undefined ? NONE : some([key, value]))
        }
        return ok(found)
      },
  ),
  'set-many': waiting(
    '(borrow<$bucket>, list<tuple<string, list<u8>>>) -> result<_, $keyvalue-error>',
    () =>
      async ({ files }: Bucket, pairs: ReadonlyArray<readonly [string, Uint8Array]>) =>
        tooMany(pairs) ??
        answered(
          await files.change(async (writer) => {
            for (const [key, value] of pairs) {
              const refused = await writer.set(key, value)
              if (refused !== undefined) return refused
            }
            return undefined
          }),
        ),
  ),
  'delete-many': waiting(
    '(borrow<$bucket>, list<string>) -> result<_, $keyvalue-error>',
    () =>
      async ({ files }: Bucket, keys: readonly string[]) =>
        tooMany(keys) ??
        answered(
          await files.change((writer) => {
            for (const key of keys) {
              const refused = writer.delete(key)
              if (refused !== undefined) return refused
            }
            return undefined
          }),
        ),
  ),
}
