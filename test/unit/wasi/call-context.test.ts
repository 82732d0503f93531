/** What every call works on: whether it may run at all, what it is charged, the memory it sees, and how it waits. */
import { beforeEach, expect, test } from 'vitest'
import {
  CALL_WORK,
  CallContext,
  MOST_UNCHECKED_MS,
  WORK_BETWEEN_CHECKS,
} from '../../../src/wasi/call-context.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { ExitSignal } from '../../../src/wasi/exit-signal.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FILL, makeGrants, settle } from './probe.ts'

const PAGE_BYTES = 65_536

let clock: FakeClock
let counter: WebAssembly.Global<'i32'>
let memory: WebAssembly.Memory
let context: CallContext

beforeEach(() => {
  clock = new FakeClock()
  counter = new WebAssembly.Global({ value: 'i32', mutable: true }, 1)
  memory = new WebAssembly.Memory({ initial: 1 })
  new Uint8Array(memory.buffer).fill(FILL)
  context = new CallContext()
  context.attach(memory)
  context.counter = counter
  context.begin(makeGrants({ clock }), false, clock.nowMs())
})

function thrownBy(call: () => void): unknown {
  try {
    call()
  } catch (thrown) {
    return thrown
  }
  return undefined
}

const exit = (): unknown => thrownBy(() => context.exit(3))
const begin = (): void => context.begin(makeGrants({ clock }), false, clock.nowMs())

const ENTERING: ReadonlyArray<{ name: string; steps: (() => unknown)[]; thrown: unknown }> = [
  { name: 'a session', steps: [], thrown: undefined },
  { name: 'an exit', steps: [exit], thrown: new ExitSignal(3) },
  {
    name: 'a poisoned session',
    steps: [() => context.poison()],
    thrown: new ExitSignal(undefined),
  },
  { name: 'the end', steps: [() => context.end()], thrown: new ExitSignal(undefined) },
  { name: 'another guest', steps: [() => context.renew()], thrown: new ExitSignal(undefined) },
  { name: 'a session after an exit', steps: [exit, begin], thrown: undefined },
  {
    name: 'a poisoned session after an exit',
    steps: [exit, begin, () => context.poison()],
    thrown: new ExitSignal(undefined),
  },
  {
    name: 'a session after a poisoned one',
    steps: [() => context.poison(), begin],
    thrown: undefined,
  },
]

test.each(ENTERING)('a call in or behind $name', ({ steps, thrown }) => {
  for (const step of steps) step()
  const got = thrownBy(() => context.enter())
  expect(got).toEqual(thrown)
  expect(got instanceof ExitSignal).toBe(thrown instanceof ExitSignal)
})

const isCheckDue = (): boolean => counter.value < 0
const pass = (ms: number): void => {
  clock.ns += BigInt(Math.round(ms * 1e6))
}

const CHARGES: ReadonlyArray<{ name: string; charge: () => void; isDue: boolean }> = [
  { name: 'all there is', charge: () => context.charge(WORK_BETWEEN_CHECKS), isDue: false },
  { name: 'too much', charge: () => context.charge(WORK_BETWEEN_CHECKS + 1), isDue: true },
  {
    name: 'too much in small pieces',
    charge: () => {
      for (let each = 0; each <= WORK_BETWEEN_CHECKS; each += 1_000) context.charge(1_000)
    },
    isDue: true,
  },
  {
    name: 'the call as well',
    charge: () => {
      context.charge(WORK_BETWEEN_CHECKS - CALL_WORK + 1)
      context.enter()
    },
    isDue: true,
  },
  {
    name: 'too much, but for a check',
    charge: () => {
      context.charge(WORK_BETWEEN_CHECKS)
      context.checked(clock.nowMs())
      context.charge(WORK_BETWEEN_CHECKS)
    },
    isDue: false,
  },
  {
    name: 'time that is short',
    charge: () => {
      pass(MOST_UNCHECKED_MS - 0.01)
      context.leave()
    },
    isDue: false,
  },
  {
    name: 'time that is long',
    charge: () => {
      pass(MOST_UNCHECKED_MS + 0.01)
      context.leave()
    },
    isDue: true,
  },
  {
    name: 'time up to a check',
    charge: () => {
      pass(MOST_UNCHECKED_MS + 0.01)
      context.checked(clock.nowMs())
      context.leave()
    },
    isDue: false,
  },
  {
    name: 'time that was somebody else’s',
    charge: () => {
      let wake = (): void => undefined
      void context.wait(
        (call) => {
          wake = call
        },
        () => 0,
      )
      pass(10)
      wake()
      context.leave()
    },
    isDue: false,
  },
]

