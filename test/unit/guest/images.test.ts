/** What a module has in its memories from the start, where that is much, is mapped and not copied. */
import { fstatSync, readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { CompileCache } from '../../../src/guest/compile-cache.ts'
import { compileInThreads } from '../../../src/guest/compile-threads.ts'
import { makeMemories, memoryImports } from '../../../src/guest/guest-memory.ts'
import type { GuestModule } from '../../../src/guest/guest-module.ts'
import { mapMemory } from '../../../src/guest/mapped-memory.ts'
import { MutableState } from '../../../src/guest/snapshot.ts'
import { snapshotFile } from '../../../src/guest/snapshot-file.ts'
import { DEFAULT_MODULE_LIMITS } from '../../../src/wasm/limits.ts'
import { compileGuest, MIB } from '../../support/guest.ts'
import { wat } from '../../support/wat.ts'

const PAGE = 65_536
const DATA = Array.from({ length: 35_000 }, (_, index) => `the ${index}th `).join('')
const AT = 3 * PAGE - 100

const TEXT = `(module (memory (export "memory") 12) (data (i32.const ${AT}) "${DATA}")
  (func (export "_start")))`

const MAKERS = [
  { name: 'here', make: () => compileGuest(wat(TEXT)) },
  {
    name: 'in a thread',
    make: () =>
      new CompileCache({ compile: compileInThreads() }).compile(new Uint8Array(wat(TEXT)), {
        name: 'test.wasm',
        memoryMaxBytes: 64 * MIB,
        functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
      }),
  },
]

function expected(): Buffer {
  const contents = Buffer.alloc(12 * PAGE)
  contents.write(DATA, AT)
  return contents
}

function instantiate(module: GuestModule) {
  const memories = makeMemories(module)
  const { exports } = new WebAssembly.Instance(module.module, memoryImports(memories))
  const memory = exports['memory'] as WebAssembly.Memory
  return { memory, state: new MutableState(module, memories, { exports }) }
}

for (const { name, make } of MAKERS) {
  test(`made ${name}: every instance has it from the start, and again after each run`, async () => {
    const module = await make()
    expect(module.images).toHaveLength(1)
    const [first, second] = [instantiate(module), instantiate(module)]
    for (const { memory } of [first, second])
      expect(Buffer.from(memory.buffer).equals(expected())).toBe(true)
    const bytes = Buffer.from(first.memory.buffer)
    for (const place of [0, AT, AT + 5000, 12 * PAGE - 1]) bytes[place] = 0xff
    expect(Buffer.from(second.memory.buffer).equals(expected())).toBe(true)
    expect(first.state.restore()).toBe(true)
    expect(Buffer.from(first.memory.buffer).equals(expected())).toBe(true)
  })
}

test('little data stays with the module', async () => {
  const module = await compileGuest(wat(TEXT.replace(DATA, 'abc')))
  expect(module.images).toEqual([])
  expect(Buffer.from(instantiate(module).memory.buffer).toString('latin1', AT, AT + 3)).toBe('abc')
})

test('no memory is kept for modules that are refused, and for those that nobody has any more', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // Or what the tests before have left would go in the middle of this one.
  for (let turn = 0; turn < 3; turn += 1) {
    collect()
    await new Promise(setImmediate)
  }
  const before = snapshotBytes()
  const refused = [
    wat(TEXT.replace('"_start"', '"start"')), // no command
    wat(TEXT.replace('(memory ', '(import "x" "y" (func)) (memory ')), // of a host nobody knows
  ]
  for (const bytes of refused) await expect(compileGuest(bytes)).rejects.toThrow()
  expect(snapshotBytes()).toBe(before)
  await (async () => {
    instantiate(await compileGuest(wat(TEXT)))
    expect(snapshotBytes()).toBeGreaterThan(before + DATA.length)
  })()
  await expect
    .poll(() => {
      collect()
      return snapshotBytes()
    })
    .toBeLessThanOrEqual(before)
})

test('nothing stays mapped of a snapshot of zeros that nobody has any more', async () => {
  const mapped = (): number =>
    readFileSync('/proc/self/maps', 'latin1').split('wasm-fpm snapshots').length
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const taken = (() => {
    expect(mapMemory(new WebAssembly.Memory({ initial: 12, maximum: 12 }))).toBeDefined()
    return mapped()
  })()
  await expect
    .poll(() => {
      collect()
      return mapped()
    })
    .toBeLessThan(taken)
})

/** What the file of snapshots takes of this process's memory. */
function snapshotBytes(): number {
  const fd = snapshotFile()?.fd ?? -1
  return fstatSync(fd).blocks * 512
}
