import { expect, test } from 'vitest'
import { NameLookup } from '../../../src/outbound/name-lookup.ts'

/** Names that are being looked up, by name. */
class Resolver {
  readonly asked: string[] = []
  readonly #answers = new Map<string, (addresses: readonly string[]) => void>()

  readonly resolve = (name: string): Promise<readonly string[]> => {
    this.asked.push(name)
    return new Promise((resolve) => this.#answers.set(name, resolve))
  }

  async answer(name: string): Promise<void> {
    this.#answers.get(name)?.(['192.0.2.1'])
    await new Promise(setImmediate)
  }
}

const never = new AbortController().signal

test('two names at once, one of a tenant, in the order of asking', async () => {
  const { asked, resolve, answer } = bound(new Resolver())
  const names = new NameLookup(resolve)
  for (const [tenant, name] of [
    ['a', 'a1'],
    ['a', 'a2'],
    ['b', 'b1'],
    ['c', 'c1'],
    ['a', 'a3'],
  ] as const)
    void names.addressesOf(name, tenant, never)
  expect(asked).toEqual(['a1', 'b1'])
  await answer('a1')
  expect(asked).toEqual(['a1', 'b1', 'a2'])
  await answer('b1')
  expect(asked).toEqual(['a1', 'b1', 'a2', 'c1'])
  await answer('c1')
  expect(asked).toHaveLength(4)
  await answer('a2')
  expect(asked.at(-1)).toBe('a3')
})

test('a name that nobody waits for any more is not looked up, and one that failed makes room', async () => {
  const asked: string[] = []
  const names = new NameLookup((name) => {
    asked.push(name)
    return name === 'bad' ? Promise.reject(new Error('none')) : new Promise(() => undefined)
  })
  const giveUp = new AbortController()
  const bad = names.addressesOf('bad', 'a', never)
  const left = names.addressesOf('left', 'a', giveUp.signal)
  void names.addressesOf('next', 'a', never)
  giveUp.abort()
  await expect(left).rejects.toThrow()
  await expect(bad).rejects.toThrow('none')
  await new Promise(setImmediate)
  expect(asked).toEqual(['bad', 'next'])
  await expect(names.addressesOf('late', 'a', AbortSignal.abort())).rejects.toThrow()
})

function bound(resolver: Resolver) {
  return {
    asked: resolver.asked,
    resolve: resolver.resolve,
    answer: (name: string) => resolver.answer(name),
  }
}
