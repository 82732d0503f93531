/** wasi:keyvalue and wasi:config, as a component's calls reach them. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { ComponentHost } from '../../../src/component/host/component-host.ts'
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../../../src/component/host/keyvalue-bucket.ts'
import { MAX_BATCH_BYTES, MAX_BATCH_KEYS } from '../../../src/component/host/keyvalue-functions.ts'
import type { FunctionType, ValueType } from '../../../src/component/plan.ts'
import { type Case, NONE, OK, some, type Value } from '../../../src/component/value.ts'
import type { DirectoryNode } from '../../../src/wasi/filesystem.ts'
import { WasiHost } from '../../../src/wasi/host.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS } from '../../../src/wasi/memory-quota.ts'
import { answer, makeComponent } from '../../support/component-run.ts'
import { COUNTER_WAT, componentWat } from '../../support/component-wat.ts'
import { grants } from '../../support/guest.ts'
import { callOrWait } from '../../support/host-function-call.ts'

const [STORE, ATOMICS, BATCH] = ['store', 'atomics', 'batch'].map((one) => `wasi:keyvalue/${one}`)
const SETTINGS = { GREETING: 'h\u00e4', EMPTY: '' }

let folder: string
let hosts: Array<{ wasi: WasiHost; host: ComponentHost }>

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-keyvalue-'))
  hosts = []
})

afterEach(() => {
  for (const { wasi } of hosts) wasi.end()
  rmSync(folder, { recursive: true, force: true })
})

/** A guest that was granted a folder for its bucket `counts`. */
function guest(
  directory: DirectoryNode = openHostDirectory(folder, { writable: true }),
): ComponentHost {
  const wasi = new WasiHost(new Set())
  const host = new ComponentHost(wasi, { value: 0 }, { owners: 1, world: 'http' })
  const granted = grants({
    preopens: [
      { guestPath: '/tmp', directory: createMemoryDirectory(systemClock) },
      { guestPath: '/counts', directory },
    ],
    settings: SETTINGS,
    buckets: new Map([
      ['counts', '/counts'],
      ['gone', '/elsewhere'],
    ]),
  })
  wasi.begin(granted)
  host.begin(granted)
  hosts.push({ wasi, host })
  return host
}

interface Wanted {
  readonly from?: string | undefined
  readonly type?: FunctionType
}

async function call(
  host: ComponentHost,
  name: string,
  values: readonly Value[],
  { from = STORE ?? '', type }: Wanted = {},
): Promise<Case> {
  return (await callOrWait(host, { from, name, type }, values)) as Case
}

const ok = ({ tag, value }: Case): Value => {
  assert.equal(tag, 'ok', inspect(value))
  return value
}

/** The code of what is refused. */
const code = ({ tag, value }: Case): string => {
  assert.equal(tag, 'err')
  const { tag: name, value: text } = value as Case
  return name === 'other' ? (String(text).split(':')[0] ?? '') : name
}

const open = async (host: ComponentHost, name = 'counts'): Promise<Value> =>
  ok(await call(host, 'open', [name]))

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))

interface Store {
  get(key: string): Promise<Case>
  set(key: string, value: Uint8Array): Promise<Case>
  delete(key: string): Promise<Case>
  has(key: string): Promise<Case>
  keys(cursor?: Case): Promise<Case>
  increment(key: string, delta: bigint, type?: FunctionType): Promise<Case>
}

async function store(host: ComponentHost): Promise<Store> {
  const bucket = await open(host)
  return {
    get: (key) => call(host, '[method]bucket.get', [bucket, key]),
    set: (key, value) => call(host, '[method]bucket.set', [bucket, key, value]),
    delete: (key) => call(host, '[method]bucket.delete', [bucket, key]),
    has: (key) => call(host, '[method]bucket.exists', [bucket, key]),
    keys: (cursor = NONE) => call(host, '[method]bucket.list-keys', [bucket, cursor]),
    increment: (key, delta, type) =>
      call(host, 'increment', [bucket, key, delta], {
        from: ATOMICS,
        ...(type === undefined ? {} : { type }),
      }),
  }
}

