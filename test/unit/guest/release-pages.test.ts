import { expect, test } from 'vitest'
import { releasePages } from '../../../src/guest/release-pages.ts'

const PAGES = 64

test('the pages of a memory go back to the system, a part in each turn of the event loop', async () => {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES })
  const bytes = new Uint8Array(memory.buffer).fill(1)
  releasePages(memory)
  const left: number[] = []
  for (let turn = 0; turn < 6; turn += 1) {
    await new Promise(setImmediate)
    // Pages that were given back are zeros when they are looked at again.
    left.push(bytes.filter((byte) => byte === 1).length / bytes.length)
  }
  expect(left.slice(0, 4)).toEqual([0.75, 0.5, 0.25, 0])
})
