/** Compiled modules by content: shared, and bounded. */
import { expect, test } from 'vitest'
import { CompileCache, TENANT_TYPES } from '../../../src/guest/compile-cache.ts'
import { compileHere } from '../../../src/guest/compiler.ts'
import { wat } from '../../support/wat.ts'

const OPTIONS = { name: 'x.wasm', memoryMaxBytes: 1 << 20, functionBytes: 1000 }

/** Of 40 bytes and some more. */
const moduleOf = (page: number): Uint8Array<ArrayBuffer> =>
  wat(`(module (memory (export "memory") ${page}) (func (export "_start")))`)

function counting(maxBytes?: number) {
  let compiled = 0
  const cache = new CompileCache({
    ...(maxBytes === undefined ? {} : { maxBytes }),
    compile: (bytes, plan) => {
      compiled += 1
      return compileHere(bytes, plan)
    },
  })
  return { compile: cache.compile.bind(cache), compiled: () => compiled }
}

test('the module that was unused for longest goes first', async () => {
  const { compile, compiled } = counting(2 * moduleOf(1).length)
  for (const page of [1, 2, 1, 3]) await compile(moduleOf(page), OPTIONS)
  expect(compiled()).toBe(3)
  await compile(moduleOf(1), OPTIONS)
  expect(compiled()).toBe(3)
  await compile(moduleOf(2), OPTIONS)
  expect(compiled()).toBe(4)
})

test('the tenant that has most gives up its own, and whoever keeps one forgets it', async () => {
  const { compile, compiled } = counting(4 * moduleOf(1).length)
  const dropped: string[] = []
  const holderOf = (tenant: string, name: string) => ({ tenant, dropped: () => dropped.push(name) })
  const holders = ['a1', 'b1', 'b2', 'b3', 'b4', 'b5'].map((name) =>
    holderOf(name.slice(0, 1), name),
  )
  for (const [at, holder] of holders.entries()) await compile(moduleOf(at + 1), OPTIONS, holder)
  expect(dropped).toEqual(['b1', 'b2'])
  const again = holderOf('a', 'a1 again')
  await compile(moduleOf(1), OPTIONS, again)
  expect(compiled()).toBe(6)
  // One that fails has had room, too, and is not forgotten by who asked.
  const bad = holderOf('b', 'bad')
  await expect(compile(Uint8Array.of(1, 2, 3), OPTIONS, bad)).rejects.toBeDefined()
  expect([dropped, holders.length, again.tenant, bad.tenant]).toEqual([
    ['b1', 'b2', 'b3'],
    6,
    'a',
    'b',
  ])
})

test('the same bytes are one module, unless somebody allows them something else', async () => {
  const { compile, compiled } = counting()
  const first = await compile(moduleOf(1), OPTIONS)
  expect(await compile(moduleOf(1), { ...OPTIONS, name: 'y.wasm' })).toBe(first)
  await compile(moduleOf(1), { ...OPTIONS, memoryMaxBytes: 2 << 20 })
  expect(compiled()).toBe(2)
  // What was let in for one tenant is not let in for another one by that.
  await expect(compile(moduleOf(1), { ...OPTIONS, functionBytes: 1 })).rejects.toMatchObject({
    code: 'WASM_LIMIT_EXCEEDED',
  })
})

test('a tenant whose modules bring new types of functions without end', async () => {
  const cache = new CompileCache({
    compile: (bytes, plan, onNewTypes) => {
      onNewTypes?.(TENANT_TYPES / 2)
      return compileHere(bytes, plan)
    },
  })
  const ask = (page: number, tenant: string) =>
    cache.compile(moduleOf(page), OPTIONS, { tenant, dropped: () => undefined })
  await ask(1, 'a')
  await ask(2, 'a')
  await expect(ask(3, 'a')).rejects.toMatchObject({ code: 'GUEST_TYPES_USED_UP' })
  // What is there already, and what others bring.
  await ask(1, 'a')
  await ask(3, 'b')
  await ask(3, 'a')
})
