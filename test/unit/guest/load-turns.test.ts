import { expect, test } from 'vitest'
import { LoadTurns, SMALL_MODULE_BYTES } from '../../../src/guest/load-turns.ts'

const LARGE = SMALL_MODULE_BYTES + 1

/** Loads that end one by one, when they are told to. */
function stage(limits?: ConstructorParameters<typeof LoadTurns>[0]) {
  const turns = new LoadTurns(limits)
  const started: string[] = []
  const ends: Array<() => void> = []
  let most = 0
  const load = (tenant: string, name: string, bytes: number) =>
    turns.take(tenant, bytes, async () => {
      started.push(name)
      most = Math.max(most, ends.length + 1)
      await new Promise<void>((end) => ends.push(end))
      return name
    })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  /** The first that has started ends. */
  const end = async () => {
    await settled()
    ends.shift()?.()
    await settled()
  }
  return { load, end, settled, started, atOnce: () => most }
}

test('tenants take turns, however many one of them asks for', async () => {
  const { load, end, started, atOnce } = stage()
  const loads = [
    ...Array.from({ length: 16 }, (_, at) => load('a', `a${at}`, LARGE)),
    load('b', 'b0', LARGE),
    load('b', 'b1', LARGE),
    load('c', 'c0', LARGE),
  ]
  for (let at = 0; at < loads.length; at++) await end()
  expect(started.slice(0, 6)).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'a2'])
  expect(await Promise.all(loads)).toHaveLength(19)
  expect(atOnce()).toBe(1)
})

test('small modules do not wait for large ones, and a tenant loads one of them at a time', async () => {
  const { load, end, settled, started } = stage()
  const loads = [load('a', 'large', LARGE), load('b', 'small', 1000), load('b', 'second', 1000)]
  loads.push(load('c', 'other', 1000), load('d', 'third of all', 1000))
  await settled()
  expect(started).toEqual(['large', 'small', 'other'])
  for (let at = 0; at < loads.length; at++) await end()
  expect(started.slice(3).sort()).toEqual(['second', 'third of all'])
  await Promise.all(loads)
})

test('a load that fails gives its turn to the next one', async () => {
  const turns = new LoadTurns()
  const first = turns.take('a', LARGE, () => Promise.reject(new Error('no')))
  const second = turns.take('a', LARGE, () => Promise.resolve('yes'))
  await expect(first).rejects.toThrow('no')
  expect(await second).toBe('yes')
})

test('so many of a tenant may wait, and others are not touched by that', async () => {
  const { load, end } = stage({ smallAtOnce: 1, largeAtOnce: 1, waiting: 3 })
  const loads = Array.from({ length: 4 }, (_, at) => load('a', `a${at}`, LARGE))
  await expect(load('a', 'one too many', LARGE)).rejects.toMatchObject({
    code: 'GUEST_LOADS_WAITING',
  })
  loads.push(load('b', 'b', LARGE))
  for (let at = 0; at < loads.length; at++) await end()
  expect(await Promise.all(loads)).toHaveLength(5)
})
