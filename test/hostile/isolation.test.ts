/** Nothing of a request is ever seen by a later one, however it ended. */

import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileCanary } from '../../guests/hostile/compile.ts'
import type { ByteSource } from '../../src/base/byte-stream.ts'
import { systemClock } from '../../src/base/clock.ts'
import { runToEnd } from '../../src/guest/engine.ts'
import type { GuestModule } from '../../src/guest/guest-module.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import type { GuestReport } from '../../src/guest/job.ts'
import { MAPPED_BYTES } from '../../src/guest/snapshot.ts'
import { createMemoryDirectory } from '../../src/wasi/memory-directory.ts'
import { CollectingSink, compileGuest, emptySource, grants, job } from '../support/guest.ts'
import { type Action, script } from './canary-script.ts'
import { type Stage, setStage } from './stage.ts'

const REQUESTS = 10_000
const PAGE_BYTES = 65_536
/** One memory that is put back by copying, one by the pages that were written. */
const SIZES = [
  { name: 'copied', pages: 2 },
  { name: 'mapped', pages: 5 },
]
/** Requests at once: some of them wait. */
const LANES = 6

/** Each way to end; the common ones more often. */
const ENDINGS: ReadonlyArray<readonly Action[]> = [
  [],
  [],
  [],
  [{ kind: 'exit', code: 0 }],
  [{ kind: 'exit', code: 3 }],
  [{ kind: 'trap' }],
  [{ kind: 'throw' }],
  [{ kind: 'recurse' }],
  [{ kind: 'grow', pages: 3 }, { kind: 'plant' }],
]
const SLOW_ENDINGS: ReadonlyArray<readonly Action[]> = [[{ kind: 'loop' }], [{ kind: 'sleep' }]]
/** Every how many requests one of the slow endings is due. */
const SLOW_EVERY = 50
/** A guest that sleeps has begun to by then, and has not been stopped. */
const GIVEN_UP_AFTER_MS = 10

const ENDS = [
  'OUTCOME_ABORTED',
  'OUTCOME_CPU_EXCEEDED',
  'OUTCOME_STACK_OVERFLOW',
  'OUTCOME_TRAPPED',
  'OUTCOME_WALL_EXCEEDED',
]
const PLANT: readonly Action[] = [{ kind: 'plant' }]
const TWICE_ONE_PAGE: readonly Action[] = [
  { kind: 'grow', pages: 1 },
  { kind: 'grow', pages: 1 },
]

test('the sizes of canary guests are on both sides of what is mapped', () => {
  expect(SIZES.map(({ pages }) => pages * PAGE_BYTES >= MAPPED_BYTES)).toEqual([false, true])
})

const LIFETIMES = SIZES.flatMap((size) =>
  ['reset', 'fresh'].map((lifetime) => ({
    ...{ ...size, lifetime, does: 'fills its memory', requests: REQUESTS },
    first: PLANT,
  })),
)
/** What every request takes stays with the instance. */
const GROWING = SIZES.map((size) => ({
  ...{ ...size, lifetime: 'reset', does: 'makes it grow', requests: REQUESTS / 10 },
  first: [...TWICE_ONE_PAGE, ...PLANT],
}))

