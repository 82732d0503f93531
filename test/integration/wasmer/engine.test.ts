/** What the engine `wasmer` promises: budgets, bounds, back-pressure, and nothing of one run in the next. */

import { expect, test } from 'vitest'
import { compileHostile } from '../../../guests/hostile/compile.ts'
import { type ByteSink, type ByteSource, NOTHING_YET } from '../../../src/base/byte-stream.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { runToEnd } from '../../../src/guest/engine.ts'
import type { GuestJob } from '../../../src/guest/job.ts'
import { DEFAULT_WASMER_LIMITS, WasmerInstance } from '../../../src/guest/wasmer-engine.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { CollectingSink, compileGuest, grants, job } from '../../support/guest.ts'
import { sourceOf } from './two-engines.ts'

const compile = (name: string) => compileGuest(compileHostile(name))

async function run(name: string, changes: Partial<GuestJob> = {}, limits = DEFAULT_WASMER_LIMITS) {
  return runToEnd(new WasmerInstance(await compile(name), systemClock, limits), job(changes))
}

test.each([
  'catch-everything',
  'catch-host-calls',
  'copy-all-memory',
  'endless-loop',
  'endless-start',
  'exponential-calls',
  'grow-memory-for-ever',
  'spin-clock',
  'spin-empty-write',
  'spin-environ',
  'spin-random',
  'spin-yield',
  'tail-calls',
])('%s is over when its CPU time is', async (name) => {
  const { outcome, cpuMs } = await run(name, { cpuMs: 30 })
  expect(outcome).toEqual({ kind: 'killed', reason: 'cpu' })
  expect(cpuMs).toBeGreaterThan(30)
  expect(cpuMs).toBeLessThan(1000)
})

test('a guest that holds the thread is over when its wall time is', async () => {
  const { outcome } = await run('endless-loop', { wallMs: 50 })
  expect(outcome).toEqual({ kind: 'killed', reason: 'wall' })
})

test.each([
  { name: 'catch-exit', outcome: { kind: 'exited', code: 0 } },
  { name: 'recursion', outcome: { kind: 'trapped', trap: 'stack-overflow' } },
  { name: 'grow-memory', outcome: { kind: 'trapped', trap: 'out-of-memory' } },
])('$name ends as on our own engine', async ({ name, outcome }) => {
  expect((await run(name)).outcome).toMatchObject(outcome)
})

test('output and files together are bounded', async () => {
  const limits = { ...DEFAULT_WASMER_LIMITS, holdBytes: 200_000 }
  const stdout = new CollectingSink()
  await run('flood-body', { cpuMs: 30, grants: grants({ stdout }) }, limits)
  expect(stdout.text.length).toBe(5 + 3 * 65_536)
  const files = new CollectingSink()
  await run('tmp-bytes', { grants: grants({ stdout: files }) }, limits)
  expect(files.text).toBe('A:b\n\n48 51 ') // NOSPC
})

test('too much input is a failed run, and the guest does not start', async () => {
  const limits = { ...DEFAULT_WASMER_LIMITS, inputBytes: 5000 }
  const stdin = sourceOf(new Uint8Array(5001))
  const { outcome, cpuMs } = await run('hello', { grants: grants({ stdin }) }, limits)
  expect(outcome).toMatchObject({
    kind: 'trapped',
    message: 'Cannot hold the input for @wasmer/wasi: there are more than 5000 bytes',
  })
  expect(cpuMs).toBe(0)
})

test('the guest starts when its input is complete', async () => {
  const stdout = new CollectingSink()
  const late = new LateSource(Buffer.from('S\0'))
  let waits = 0
  const running = run('canary', { grants: grants({ stdin: late, stdout }), onWait: () => waits++ })
  await late.asked
  expect(stdout.text).toBe('')
  late.arrive()
  expect((await running).outcome).toEqual({ kind: 'exited', code: 0 })
  expect(stdout.text).toMatch(/^A:b\n\n0 /)
  expect(waits).toBe(1)
})

test('a guest whose input does not come is over at once when stopped, and when its wall time is', async () => {
  const clock = new FakeClock()
  for (const [end, reason] of [
    [(instance: WasmerInstance) => instance.kill('aborted'), 'aborted'],
    [() => clock.advance(10_000), 'wall'],
  ] as const) {
    const stdin = new LateSource(Buffer.from('x'))
    const instance = new WasmerInstance(await compile('hello'), clock)
    const running = runToEnd(instance, job({ grants: grants({ stdin }) }))
    await stdin.asked
    end(instance)
    expect(await running).toEqual({
      outcome: { kind: 'killed', reason },
      cpuMs: 0,
      memoryBytes: 0,
    })
    expect(clock.pending).toBe(0)
  }
})

