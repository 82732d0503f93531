import { expect, test } from 'vitest'
import { Eventtype, Oflags } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { DEFAULT_WASI_LIMITS } from '../../../src/wasi/session.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeSink, FakeSource, isPending, makeProbe, type Probe } from './probe.ts'

const IN = 1_000
const OUT = 3_000
const COUNT = 5_000
const MS = 1_000_000n

interface Wanted {
  readonly type: number
  readonly fd?: number
  readonly clock?: number
  readonly timeout?: bigint
  readonly flags?: number
}

/** Writes subscriptions, numbered from 1 by their userdata. */
function subscribe(probe: Probe, wanted: readonly Wanted[]): [number, number, number, number] {
  wanted.forEach(({ type, fd = 0, clock = 1, timeout = 0n, flags = 0 }, index) => {
    const at = IN + index * 48
    probe.view.setBigUint64(at, BigInt(index + 1), true)
    probe.view.setUint8(at + 8, type)
    probe.view.setUint32(at + 16, type === Eventtype.Clock ? clock : fd, true)
    probe.view.setBigUint64(at + 24, timeout, true)
    probe.view.setUint16(at + 40, flags, true)
  })
  return [IN, OUT, wanted.length, COUNT]
}

/** The events there are: userdata, errno, type, nbytes, flags. */
function events(probe: Probe): number[][] {
  return Array.from({ length: probe.u32(COUNT) }, (_, index) => {
    const at = OUT + index * 32
    const numbers = [
      Number(probe.u64(at)),
      probe.view.getUint16(at + 8, true),
      probe.bytes[at + 10] ?? -1,
    ]
    return [...numbers, Number(probe.u64(at + 16)), probe.view.getUint16(at + 24, true)]
  })
}

const CLOCK = Eventtype.Clock
const READ = Eventtype.FdRead
const WRITE = Eventtype.FdWrite

test('what is ready is told at once, in the order asked', async () => {
  const probe = await makeProbe({ stdin: new FakeSource().push('abc') })
  const wanted = [
    { type: READ, fd: 0 },
    { type: CLOCK, timeout: 5n * MS },
    { type: WRITE, fd: 1 },
    { type: CLOCK, timeout: 0n },
  ]
  expect(await probe.call('poll_oneoff', ...subscribe(probe, wanted))).toBe(Errno.SUCCESS)
  expect(events(probe)).toEqual([
    [1, 0, READ, 3, 0],
    [3, 0, WRITE, 0, 0],
    [4, 0, CLOCK, 0, 0],
  ])
  expect(probe.bytes[OUT + 3 * 32]).toBe(0x3f)
  // Looking is not taking.
  expect(await probe.read(0)).toBe('abc')
})

test('the end of a stream is a hang-up', async () => {
  const probe = await makeProbe({ stdin: new FakeSource().end() })
  await probe.call('poll_oneoff', ...subscribe(probe, [{ type: READ, fd: 0 }]))
  expect(events(probe)).toEqual([[1, 0, READ, 0, 1]])
})

test('bad subscriptions are events of their own', async () => {
  const probe = await makeProbe()
  const wanted = [
    { type: READ, fd: 99 },
    { type: READ, fd: 1 },
    { type: WRITE, fd: 0 },
    { type: CLOCK, clock: 9 },
    { type: CLOCK, flags: 2 },
    { type: 7 },
  ]
  expect(await probe.call('poll_oneoff', ...subscribe(probe, wanted))).toBe(Errno.SUCCESS)
  expect(events(probe).map(([, errno]) => errno)).toEqual([
    Errno.BADF,
    Errno.NOTCAPABLE,
    Errno.NOTCAPABLE,
    Errno.INVAL,
    Errno.INVAL,
    Errno.INVAL,
  ])
})

test('files are always ready', async () => {
  const clock = new FakeClock()
  const preopens = [{ guestPath: '/tmp', directory: createMemoryDirectory(clock) }]
  const probe = await makeProbe({ clock, preopens })
  const { fd } = await probe.open(3, 'file', { oflags: Oflags.Creat })
  await probe.write(fd, 'hello')
  await probe.call('fd_seek', fd, 1n, 0, 0)
  const wanted = [
    { type: READ, fd },
    { type: WRITE, fd },
    { type: READ, fd: 3 },
  ]
  await probe.call('poll_oneoff', ...subscribe(probe, wanted))
  expect(events(probe)).toEqual([
    [1, 0, READ, 4, 0],
    [2, 0, WRITE, 0, 0],
    [3, Errno.NOTCAPABLE, READ, 0, 0],
  ])
})

