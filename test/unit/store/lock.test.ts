import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { withLock } from '../../../src/store/lock.ts'
import { ownerText, parseOwner, stateOf, thisOwner } from '../../../src/store/owner.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function options(waitMs = 5000) {
  return { files: nodeFiles, folder, clock: systemClock, waitMs }
}

const SELF = thisOwner()
/** A process id that no system gives out. */
const NO_PID = 4_194_305

test('one at a time, and everybody in the end', async () => {
  let inside = 0
  let most = 0
  let count = 0
  const work = async () => {
    inside += 1
    most = Math.max(most, inside)
    await new Promise(setImmediate)
    count += 1
    inside -= 1
  }
  await Promise.all(Array.from({ length: 25 }, () => withLock(options(), work)))
  expect({ most, count }).toEqual({ most: 1, count: 25 })
})

test('the turn is given back after a failure, and old tickets go', async () => {
  for (let round = 0; round < 40; round += 1) {
    const failing = withLock(options(), () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
  }
  expect(readdirSync(folder).length).toBeLessThanOrEqual(18)
})

const HOLDERS = [
  { name: 'a process that is gone', text: ownerText({ ...SELF, pid: NO_PID }), isFree: true },
  {
    name: 'a process whose id another one has now',
    text: ownerText({ ...SELF, started: '1' }),
    isFree: true,
  },
  { name: 'this process', text: ownerText(SELF), isFree: false },
  { name: 'a live process', text: ownerText({ ...SELF, pid: 1, started: '0' }), isFree: false },
  {
    name: 'another machine, just now',
    text: ownerText({ ...SELF, machine: '0123456789ab' }),
    isFree: false,
  },
  {
    name: 'another machine, long ago',
    text: ownerText({ ...SELF, machine: '0123456789ab' }),
    isFree: true,
    ageS: 3600,
  },
  { name: 'nobody: a power cut has emptied it', text: '', isFree: true },
  { name: 'nobody', text: 'free\n', isFree: true },
]

test.for(HOLDERS)('a ticket of $name: free $isFree', async ({ text, isFree, ageS = 0 }) => {
  const ticket = join(folder, '000000000007')
  writeFileSync(ticket, text)
  const seconds = Date.now() / 1000 - ageS
  utimesSync(ticket, seconds, seconds)
  const done = withLock(options(30), async () => 'done')
  if (isFree) expect(await done).toBe('done')
  else await expect(done).rejects.toMatchObject({ code: 'STORE_BUSY' })
  // Nothing but tickets is left.
  expect(readdirSync(folder).filter((name) => !/^[0-9]{12}$/.test(name))).toEqual([])
})

test('an owner is read from the start of a name, and from nothing else', () => {
  expect(parseOwner(`${ownerText(SELF)}-7-ab`)).toEqual(SELF)
  expect(parseOwner(`${ownerText(SELF)}.json`)).toEqual(SELF)
  for (const text of ['', 'x', '0123456789ab-0-1', '0123456789ab-12-', '0123456789AB-1-1']) {
    expect(parseOwner(text)).toBeUndefined()
  }
  expect(stateOf(SELF, SELF)).toBe('alive')
})
