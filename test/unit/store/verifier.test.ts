/** The publisher's process is begun while the source is read: nothing is left of it when there is no job for it after all. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock as clock } from '../../../src/base/clock.ts'
import { Verifier } from '../../../src/store/verifier.ts'

const NOBODY = { uid: 65_534, gid: 65_534 }

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-verifier-test-'))
  vi.stubEnv('TMPDIR', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** Of this process, whichever thread has started them. */
function children(): number {
  const lists = readdirSync('/proc/self/task').map((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'latin1').trim(),
  )
  return lists.filter((list) => list !== '').flatMap((list) => list.split(' ')).length
}

test.for([
  ['nobody else', undefined],
  ['somebody else', NOBODY],
] as const)('it runs as %s, and there is no job for it', async ([, account]) => {
  if (account !== undefined && process.getuid?.() !== 0) return
  const before = children()
  const verifier = new Verifier(folder, { clock, account, onStep: () => undefined })
  await verifier.begin()
  expect(children()).toBe(before + 1)
  expect(readdirSync(folder)).toHaveLength(account === undefined ? 0 : 1)
  await verifier.close()
  expect(children()).toBe(before)
  expect(readdirSync(folder)).toEqual([])
  await verifier.close()
})

test('one that was never begun', async () => {
  await new Verifier(folder, { clock, onStep: () => undefined }).close()
  expect(readdirSync(folder)).toEqual([])
})
