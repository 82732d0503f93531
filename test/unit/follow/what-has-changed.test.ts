/** What a publication costs who follows: what its tenant costs, and not what all do. */
import pino from 'pino'
import { expect, test } from 'vitest'
import { Follower } from '../../../src/follow/follower.ts'
import { RecordSource, type SeenRecords } from '../../../src/follow/record-source.ts'
import type { TenantRecord } from '../../../src/follow/tenant-record.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const TENANTS = 1000

/** Says how often what it has was gone through, from one to the next. */
class CountedMap<Value> extends Map<string, Value> {
  steps = 0

  override *entries(): MapIterator<[string, Value]> {
    for (const entry of super.entries()) {
      this.steps += 1
      yield entry
    }
  }

  override [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries()
  }

  override *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key
  }

  override *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value
  }
}

function setUp() {
  const all = new CountedMap<TenantRecord>()
  let told: Set<string> | undefined
  /** Records whose pointers were read, and tenants that were compared with what is here, and brought. */
  const seen = { read: [] as string[], compared: [] as string[], brought: [] as string[] }
  const inStep = new Map<string, string>()
  const put = (tenant: string, live: string | undefined): void => {
    told?.add(tenant)
    if (live === undefined) {
      all.delete(tenant)
      return
    }
    all.set(tenant, {
      get live() {
        seen.read.push(tenant)
        return live
      },
      ...{ published: {}, signatures: {} },
    })
  }
  const shelf = {
    name: 'a shelf',
    records: (): Promise<SeenRecords | undefined> => {
      const changed = told
      told = new Set()
      return Promise.resolve(changed?.size === 0 ? undefined : { all, changed })
    },
    bytes: () => Promise.resolve(undefined),
  }
  const failing = new Set<string>()
  const replica = {
    isInStep: (tenant: string, live: Uint8Array): Promise<boolean> => {
      seen.compared.push(tenant)
      if (failing.has(tenant)) return Promise.reject(new Error('a note that cannot be read'))
      return Promise.resolve(inStep.get(tenant) === String(live))
    },
    follow: (_: unknown, tenant: string, live: Uint8Array): Promise<number> => {
      seen.brought.push(tenant)
      inStep.set(tenant, String(live))
      return Promise.resolve(0)
    },
  }
  const follower = new Follower({
    ...{ source: new RecordSource(shelf), replica, clock: new FakeClock() },
    ...{ logger: pino({ level: 'silent' }), intervalMs: 1000, onFacts: () => undefined },
  })
  /** What a look costs. */
  const look = async () => {
    for (const list of Object.values(seen)) list.length = 0
    all.steps = 0
    await follower.look()
    const { tenants, behind } = follower.facts
    return { ...structuredClone(seen), steps: all.steps, tenants, behind }
  }
  for (let index = 0; index < TENANTS; index += 1) put(`t${index}`, 'one')
  return { put, look, inStep, failing }
}

test('the first look is at all, each other one at what has changed', async () => {
  const { put, look, inStep, failing } = setUp()
  const first = await look()
  expect([first.read.length, first.brought.length]).toEqual([TENANTS, TENANTS])
  const known = { steps: 0, tenants: TENANTS, behind: 0 }
  const nothing = { read: [], compared: [], brought: [] }
  expect(await look()).toEqual({ ...nothing, ...known })

  put('t7', 'two')
  expect(await look()).toEqual({ read: ['t7'], compared: ['t7'], brought: ['t7'], ...known })
  expect(inStep.get('t7')).toBe('two')

  // A signature: another record with the same pointer.
  put('t7', 'two')
  expect(await look()).toEqual({ read: ['t7'], compared: ['t7'], brought: [], ...known })

  put('new', 'one')
  const all = { ...known, tenants: TENANTS + 1 }
  expect(await look()).toEqual({ read: ['new'], compared: ['new'], brought: ['new'], ...all })
  put('new', undefined)
  expect(await look()).toEqual({ ...nothing, ...known })
  expect(inStep.get('new')).toBe('one')

  // What cannot be compared is brought, and what comes behind it is compared.
  failing.add('t8')
  for (const tenant of ['t8', 't9']) put(tenant, 'three')
  const both = ['t8', 't9']
  expect(await look()).toEqual({ read: both, compared: both, brought: both, ...known })
})