test.each(CHARGES)('charged: $name', ({ charge, isDue }) => {
  charge()
  expect(isCheckDue()).toBe(isDue)
  // Whoever checks is told whether it was asked for, once.
  expect([context.checked(clock.nowMs()), context.checked(clock.nowMs())]).toEqual([isDue, false])
})

test('a check is asked for once: what the guest does until it comes is its own', () => {
  context.charge(WORK_BETWEEN_CHECKS + 1)
  counter.value = 5
  context.charge(WORK_BETWEEN_CHECKS)
  pass(10)
  context.leave()
  expect(counter.value).toBe(5)
  context.checked(clock.nowMs())
  context.charge(WORK_BETWEEN_CHECKS + 1)
  expect(counter.value).toBe(-1)
})

const U32 = { bytes: [4, 3, 2, 1], store: (at: number) => context.storeU32(at, 0x01020304) }
const U64 = {
  bytes: [8, 7, 6, 5, 4, 3, 2, 1],
  store: (at: number) => context.storeU64(at, 0x0102030405060708n),
}
const STORES = [
  { name: 'at the start', ...U32, at: 0, fits: true },
  { name: 'at the end', ...U32, at: PAGE_BYTES - 4, fits: true },
  { name: 'over the end', ...U32, at: PAGE_BYTES - 3, fits: false },
  { name: 'at -1, which is unsigned', ...U32, at: -1, fits: false },
  { name: 'at the start', ...U64, at: 0, fits: true },
  { name: 'at the end', ...U64, at: PAGE_BYTES - 8, fits: true },
  { name: 'over the end', ...U64, at: PAGE_BYTES - 7, fits: false },
  { name: 'at -8, which is unsigned', ...U64, at: -8, fits: false },
]

test.each(STORES)('a result of $bytes $name', ({ store, at, bytes, fits }) => {
  expect(store(at)).toBe(fits ? Errno.SUCCESS : Errno.FAULT)
  const wanted = new Uint8Array(PAGE_BYTES).fill(FILL)
  if (fits) wanted.set(bytes, at)
  expect(Buffer.compare(wanted, context.bytes)).toBe(0)
})

/** A call that waits; everything that happens to it, in order. `answers`: of `proceed`, one after the other. */
function waiting(answers: readonly (number | undefined | Error)[], isEager = false) {
  const log: string[] = []
  let waker = (): void => undefined
  let asked = 0
  context.beforeWait = () => void log.push('before')
  context.afterWait = () => void log.push('after')
  const arm = (wake: () => void): void => {
    log.push('arm')
    waker = wake
    if (isEager) wake()
    log.push('armed')
  }
  const proceed = (): number | undefined => {
    log.push(`proceed ${context.bytes.length / PAGE_BYTES}`)
    const answer = answers[asked]
    asked += 1
    if (answer instanceof Error) throw answer
    return answer
  }
  const call = context.wait(arm, proceed).then(
    (errno) => void log.push(`errno ${errno}`),
    (thrown) => void log.push(thrown instanceof ExitSignal ? 'unwound' : String(thrown)),
  )
  return { log, call, wake: (): void => waker() }
}

const ARMED = ['before', 'arm', 'armed']

interface Waiting {
  readonly name: string
  readonly answers: readonly (number | undefined | Error)[]
  readonly isEager?: boolean
  readonly steps: readonly ((wake: () => void) => unknown)[]
  readonly log: readonly string[]
}

const wakeIt = (wake: () => void): void => wake()