test('keys and values of any bytes are there for the next guest, and in no other bucket', async () => {
  const { get, set, has } = await store(guest())
  const key = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 })
  const pairs = fc.dictionary(key, fc.uint8Array({ maxLength: 100 }), { maxKeys: 8 })
  await fc.assert(
    fc.asyncProperty(pairs, async (all) => {
      for (const [name, value] of Object.entries(all)) assert.deepEqual(await set(name, value), OK)
      const next = await store(guest())
      for (const [name, value] of Object.entries(all)) {
        const { value: found } = ok(await next.get(name)) as Case
        assert.deepEqual(Uint8Array.from(found as Uint8Array), value)
        assert.equal(ok(await next.has(name)), true)
      }
    }),
    { seed: 20_262, numRuns: 4 },
  )
  for (const name of ['no such key', '..', '.lock', '/', 'a/b']) {
    assert.deepEqual(ok(await get(name)), NONE)
    assert.equal(ok(await has(name)), false)
  }
})

test('what is deleted is gone, once or twice; what is set again is the last value, whole', async () => {
  const { get, set, delete: remove, has } = await store(guest())
  ok(await set('a/b', bytes('a long value')))
  ok(await set('a/b', bytes('short')))
  assert.equal(Buffer.from((ok(await get('a/b')) as Case).value as Uint8Array).toString(), 'short')
  assert.deepEqual(readdirSync(folder).sort(), ['.lock', 'a%2Fb'])
  for (let turn = 0; turn < 2; turn += 1) ok(await remove('a/b'))
  assert.equal(ok(await has('a/b')), false)
})

test('all keys are listed, page by page, and nothing else of the folder', async () => {
  const { keys } = await store(guest())
  const wanted = Array.from({ length: 170 }, (_, index) => `${'\u00e4'.repeat(30)}/${index}`)
  for (const index of wanted.keys())
    writeFileSync(join(folder, `${'%C3%A4'.repeat(30)}%2F${index}`), '1')
  writeFileSync(join(folder, 'not.a.key'), 'x')
  writeFileSync(join(folder, '%4a'), 'x')
  writeFileSync(join(folder, '%FF'), 'x')
  mkdirSync(join(folder, 'folder'))
  symlinkSync('/etc/passwd', join(folder, 'link'))
  const found: string[] = []
  let pages = 0
  let cursor = NONE
  do {
    const [page, next] = ok(await keys(cursor)) as [string[], Case]
    found.push(...page)
    cursor = next
    pages += 1
  } while (cursor.tag === 'some')
  assert.deepEqual(found.sort(), wanted.sort())
  expect(pages).toBeGreaterThan(1)
  for (const bad of ['-1', 'x', '9'.repeat(30)])
    assert.equal(code(await keys(some(bad))), 'KEYVALUE_CURSOR')
  assert.deepEqual(ok(await keys(some('999999'))), [[], NONE])
})

test('a link, or a folder, is no value, and is not followed', async () => {
  const { get, set, has } = await store(guest())
  symlinkSync('/etc/passwd', join(folder, 'link'))
  mkdirSync(join(folder, 'folder'))
  for (const key of ['link', 'folder']) {
    assert.deepEqual(ok(await get(key)), NONE)
    assert.equal(ok(await has(key)), false)
  }
  ok(await set('link', bytes('mine')))
  assert.equal(Buffer.from((ok(await get('link')) as Case).value as Uint8Array).toString(), 'mine')
  assert.equal(code(await set('folder', bytes('mine'))), 'KEYVALUE_FAILED')
})

test('keys and values of lengths that there are not', async () => {
  const { get, set, delete: remove, has } = await store(guest())
  for (const key of ['', 'x'.repeat(MAX_KEY_BYTES + 1), '/'.repeat(MAX_KEY_BYTES / 3 + 1)]) {
    const answers = [await get(key), await set(key, bytes('')), await remove(key), await has(key)]
    assert.deepEqual(answers.map(code), Array(4).fill('KEYVALUE_KEY_LENGTH'))
  }
  ok(await set('x'.repeat(MAX_KEY_BYTES), bytes('')))
  ok(await set('/'.repeat(MAX_KEY_BYTES / 3), bytes('')))
  ok(await set('most', new Uint8Array(MAX_VALUE_BYTES)))
  assert.equal(((ok(await get('most')) as Case).value as Uint8Array).length, MAX_VALUE_BYTES)
  const more = new Uint8Array(MAX_VALUE_BYTES + 1)
  assert.equal(code(await set('more', more)), 'KEYVALUE_VALUE_TOO_LONG')
  writeFileSync(join(folder, 'more'), more)
  assert.equal(code(await get('more')), 'KEYVALUE_VALUE_TOO_LONG')
})