test.each([...LIFETIMES, ...GROWING])(
  '$lifetime, $name memory, who $does: a canary is never seen by any of $requests later requests',
  async ({ pages, lifetime, requests, first }) => {
    using stage = setStage({
      modules: { canary: compileCanary(pages) },
      keys: `max_children = ${LANES}\nlifetime = "${lifetime}"`,
      limits: 'cpu = "5ms"\nwall = "30ms"\nmemory = "1MiB"',
    })
    let sent = 0
    let answered = 0
    const lane = async (): Promise<void> => {
      while (sent < requests) {
        const turn = sent++
        await checkOne(stage, turn, first).then((isSeen) => {
          answered += isSeen ? 1 : 0
        })
        if (turn % 20 === 0) await new Promise(setImmediate)
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    // The others were killed or failed before their header was out, or were given up.
    expect(answered).toBeGreaterThan(requests / 3)
    const codes = new Set(stage.failures().map(({ code }) => String(code)))
    // Some never ran: given up while they waited, for the module at first. Of a few that loop each may be stopped by its wall-clock time.
    const ends = [...codes].filter((code) => code.startsWith('OUTCOME_')).sort()
    expect(ENDS).toEqual(expect.arrayContaining(ends))
    if (requests === REQUESTS) expect(ends).toEqual(ENDS)
    // The same instances served again and again, or nothing would have been tested.
    const { resets = 0, instancesRenewed = 0 } =
      stage.gateway.scheduler.tenants.get('hog')?.counters ?? {}
    expect(lifetime === 'reset' ? resets : instancesRenewed).toBeGreaterThan(requests / 3)
  },
  60_000,
)

/** Looks and does what all of them do `first`; whether an answer came that says so. */
async function checkOne(stage: Stage, turn: number, first: readonly Action[]): Promise<boolean> {
  const isSlow = turn % SLOW_EVERY === SLOW_EVERY - 1
  const endings = isSlow ? SLOW_ENDINGS : ENDINGS
  const ending = endings[Math.floor(turn / (isSlow ? SLOW_EVERY : 1)) % endings.length] ?? []
  const isGivenUp = turn % 97 === 96
  const last: readonly Action[] = isGivenUp ? [{ kind: 'sleep' }] : ending
  const body = script('S', [...first, ...last])
  const exchange = stage.begin('hog', 'canary', { body })
  if (isGivenUp) {
    // Some while they wait for their turn, some while they run.
    await (turn % 2 === 0 ? new Promise(setImmediate) : setTimeout(GIVEN_UP_AFTER_MS))
    exchange.abort()
  }
  const reply = await exchange.reply
  if (reply.status !== 200 || reply.body.length === 0) return false
  // 44 is NOENT: no file in /tmp.
  if (reply.body.toString() !== '0 44 ') expect(reply.body.toString()).toBe('0 44 ')
  return true
}

const SLEEP = script('D', [{ kind: 'sleep' }])[1]

/** What one run showed: everything the guest saw, what it printed, how it ended. */
interface Shown {
  readonly output: string
  readonly outcome: GuestReport['outcome']
}

async function runScript(instance: GuestInstance, body: Buffer): Promise<Shown> {
  const stdout = new CollectingSink()
  let rest: Uint8Array | undefined = body
  const stdin: ByteSource = {
    ...emptySource,
    read: () => {
      const bytes = rest
      rest = undefined
      return bytes
    },
  }
  const tmp = { guestPath: '/tmp', directory: createMemoryDirectory(systemClock) }
  const granted = grants({ stdin, stdout, preopens: [{ ...tmp, guestPath: '/' }, tmp] })
  // Long enough for everything but what never ends, however busy the machine is.
  const wallMs = body.at(-2) === SLEEP ? 60 : 10_000
  const { outcome } = await runToEnd(instance, job({ grants: granted, cpuMs: 60, wallMs }))
  return { output: stdout.text, outcome }
}

const place = { bytes: fc.nat(5000), value: fc.nat(255) }
const actionIn = (pages: number): fc.Arbitrary<Action> =>
  fc.oneof(
    fc.record({
      kind: fc.constant('fill' as const),
      at: fc.integer({ min: 1024, max: pages * PAGE_BYTES }),
      ...place,
    }),
    fc.record({ kind: fc.constant('fillOther' as const), at: fc.nat(65_536), ...place }),
    fc.record({
      kind: fc.constant('setGlobals' as const),
      value: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    }),
    fc.record({ kind: fc.constant('leaveFile' as const) }),
    fc.record({ kind: fc.constant('plant' as const) }),
  )
const ending: fc.Arbitrary<readonly Action[]> = fc.oneof(
  { weight: 8, arbitrary: fc.constant([]) },
  {
    weight: 3,
    arbitrary: fc
      .record({ kind: fc.constant('exit' as const), code: fc.nat(3) })
      .map((one) => [one]),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ kind: fc.constant('grow' as const), pages: fc.nat(3) })
      .map((one) => [one]),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        'trap' as const,
        'loop' as const,
        'sleep' as const,
        'recurse' as const,
        'throw' as const,
      )
      .map((kind) => [{ kind }]),
  },
)
const requestTo = (pages: number, first: readonly Action[]): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.array(actionIn(pages), { maxLength: 6 }), ending)
    .map(([actions, last]) => script('D', [...first, ...actions, ...last]))

async function expectSameAsFresh(module: GuestModule, requests: readonly Buffer[]): Promise<void> {
  let instance = new GuestInstance(module, systemClock)
  for (const body of requests) {
    const kept = await runScript(instance, body)
    const fresh = await runScript(new GuestInstance(module, systemClock), body)
    expect(kept.outcome).toEqual(fresh.outcome)
    if (kept.output !== fresh.output) expect(firstDifference(kept.output, fresh.output)).toBe('')
    if (!instance.reset()) instance = await successorOf(instance, module)
  }
}

/** A new instance, in the old one's memories where they can be put back. */
async function successorOf(instance: GuestInstance, module: GuestModule): Promise<GuestInstance> {
  let isNew = instance.renew(() => {
    isNew = true
  })
  await new Promise(setImmediate) // a killed guest's stack has to unwind
  return isNew ? instance : new GuestInstance(module, systemClock)
}

function firstDifference(a: string, b: string): string {
  let at = 0
  while (at < a.length && a[at] === b[at]) at += 1
  return `${a.length} and ${b.length} bytes, different from byte ${at} on`
}

test.each([
  ...SIZES.map((size) => ({ ...size, does: 'begin with what there is', first: [] })),
  ...SIZES.map((size) => ({ ...size, does: 'begin with more memory', first: TWICE_ONE_PAGE })),
])(
  '$name memory: requests that $does see, print and end under reset as they do under fresh',
  async ({ pages, first }) => {
    const module = await compileGuest(compileCanary(pages), 1024 * 1024)
    const requests = fc.array(requestTo(pages, first), { minLength: 2, maxLength: 8 })
    const property = fc.asyncProperty(requests, (bodies) => expectSameAsFresh(module, bodies))
    await fc.assert(property, {
      seed: 20_261,
      numRuns: first.length === 0 ? 60 : 25,
      interruptAfterTimeLimit: 30_000,
    })
  },
)

const STATEFUL = ['table-state', 'dropped-segments', 'stateful-start']

for (const name of STATEFUL) {
  test(`${name}: what cannot be put back is not used again`, async () => {
    using stage = setStage({ guests: [name] })
    const bodies: string[] = []
    for (let turn = 0; turn < 3; turn += 1) {
      bodies.push((await stage.ask('hog', name)).body.toString())
    }
    expect(bodies).toEqual(Array(3).fill('1 0 '))
  })
}