const WAITS: readonly Waiting[] = [
  { name: 'goes on waiting until it is woken', answers: [], steps: [], log: ARMED },
  {
    name: 'is woken',
    answers: [7],
    steps: [wakeIt],
    log: [...ARMED, 'proceed 1', 'after', 'errno 7'],
  },
  {
    name: 'is woken twice, and goes on once',
    answers: [7, 8],
    steps: [wakeIt, wakeIt, settle, wakeIt],
    log: [...ARMED, 'proceed 1', 'after', 'errno 7'],
  },
  {
    name: 'is woken for nothing, and asks again',
    answers: [undefined, 7],
    steps: [wakeIt, wakeIt],
    log: [...ARMED, 'proceed 1', 'arm', 'armed', 'proceed 1', 'after', 'errno 7'],
  },
  {
    name: 'is woken while it asks, and goes on when that is over',
    answers: [7],
    isEager: true,
    steps: [],
    log: [...ARMED, 'proceed 1', 'after', 'errno 7'],
  },
  {
    name: 'goes on with an error',
    answers: [new Error('broken')],
    steps: [wakeIt, wakeIt],
    log: [...ARMED, 'proceed 1', 'after', 'Error: broken'],
  },
  {
    name: 'finds the memory as it is when it goes on',
    answers: [7],
    steps: [() => memory.grow(2), wakeIt],
    log: [...ARMED, 'proceed 3', 'after', 'errno 7'],
  },
  {
    name: 'is unwound at the end, and woken no more',
    answers: [7],
    steps: [() => context.end(), wakeIt],
    log: [...ARMED, 'unwound'],
  },
  {
    name: 'is unwound once',
    answers: [7],
    steps: [() => context.end(), () => context.end(), () => context.renew(), wakeIt],
    log: [...ARMED, 'unwound'],
  },
]

test.each(WAITS)('a call that waits $name', async ({ answers, isEager, steps, log }) => {
  const call = waiting(answers, isEager)
  for (const step of steps) await step(call.wake)
  await settle()
  expect(call.log).toEqual(log)
})

test('what has been waited for waits for its turn, and is answered with when it came', async () => {
  const turns: (() => void)[] = []
  context.takeTurn = (resume) => void turns.push(resume)
  const { log, wake, call } = waiting([7])
  pass(5)
  wake()
  await settle()
  expect(log).toEqual([...ARMED, 'proceed 1'])
  pass(5)
  turns[0]?.()
  expect(context.runningSinceMs).toBe(clock.nowMs())
  await call
  expect(log).toEqual([...ARMED, 'proceed 1', 'after', 'errno 7'])
  expect(turns.length).toBe(1)
})

test('a turn that comes after the end is nobody’s', async () => {
  const turns: (() => void)[] = []
  context.takeTurn = (resume) => void turns.push(resume)
  const { log, wake } = waiting([7])
  wake()
  context.end()
  context.renew()
  begin()
  for (const turn of turns) turn()
  await settle()
  expect(log).toEqual([...ARMED, 'proceed 1', 'unwound'])
  expect([context.isReusable, context.isSuspended]).toEqual([true, false])
})

test('the states of a context', async () => {
  const states = (): string =>
    `${context.isReusable ? 'reusable' : 'spoilt'}${context.isSuspended ? ' suspended' : ''}`
  const seen: string[] = []
  const see = (): void => void seen.push(states())
  see()
  const first = waiting([7])
  see()
  first.wake()
  see() // its promise has settled, and the guest has not run on
  await first.call
  see()
  waiting([7])
  context.end()
  see()
  expect(thrownBy(begin)).toMatchObject({ code: 'WASI_NOT_REUSABLE' })
  context.end()
  see() // to end is not to renew
  context.renew()
  see()
  begin()
  expect(seen).toEqual([
    'reusable',
    'reusable suspended',
    'spoilt',
    'reusable',
    'spoilt',
    'spoilt',
    'reusable',
  ])
})

const TIMERS: ReadonlyArray<{ name: string; step: () => void; fired: readonly string[] }> = [
  { name: 'left alone', step: () => undefined, fired: ['first'] },
  {
    name: 'set again',
    step: () => context.setTimer(7, () => fired.push('second')),
    fired: ['second'],
  },
  { name: 'cancelled', step: () => context.cancelTimer(), fired: [] },
  { name: 'of a session that ends', step: () => context.end(), fired: [] },
]
const fired: string[] = []

test.each(TIMERS)('the one timer, $name', ({ step, fired: wanted }) => {
  fired.length = 0
  context.setTimer(5, () => fired.push('first'))
  step()
  expect(clock.pending).toBe(wanted.length)
  clock.advance(10)
  expect(fired).toEqual(wanted)
})

test('a session is over: its grants and descriptors are gone', () => {
  expect(context.grants.clock).toBe(clock)
  const standard = [0, 1, 2].map((fd) => context.descriptors.get(fd))
  expect(standard).not.toContain(undefined)
  context.end()
  expect(context.grants.clock).not.toBe(clock)
  expect(context.grants.preopens).toEqual([])
  expect([0, 1, 2].map((fd) => context.descriptors.get(fd))).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})