test('output goes out as fast as it is taken', async () => {
  const stdout = new SlowSink(2)
  const { outcome } = await run('hello', { grants: grants({ stdout }) })
  expect(outcome).toEqual({ kind: 'exited', code: 0 })
  const whole = new CollectingSink()
  await run('hello', { grants: grants({ stdout: whole }) })
  expect(stdout.text).toBe(whole.text)
})

test('a run whose output nobody takes ends when stopped', async () => {
  const stdout = new SlowSink(0)
  const instance = new WasmerInstance(await compile('hello'), systemClock)
  const running = runToEnd(instance, job({ grants: grants({ stdout }) }))
  await stdout.isFull
  instance.kill('aborted')
  expect((await running).outcome).toEqual({ kind: 'killed', reason: 'aborted' })
})

test('a stopped guest does not wait for its output to be taken', async () => {
  const stdout = new SlowSink(0)
  const { outcome } = await run('flood-body', { cpuMs: 30, grants: grants({ stdout }) })
  expect(outcome).toEqual({ kind: 'killed', reason: 'cpu' })
})

test('the package dies of a sleeping guest, and the next run knows nothing of it', async () => {
  const { outcome } = await run('sleep')
  expect(outcome).toMatchObject({
    kind: 'trapped',
    trap: 'other',
    message: '@wasmer/wasi failed in poll_oneoff: RuntimeError: unreachable',
  })
  const stdout = new CollectingSink()
  expect((await run('hello', { grants: grants({ stdout }) })).outcome.kind).toBe('exited')
  expect(stdout.text).not.toBe('')
})

test('nothing is left for the next run', async () => {
  const search = async () => {
    const stdout = new CollectingSink()
    // Counts what is left, plants canaries everywhere, returns.
    await run('canary', { grants: grants({ stdin: sourceOf(Buffer.from('S\x0c\0')), stdout }) })
    return stdout.text
  }
  expect([await search(), await search()]).toEqual(['A:b\n\n0 44 ', 'A:b\n\n0 44 ']) // NOENT
})

test('an instance runs once', async () => {
  const instance = new WasmerInstance(await compile('hello'), systemClock)
  expect([instance.runs, instance.isSpent, instance.memoryBytes]).toEqual([0, false, 0])
  await runToEnd(instance, job())
  expect([instance.runs, instance.isSpent, instance.reset()]).toEqual([1, true, false])
  expect(instance.memoryBytes).toBeGreaterThan(0)
})

/** Has nothing until `arrive()`. */
class LateSource implements ByteSource {
  readonly #bytes: Uint8Array
  #wake: (() => void) | undefined
  #state: 'waiting' | 'arrived' | 'ended' = 'waiting'
  /** Resolves when somebody waits for it. */
  readonly asked: Promise<void>
  #markAsked: () => void

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    const { promise, resolve } = Promise.withResolvers<void>()
    this.asked = promise
    this.#markAsked = resolve
  }

  read(): Uint8Array | undefined {
    if (this.#state === 'waiting') return NOTHING_YET
    if (this.#state === 'ended') return undefined
    this.#state = 'ended'
    return this.#bytes
  }

  onReadable(wake: () => void): void {
    this.#wake = wake
    this.#markAsked()
  }

  arrive(): void {
    this.#state = 'arrived'
    this.#wake?.()
  }
}

/** Takes a few bytes, then is full until it is waited for. */
class SlowSink implements ByteSink {
  text = ''
  readonly isFull: Promise<void>
  readonly #atATime: number
  readonly #markFull: () => void
  #room: number

  constructor(atATime: number) {
    this.#atATime = atATime
    this.#room = atATime
    const { promise, resolve } = Promise.withResolvers<void>()
    this.isFull = promise
    this.#markFull = resolve
  }

  write(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, this.#room)
    this.text += Buffer.from(taken).toString('latin1')
    this.#room -= taken.length
    return taken.length
  }

  onWritable(wake: () => void): void {
    this.#markFull()
    this.#room = this.#atATime
    if (this.#room > 0) setImmediate(wake)
  }

  end(): void {}
}
