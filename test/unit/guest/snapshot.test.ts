import { fstatSync } from 'node:fs'
import { expect, test } from 'vitest'
import { copyMemory } from '../../../src/guest/copied-memory.ts'
import { mapMemory, mapOver } from '../../../src/guest/mapped-memory.ts'
import { snapshotFile } from '../../../src/guest/snapshot-file.ts'
import { openPaths } from '../../support/open-paths.ts'

const PAGE = 65_536
const PAGES = 40

function filledMemory(): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES + MORE })
  const bytes = new Uint8Array(memory.buffer)
  for (let at = 0; at < 3 * PAGE; at += 1) bytes[at] = (at * 31) & 0xff
  bytes[PAGES * PAGE - 1] = 0xee
  return memory
}

const MORE = 160

const KINDS = [
  { name: 'copied', take: copyMemory },
  { name: 'mapped', take: mapMemory },
]

for (const { name, take } of KINDS) {
  function setUp() {
    const memory = filledMemory()
    const original = Buffer.from(memory.buffer.slice(0))
    const snapshot = take(memory)
    if (snapshot === undefined)
      throw new Error('this system cannot map memory: run the tests on Linux')
    const restore = snapshot.adopt(memory)
    if (restore === undefined) throw new Error('a memory as it was taken has to be adopted')
    return { memory, original, snapshot, restore }
  }

  test(`a ${name} memory is unchanged by being adopted`, () => {
    const { memory, original } = setUp()
    expect(original.equals(Buffer.from(memory.buffer))).toBe(true)
  })

  test(`a ${name} memory is put back wherever it was written`, () => {
    const { memory, original, restore } = setUp()
    const places = [0, 1, 4095, 4096, PAGE - 1, PAGE, 5 * PAGE + 17, 39 * PAGE, PAGES * PAGE - 1]
    for (let round = 0; round < 50; round += 1) {
      const bytes = Buffer.from(memory.buffer)
      for (const place of places) bytes[place] = (bytes[place] ?? 0) ^ (round + 1)
      bytes.fill(round + 1, 10 * PAGE + round * 100, 10 * PAGE + round * 5000)
      expect(restore(true)).toBe(true)
      expect(original.equals(Buffer.from(memory.buffer)), `round ${round}`).toBe(true)
    }
  })

  test(`a ${name} memory is put back when every byte was written`, () => {
    const { memory, original, restore } = setUp()
    new Uint8Array(memory.buffer).fill(0x5a)
    expect(restore(true)).toBe(true)
    expect(original.equals(Buffer.from(memory.buffer))).toBe(true)
  })

  test(`a ${name} memory serves many instances, each with changes of its own`, () => {
    const { memory, original, snapshot } = setUp()
    const other = filledMemory()
    const restoreOther = snapshot.adopt(other)
    new Uint8Array(memory.buffer)[5] = 1
    new Uint8Array(other.buffer)[5] = 2
    expect(new Uint8Array(memory.buffer)[5]).toBe(1)
    expect(restoreOther?.(true)).toBe(true)
    expect(original.equals(Buffer.from(other.buffer))).toBe(true)
    expect(new Uint8Array(memory.buffer)[5]).toBe(1)
  })

  test(`a ${name} memory that has grown by no page is put back`, () => {
    const { memory, original, restore } = setUp()
    for (let round = 0; round < 3; round += 1) {
      memory.grow(0) // detaches its buffer
      new Uint8Array(memory.buffer)[PAGE + round] = 0x77
      expect(restore(true)).toBe(true)
      expect(original.equals(Buffer.from(memory.buffer))).toBe(true)
    }
  })

  test(`a ${name} memory that has grown by much is given up`, () => {
    const { memory, snapshot, restore } = setUp()
    memory.grow(MORE)
    new Uint8Array(memory.buffer).fill(1, PAGES * PAGE)
    expect(restore(true)).toBe(false)
    expect(snapshot.adopt(memory)).toBeUndefined()
  })

  test(`a ${name} memory that was written before it is adopted is put back`, () => {
    const { original, snapshot } = setUp()
    const other = filledMemory()
    new Uint8Array(other.buffer).fill(1, 100, 20_000)
    expect(snapshot.adopt(other)).toBeDefined()
    expect(original.equals(Buffer.from(other.buffer))).toBe(true)
  })

  test(`a ${name} memory can grow, and the old part keeps its contents`, () => {
    const { memory, original } = setUp()
    memory.grow(8)
    const grown = Buffer.from(memory.buffer)
    expect(original.equals(grown.subarray(0, original.length))).toBe(true)
    expect(grown.subarray(original.length).every((byte) => byte === 0)).toBe(true)
  })
}

for (const { name, take } of KINDS)
  test(`a ${name} memory that has grown a little is put back, and what has come to it is zeros`, () => {
    const memory = new WebAssembly.Memory({ initial: 4, maximum: 12 })
    new Uint8Array(memory.buffer).fill(0x33, 100, 200)
    const original = Buffer.from(memory.buffer.slice(0))
    const snapshot = take(memory)
    let restore = snapshot?.adopt(memory)
    for (let round = 0; round < 4; round += 1) {
      memory.grow(1)
      const whole = new Uint8Array(memory.buffer)
      for (const places of [[150], [whole.length - 1, 4 * PAGE], [4 * PAGE + 5000]]) {
        for (const place of places) whole[place] = 0x77
        expect(restore?.(true)).toBe(true)
        expect(original.equals(whole.subarray(0, 4 * PAGE))).toBe(true)
        expect(whole.subarray(4 * PAGE).every((byte) => byte === 0)).toBe(true)
      }
      // As it is when somebody else's memory is adopted.
      whole.fill(0x55)
      if (round === 2) restore = snapshot?.adopt(memory)
      expect(restore?.(true)).toBe(true)
      expect(whole.every((byte, at) => byte === (original[at] ?? 0))).toBe(true)
    }
  })

