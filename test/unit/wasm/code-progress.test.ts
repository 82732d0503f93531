import { expect, test } from 'vitest'
import { bigModule } from '../../../bench/cpu/big-module.ts'
import { harden } from '../../../src/wasm/harden-module.ts'
import { readModule } from '../../../src/wasm/read.ts'
import { ROOMY } from './modules.ts'

const MODULE = bigModule(2 << 20)
/** What is between two reports, and a function of a kilobyte. */
const STEP_BYTES = 66 * 1024

test('hardening says how far it is every 64 KiB of code, and changes nothing by that', () => {
  const reports: [number, number][] = []
  const { bytes } = harden(MODULE, { ...ROOMY, onCode: (...report) => reports.push(report) })
  const code = readModule(MODULE).bodies.reduce((sum, { start, end }) => sum + end - start, 0)
  expect(new Set(reports.map(([, total]) => total))).toEqual(new Set([code]))
  const done = reports.map(([bytesDone]) => bytesDone)
  expect(done[0]).toBe(0)
  done.push(code)
  for (const [index, at] of done.slice(1).entries()) {
    const more = at - (done[index] ?? 0)
    expect(more).toBeGreaterThan(0)
    expect(more).toBeLessThan(STEP_BYTES)
  }
  expect(Buffer.compare(bytes, harden(MODULE, ROOMY).bytes)).toBe(0)
})

test('a module without code is done at once', () => {
  const reports: [number, number][] = []
  const empty = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
  harden(empty, { ...ROOMY, onCode: (...report) => reports.push(report) })
  expect(reports).toEqual([[0, 0]])
})
