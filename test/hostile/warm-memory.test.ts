/** Idle instances of many tenants: those unused for longest go when they hold too much memory together. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compileHostile } from '../../guests/hostile/compile.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { GuestModule } from '../../src/guest/guest-module.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import { Place, PooledInstance } from '../../src/pool/pooled-instance.ts'
import { WarmInstances } from '../../src/pool/warm-instances.ts'
import { compileGuest } from '../support/guest.ts'
import { wat } from '../support/wat.ts'

const MIB = 1024 * 1024
/** Of hello.wat: two pages. */
const INSTANCE_BYTES = 2 * 65_536
const NEVER_MS = Number.POSITIVE_INFINITY

function idle(module: GuestModule, tenant: string): PooledInstance {
  const place = new Place({ tenant, idle: 0, busy: 0 }, 'own', '')
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

/** With something at many places of a large memory. */
const SCATTERED = wat(`(module
  (memory (export "memory") 64)
  ${[0, 5, 20, 30, 44, 63].map((page) => `(data (i32.const ${page * 65_536}) "x")`).join('\n')}
  (func (export "_start")))`)

test('the mappings of idle instances are counted, and do not use up what a process may have', async () => {
  const module = await compileGuest(SCATTERED)
  const first = idle(module, 'first')
  const { mappings } = first.instance
  const mapped = (): number => readFileSync('/proc/self/maps', 'latin1').split('\n').length
  const before = mapped()
  const others = Array.from({ length: 40 }, (_, at) => idle(module, `t${at}`))
  for (const { instance } of others) instance.reset()
  const each = (mapped() - before) / others.length
  expect(each).toBeGreaterThan(2)
  expect(each).toBeLessThanOrEqual(mappings)
  const warm = new WarmInstances({ total: 100, bytes: 1000 * MIB, mappings: 10 * mappings })
  for (const one of others) warm.put(one, NEVER_MS)
  expect([warm.count, warm.evicted]).toEqual([10, 30])
})