/** Pages of 4 KiB, as they come to be written: alone, before and behind others, between two, over the bounds of the file's pages and of zeros. */
const STEPS = [[20], [20, 22], [21], [19, 23], [47], [48], [46, 49], [100, 2, 60], [], [61, 59, 1]]

test('what has come to the pages of a mapped memory that were written is put back, and what was there already', () => {
  const memory = filledMemory()
  const bytes = Buffer.from(memory.buffer)
  const original = Buffer.from(bytes)
  const restore = mapMemory(memory)?.adopt(memory)
  const soFar = new Set<number>()
  for (const [step, pages] of STEPS.entries()) {
    for (const page of pages) bytes.fill(0xa5, page * 4096 + step, page * 4096 + 4096 - step)
    expect(restore?.(true)).toBe(true)
    expect(original.equals(bytes), `step ${step}`).toBe(true)
    for (const page of pages) soFar.add(page)
    for (const page of soFar) bytes.fill(0x5a, page * 4096, (page + 1) * 4096)
    expect(restore?.(false)).toBe(true)
    expect(original.equals(bytes), `step ${step}, all so far`).toBe(true)
  }
})

test('a mapped memory of more private pages than are kept is given up', () => {
  const memory = new WebAssembly.Memory({ initial: 256, maximum: 256 })
  const restore = mapMemory(memory)?.adopt(memory)
  new Uint8Array(memory.buffer).fill(9)
  expect(restore?.(true)).toBe(false)
})

test('a memory with much written is not mapped: all its pages would go at once', () => {
  const pages = 160
  const make = (): WebAssembly.Memory => new WebAssembly.Memory({ initial: pages, maximum: pages })
  const [first, second] = [make(), make()]
  const snapshot = mapMemory(first)
  new Uint8Array(second.buffer).fill(1)
  expect(snapshot?.adopt(second)).toBe(undefined)
  expect(mapMemory(second)?.adopt(second)?.(true)).toBe(true) // unless it began with that
  expect(new Uint8Array(second.buffer)[0]).toBe(1)
})

test('many snapshots take one descriptor, and none shows another one its pages', () => {
  const count = (): number => openPaths('/memfd:').length
  const taken = Array.from({ length: 100 }, (_, index) => {
    const memory = new WebAssembly.Memory({ initial: 1 })
    new Uint8Array(memory.buffer).fill(index + 1, 4096, 8192)
    return { memory, restore: mapMemory(memory)?.adopt(memory), before: count() }
  })
  expect(count()).toBe(taken[0]?.before)
  for (const { memory } of taken) new Uint8Array(memory.buffer).fill(0xff)
  for (const [index, { memory, restore }] of taken.entries()) {
    expect(restore?.(true)).toBe(true)
    const wanted = Buffer.alloc(65_536)
    wanted.fill(index + 1, 4096, 8192)
    expect(wanted.equals(Buffer.from(memory.buffer)), `snapshot ${index}`).toBe(true)
  }
})

/** Of the file that snapshots are in, in bytes. */
const keptBytes = (): number => fstatSync(snapshotFile()?.fd ?? -1).blocks * 512

/** All of it is read, and some of it written. */
function use(memory: WebAssembly.Memory, ...places: readonly number[]): void {
  const bytes = Buffer.from(memory.buffer)
  expect(bytes.indexOf('not there')).toBe(-1)
  for (const place of places) bytes[place] = 0x77
}

test('zeros of a mapped memory take nothing, read, written and put back', () => {
  const memory = filledMemory()
  const original = Buffer.from(memory.buffer.slice(0))
  let ownBytes = -1
  const before = keptBytes()
  const snapshot = mapMemory(memory)
  const restore = snapshot?.adopt(memory, (bytes) => {
    ownBytes = bytes
  })
  expect(keptBytes() - before).toBe(3 * PAGE + 4096)
  for (const places of [[], [20 * PAGE], [0, 20 * PAGE, 30 * PAGE]]) {
    use(memory, ...places)
    expect(restore?.(true)).toBe(true)
    expect(ownBytes).toBe(places.length * 4096)
    expect(original.equals(Buffer.from(memory.buffer))).toBe(true)
  }
  expect(keptBytes() - before).toBe(3 * PAGE + 4096)
})

test('where a snapshot has zeros, and one below it or instantiating has not, there are zeros', () => {
  const first = filledMemory()
  const below = mapMemory(first, true)
  below?.adopt(first)
  new Uint8Array(first.buffer).fill(0, PAGE, 2 * PAGE)
  new Uint8Array(first.buffer).fill(0x11, 9 * PAGE, 10 * PAGE)
  const wanted = Buffer.from(first.buffer.slice(0))
  const above = below === undefined ? undefined : mapOver(below, first)
  const memory = filledMemory()
  new Uint8Array(memory.buffer).fill(0x5a, 15 * PAGE, 16 * PAGE)
  const restore = above?.adopt(memory)
  expect(wanted.equals(Buffer.from(memory.buffer))).toBe(true)
  new Uint8Array(memory.buffer).fill(0x33)
  expect(restore?.(true)).toBe(true)
  expect(wanted.equals(Buffer.from(memory.buffer))).toBe(true)
})
