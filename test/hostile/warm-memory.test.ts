/** Idle instances of many tenants: those unused for longest go when they hold too much memory together. */
import { expect, test } from 'vitest'
import { compileHostile } from '../../guests/hostile/compile.ts'
import { systemClock } from '../../src/base/clock.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import { WarmInstances } from '../../src/pool/warm-instances.ts'
import { compileGuest } from '../support/guest.ts'

const MIB = 1024 * 1024
/** Of hello.wat: two pages. */
const INSTANCE_BYTES = 2 * 65_536
const NEVER_MS = Number.POSITIVE_INFINITY

test('the least recently used instance goes first, whose tenant it may be', async () => {
  const module = await compileGuest(compileHostile('hello'))
  const warm = new WarmInstances({ total: 100, bytes: 4 * INSTANCE_BYTES })
  const put = (tenant: string): void =>
    warm.put(new GuestInstance(module, systemClock), { tenant, key: tenant }, NEVER_MS)
  for (const tenant of ['a', 'b', 'c', 'd']) put(tenant)
  const used = warm.take('a')
  expect(used).toBeDefined()
  if (used !== undefined) warm.put(used, { tenant: 'a', key: 'a' }, NEVER_MS)
  put('e')
  put('f')
  expect(['a', 'b', 'c', 'd', 'e', 'f'].filter((tenant) => warm.countOf(tenant) > 0)).toEqual([
    ...['a', 'd', 'e', 'f'],
  ])
  expect([warm.bytes, warm.evicted]).toEqual([4 * INSTANCE_BYTES, 2])
})

test('an instance over the limit on its own is not kept', async () => {
  const module = await compileGuest(compileHostile('copy-all-memory'))
  const warm = new WarmInstances({ total: 100, bytes: 10 * MIB })
  warm.put(new GuestInstance(module, systemClock), { tenant: 'a', key: 'a' }, NEVER_MS)
  expect([warm.count, warm.bytes]).toEqual([0, 0])
})

test('there are never more idle instances than the process can hold', async () => {
  const module = await compileGuest(compileHostile('hello'))
  const warm = new WarmInstances({ total: 10, bytes: 1000 * MIB })
  for (let index = 0; index < 50; index += 1) {
    const place = { tenant: `t${index}`, key: `t${index}` }
    warm.put(new GuestInstance(module, systemClock), place, NEVER_MS)
  }
  expect([warm.count, warm.evicted]).toEqual([10, 40])
})