const START = 1_000_000_000_000n
const REALTIME = 1_700_001_000_000_000_000n
const SLEEPS = [
  { name: 'a while', wanted: { type: CLOCK, timeout: 5n * MS } },
  { name: 'until a time', wanted: { type: CLOCK, timeout: START + 5n * MS, flags: 1 } },
  {
    name: 'until a date',
    wanted: { type: CLOCK, clock: 0, timeout: REALTIME + 5n * MS, flags: 1 },
  },
]

for (const { name, wanted } of SLEEPS) {
  test(`sleeping for ${name}`, async () => {
    const clock = new FakeClock()
    const probe = await makeProbe({ clock })
    const call = probe.call('poll_oneoff', ...subscribe(probe, [wanted]))
    expect(await isPending(call)).toBe(true)
    clock.advance(4)
    expect(await isPending(call)).toBe(true)
    clock.advance(1)
    expect(await call).toBe(Errno.SUCCESS)
    expect(events(probe)).toEqual([[1, 0, CLOCK, 0, 0]])
  })
}

test('a time that has passed is no sleep', async () => {
  const probe = await makeProbe()
  await probe.call('poll_oneoff', ...subscribe(probe, [{ type: CLOCK, timeout: 1n, flags: 1 }]))
  expect(events(probe)).toHaveLength(1)
})

test('a sleep longer than a timer is several timers', async () => {
  const clock = new FakeClock()
  const probe = await makeProbe({ clock })
  const call = probe.call('poll_oneoff', ...subscribe(probe, [{ type: CLOCK, timeout: 2n ** 63n }]))
  expect(await isPending(call)).toBe(true)
  clock.advance(2 ** 31)
  expect(await isPending(call)).toBe(true)
  expect(clock.pending).toBe(1)
})

test('bytes cut a sleep short', async () => {
  const clock = new FakeClock()
  const stdin = new FakeSource()
  const probe = await makeProbe({ clock, stdin })
  const wanted = [
    { type: CLOCK, timeout: 5n * MS },
    { type: READ, fd: 0 },
  ]
  const call = probe.call('poll_oneoff', ...subscribe(probe, wanted))
  expect(await isPending(call)).toBe(true)
  stdin.push('x')
  await call
  expect(events(probe)).toEqual([[2, 0, READ, 1, 0]])
  expect(clock.pending).toBe(0)
})

test('a full sink is waited for', async () => {
  const stdout = new FakeSink(0)
  const probe = await makeProbe({ stdout })
  const call = probe.call('poll_oneoff', ...subscribe(probe, [{ type: WRITE, fd: 1 }]))
  expect(await isPending(call)).toBe(true)
  stdout.makeRoom(1)
  await call
  expect(events(probe)).toEqual([[1, 0, WRITE, 0, 0]])
})

test('what is outside memory or over the limit is refused', async () => {
  const limits = { ...DEFAULT_WASI_LIMITS, subscriptions: 2 }
  const probe = await makeProbe({ limits })
  expect(await probe.call('poll_oneoff', IN, OUT, 0, COUNT)).toBe(Errno.INVAL)
  expect(await probe.call('poll_oneoff', IN, OUT, 3, COUNT)).toBe(Errno.INVAL)
  expect(await probe.call('poll_oneoff', 65_489, OUT, 1, COUNT)).toBe(Errno.FAULT)
  expect(await probe.call('poll_oneoff', IN, 65_505, 1, COUNT)).toBe(Errno.FAULT)
  expect(await probe.call('poll_oneoff', IN, OUT, 1, 65_533)).toBe(Errno.FAULT)
  expect(await probe.call('poll_oneoff', -48, OUT, 1, COUNT)).toBe(Errno.FAULT)
})

test('events may overwrite the subscriptions', async () => {
  const probe = await makeProbe()
  const wanted = [{ type: CLOCK }, { type: WRITE, fd: 1 }]
  const [input, , count] = subscribe(probe, wanted)
  expect(await probe.call('poll_oneoff', input, input, count, COUNT)).toBe(Errno.SUCCESS)
  expect(probe.u64(input)).toBe(1n)
  expect(probe.u64(input + 32)).toBe(2n)
})
