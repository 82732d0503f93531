import { expect, test } from 'vitest'
import { type GuestMemory, makeMemories } from '../../../src/guest/guest-memory.ts'
import { SpareMemories } from '../../../src/pool/spare-memories.ts'

const PAGE = 65_536
const memories = (pages = 1): readonly GuestMemory[] =>
  makeMemories([{ initial: pages, maximum: pages }])

test('a handler gets what it has given back, the latest first, and nobody else does', () => {
  const spares = new SpareMemories()
  const [first, second] = [memories(), memories()]
  spares.put('acme', first, 10)
  spares.put('acme', second, 10)
  expect(spares.take('other')).toBeUndefined()
  expect(spares.take('acme')).toBe(second)
  expect(spares.take('acme')).toBe(first)
  expect(spares.take('acme')).toBeUndefined()
  expect(spares.count).toBe(0)
})

const LIMITS = [
  { what: 'sets', limits: { sets: 2, bytes: 100 * PAGE } },
  { what: 'bytes', limits: { sets: 100, bytes: 2 * PAGE } },
]

test.each(LIMITS)('over the limit on $what the oldest goes', ({ limits }) => {
  const spares = new SpareMemories(limits)
  for (const key of ['a', 'b', 'c']) spares.put(key, memories(), 10)
  expect(spares.count).toBe(2)
  expect(spares.take('a')).toBeUndefined()
  expect(spares.take('b')).toBeDefined()
  expect(spares.take('c')).toBeDefined()
})

test('one set that is larger than the limit is not kept', () => {
  const spares = new SpareMemories({ sets: 9, bytes: PAGE })
  spares.put('a', memories(2), 10)
  expect(spares.count).toBe(0)
})

test('what nobody wants is dropped when its time is up', () => {
  const spares = new SpareMemories()
  spares.put('a', memories(), 10)
  spares.put('b', memories(), 20)
  spares.expire(10)
  expect(spares.take('a')).toBeUndefined()
  expect(spares.take('b')).toBeDefined()
})