test('a store without room keeps what it has', async () => {
  const limits = { ...DEFAULT_MEMORY_LIMITS, bytes: 10_000, files: 4 }
  const {
    get,
    set,
    delete: remove,
  } = await store(guest(createMemoryDirectory(systemClock, limits)))
  ok(await set('a', bytes('old')))
  assert.equal(code(await set('a', new Uint8Array(20_000))), 'KEYVALUE_QUOTA')
  assert.equal(Buffer.from((ok(await get('a')) as Case).value as Uint8Array).toString(), 'old')
  ok(await set('b', bytes('1')))
  assert.equal(code(await set('c', bytes('1')).then(() => set('d', bytes('1')))), 'KEYVALUE_QUOTA')
  ok(await remove('b'))
  ok(await set('d', bytes('1')))
})

test('a bucket that is not there, or cannot be written', async () => {
  for (const name of ['other', 'gone', '', '../counts', '__proto__'])
    assert.equal(code(await call(guest(), 'open', [name])), 'no-such-store')
  const { get, set } = await store(guest(openHostDirectory(folder, { writable: false })))
  assert.deepEqual(ok(await get('a')), NONE)
  assert.equal(code(await set('a', bytes('1'))), 'access-denied')
})

const primitive = (of: string): ValueType => ({ kind: 'primitive', of })
const error: ValueType = {
  kind: 'variant',
  cases: [
    ['no-such-store', undefined],
    ['access-denied', undefined],
    ['other', primitive('string')],
  ],
}
const U64: FunctionType = {
  isAsync: false,
  parameters: [
    { kind: 'borrow', resource: 'wasi:keyvalue/store#bucket' },
    primitive('string'),
    primitive('u64'),
  ],
  result: {
    kind: 'result',
    cases: [
      ['ok', primitive('u64')],
      ['error', error],
    ],
  },
}

test('numbers: of both drafts, as far as they go, and none that are no numbers', async () => {
  const { get, set, increment } = await store(guest())
  assert.equal(ok(await increment('n', -5n)), -5n)
  assert.equal(ok(await increment('n', 7n)), 2n)
  assert.equal(Buffer.from((ok(await get('n')) as Case).value as Uint8Array).toString(), '2')
  const most = 2n ** 63n - 1n
  assert.equal(ok(await increment('n', most - 2n)), most)
  assert.equal(code(await increment('n', 1n)), 'KEYVALUE_OVERFLOW')
  assert.equal(ok(await increment('n', 1n, U64)), most + 1n)
  assert.equal(code(await increment('n', 2n ** 64n - 1n, U64)), 'KEYVALUE_OVERFLOW')
  for (const text of ['', 'x', '01', '-0', '1 ', '1e3', '9'.repeat(30)]) {
    ok(await set('n', bytes(text)))
    assert.equal(code(await increment('n', 1n)), 'KEYVALUE_NO_NUMBER')
  }
})

test('what several guests do at once is done one after the other', async () => {
  const guests = await Promise.all(Array.from({ length: 4 }, () => store(guest())))
  await Promise.all(
    guests.map(async ({ increment }) => {
      for (let turn = 0; turn < 10; turn += 1) ok(await increment('n', 1n))
    }),
  )
  assert.equal(ok(await (guests[0] as Store).increment('n', 0n)), 40n)
})

test('compare and swap: whoever comes second is told, and can try again', async () => {
  const host = guest()
  const bucket = await open(host)
  const from = ATOMICS
  const found = async (cas: Value): Promise<string | undefined> => {
    const { value } = ok(await call(host, '[method]cas.current', [cas], { from })) as Case
    return value === undefined ? undefined : Buffer.from(value as Uint8Array).toString()
  }
  const make = async (): Promise<Value> =>
    ok(await call(host, '[static]cas.new', [bucket, 'k'], { from }))
  const swap = (cas: Value, text: string) => call(host, 'swap', [cas, bytes(text)], { from })
  const [one, two] = [await make(), await make()]
  assert.equal(await found(one), undefined)
  ok(await swap(one, 'first'))
  const { value: failed } = await swap(two, 'second')
  assert.equal((failed as Case).tag, 'cas-failed')
  const again = (failed as Case).value
  assert.equal(await found(again), 'first')
  ok(await swap(again, 'third'))
  const { value: refused } = await call(
    host,
    'swap',
    [await make(), new Uint8Array(MAX_VALUE_BYTES + 1)],
    { from },
  )
  assert.equal((refused as Case).tag, 'store-error')
  const large = new Uint8Array(MAX_VALUE_BYTES)
  ok(await call(host, '[method]bucket.set', [bucket, 'k', large]))
  await assert.rejects(async () => {
    for (let turn = 0; turn < 100; turn += 1) await make()
  }, /has the host keep more than/)
})

