/** Idle instances of many tenants: those unused for longest go when they hold too much memory together. */
import { expect, test } from 'vitest'
import { compileHostile } from '../../guests/hostile/compile.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { GuestModule } from '../../src/guest/guest-module.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import { Place, PooledInstance } from '../../src/pool/pooled-instance.ts'
import { WarmInstances } from '../../src/pool/warm-instances.ts'
import { compileGuest } from '../support/guest.ts'

const MIB = 1024 * 1024
/** Of hello.wat: two pages. */
const INSTANCE_BYTES = 2 * 65_536
const NEVER_MS = Number.POSITIVE_INFINITY

function idle(module: GuestModule, tenant: string): PooledInstance {
  const place = new Place({ tenant, idle: 0 }, 'own', '')
  return new PooledInstance(new GuestInstance(module, systemClock), { module, place, nowMs: 0 })
}

test('the least recently used instance goes first, whose tenant it may be', async () => {
  const module = await compileGuest(compileHostile('hello'))
  const warm = new WarmInstances({ total: 100, bytes: 4 * INSTANCE_BYTES })
  const put = (tenant: string): PooledInstance => {
    const one = idle(module, tenant)
    warm.put(one, NEVER_MS)
    return one
  }
  const [first] = ['a', 'b', 'c', 'd'].map(put)
  if (first === undefined) throw new Error('none was put')
  expect(warm.take(first.place)).toBe(first)
  warm.put(first, NEVER_MS)
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
  warm.put(idle(module, 'a'), NEVER_MS)
  expect([warm.count, warm.bytes]).toEqual([0, 0])
})

test('there are never more idle instances than the process can hold', async () => {
  const module = await compileGuest(compileHostile('hello'))
  const warm = new WarmInstances({ total: 10, bytes: 1000 * MIB })
  for (let index = 0; index < 50; index += 1) {
    warm.put(idle(module, `t${index}`), NEVER_MS)
  }
  expect([warm.count, warm.evicted]).toEqual([10, 40])
})