test('batches: many keys at once, none with too many or too much', async () => {
  const host = guest()
  const bucket = await open(host)
  const batch = (name: string, value: Value) => call(host, name, [bucket, value], { from: BATCH })
  const pairs = [
    ['a', bytes('1')],
    ['b', bytes('2')],
  ]
  assert.deepEqual(await batch('set-many', pairs), OK)
  const [a, none, b] = ok(await batch('get-many', ['a', 'x', 'b'])) as Case[]
  assert.deepEqual([a?.value, none?.tag, b?.tag], [['a', bytes('1')], 'none', 'some'])
  assert.deepEqual(await batch('delete-many', ['a', 'x', 'b']), OK)
  assert.deepEqual(
    (ok(await batch('get-many', ['a', 'b'])) as Case[]).map(({ tag }) => tag),
    ['none', 'none'],
  )
  const many = Array.from({ length: MAX_BATCH_KEYS + 1 }, (_, index) => `k${index}`)
  for (const [name, value] of [
    ['get-many', many],
    ['delete-many', many],
    ['set-many', many.map((key) => [key, bytes('')])],
  ] as const)
    assert.equal(code(await batch(name, value)), 'KEYVALUE_BATCH')
  ok(await batch('set-many', [['large', new Uint8Array(MAX_VALUE_BYTES)]]))
  const often = MAX_BATCH_BYTES / MAX_VALUE_BYTES
  ok(await batch('get-many', Array(often).fill('large')))
  assert.equal(code(await batch('get-many', Array(often + 1).fill('large'))), 'KEYVALUE_BATCH')
  assert.equal(code(await batch('set-many', [['', bytes('')]])), 'KEYVALUE_KEY_LENGTH')
})

const optional: ValueType = {
  kind: 'option',
  cases: [
    ['none', undefined],
    ['some', primitive('string')],
  ],
}

test('settings: what the operator has set, and nothing else; of both drafts', async () => {
  const host = guest()
  const from = 'wasi:config/store'
  assert.deepEqual(ok(await call(host, 'get', ['GREETING'], { from })), some('h\u00e4'))
  for (const name of ['PATH', '__proto__', 'toString', ''])
    assert.deepEqual(ok(await call(host, 'get', [name], { from })), NONE)
  assert.deepEqual(ok(await call(host, 'get-all', [], { from })), Object.entries(SETTINGS))
  const type: FunctionType = { isAsync: false, parameters: [primitive('string')], result: optional }
  assert.deepEqual(await call(host, 'get', ['EMPTY'], { from, type }), some(''))
})

test('a component is given the draft that it was built for, and no other one', async () => {
  const drafts = [COUNTER_WAT, COUNTER_WAT.replaceAll('draft2', 'draft').replaceAll('s64', 'u64')]
  for (const [index, source] of drafts.entries()) {
    const preopens = [
      { guestPath: '/counts', directory: openHostDirectory(folder, { writable: true }) },
    ]
    const granted = { preopens, settings: SETTINGS, buckets: new Map([['counts', '/counts']]) }
    const { report, stdout } = await answer(
      await makeComponent(await componentWat(source)),
      '/',
      granted,
    )
    assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
    assert.equal(stdout, `Content-Type: text/plain\n\nh\xc3\xa4\n${index + 1}`)
  }
  for (const other of [
    COUNTER_WAT.replaceAll('draft2', 'draft3'),
    COUNTER_WAT.replaceAll('s64', 'u32'),
  ])
    await assert.rejects(componentWat(other).then(makeComponent), { code: 'COMPONENT_IMPORT' })
})
