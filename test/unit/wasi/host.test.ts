import { expect, test } from 'vitest'
import { Fdflags, Lock } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { ExitSignal } from '../../../src/wasi/exit-signal.ts'
import { SUSPENDING_FUNCTIONS, WASI_FUNCTIONS, WasiHost } from '../../../src/wasi/host.ts'
import { promising } from '../../../src/wasi/jspi.ts'
import type { Preopen } from '../../../src/wasi/session.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { wat } from '../../support/wat.ts'
import {
  FakeSink,
  FakeSource,
  isPending,
  makeGrants,
  makeProbe,
  SIGNATURES,
  settle,
} from './probe.ts'
import { SlowDisk } from './slow-directory.ts'
import { SlowPeer } from './slow-peer.ts'

test('all 46 functions of preview 1 are there, and no other', () => {
  expect(WASI_FUNCTIONS).toEqual(Object.keys(SIGNATURES).sort())
  expect(WASI_FUNCTIONS).toHaveLength(46)
})

test('only what a module needs is bound', () => {
  const { imports } = new WasiHost(new Set(['fd_write', 'random_get']))
  expect(Object.keys(imports).sort()).toEqual(['fd_write', 'random_get'])
})

test('an unknown import is refused', () => {
  expect(() => new WasiHost(new Set(['fd_open']))).toThrow(
    expect.objectContaining({ code: 'WASI_UNKNOWN_IMPORT' }),
  )
})

test('without a session every call throws', async () => {
  const probe = await makeProbe()
  probe.host.end()
  await expect(probe.call('sched_yield')).rejects.toBeInstanceOf(ExitSignal)
  await expect(probe.call('random_get', 0, 1)).rejects.toBeInstanceOf(ExitSignal)
})

test('a call before the memory is known cannot reach any', async () => {
  const module = new WebAssembly.Module(
    wat(`(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (func (export "run") (result i32) i32.const 0 i32.const 1 call $random))`),
  )
  const host = new WasiHost(new Set(['random_get']))
  host.begin(makeGrants())
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: host.imports })
  const { run } = instance.exports
  expect((run as () => number)()).toBe(Errno.FAULT)
})

test('memory that has grown is seen', async () => {
  const probe = await makeProbe()
  expect(await probe.call('random_get', 65_536, 1)).toBe(Errno.FAULT)
  expect(await probe.call('grow')).toBe(1)
  expect(await probe.call('random_get', 65_536, 1)).toBe(Errno.SUCCESS)
  expect(probe.bytes[65_536]).toBe(7)
})

test('proc_exit records its code as unsigned and throws', async () => {
  const probe = await makeProbe()
  expect(probe.host.exitCode).toBeUndefined()
  await expect(probe.call('proc_exit', -1)).rejects.toEqual(new ExitSignal(4_294_967_295))
  expect(probe.host.exitCode).toBe(4_294_967_295)
})

test('a guest that swallows the exit gets no further call through', async () => {
  const module = new WebAssembly.Module(
    wat(`(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global $swallowed (export "swallowed") (mut i32) (i32.const 0))
    (func (export "run")
      try i32.const 3 call $exit catch_all i32.const 1 global.set $swallowed end
      i32.const 0 i32.const 1 call $random drop
      unreachable))`),
  )
  const host = new WasiHost(new Set(['proc_exit', 'random_get']))
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: host.imports })
  const { memory, run, swallowed } = instance.exports
  host.attach(memory as WebAssembly.Memory)
  host.begin(makeGrants())
  await expect(promising(run as () => void)()).rejects.toEqual(new ExitSignal(3))
  expect((swallowed as WebAssembly.Global).value).toBe(1)
  expect(host.exitCode).toBe(3)
})

test('a new session forgets the exit of the one before', async () => {
  const probe = await makeProbe()
  await expect(probe.call('proc_exit', 3)).rejects.toBeInstanceOf(ExitSignal)
  probe.host.begin(makeGrants())
  expect(probe.host.exitCode).toBeUndefined()
  expect(await probe.call('sched_yield')).toBe(Errno.SUCCESS)
})

test('a poisoned session lets no further call through', async () => {
  const probe = await makeProbe()
  probe.host.poison()
  await expect(probe.call('clock_res_get', 0, 0)).rejects.toBeInstanceOf(ExitSignal)
})

type Waits = Awaited<ReturnType<typeof makeProbe>>

/** Opens a file on a disk that takes its time. */
async function openSlowFile(probe: Waits, fdflags = 0): Promise<number> {
  return (await probe.open(3, 'file', { fdflags })).fd
}

/** Calls that wait, and what would wake them. */
const WAITS = [
  ...(['fd_datasync', 'fd_sync'] as const).map((name) => ({
    name,
    wait: async (probe: Waits) => probe.call(name, await openSlowFile(probe)),
    wake: ({ disk }: Ends) => disk.finishSync(),
  })),
  {
    name: 'fd_pwrite',
    wait: async (probe: Waits) => {
      const fd = await openSlowFile(probe, Fdflags.Sync)
      return probe.call('fd_pwrite', fd, ...probe.iovecs(0, 100, 10), 5n, 50)
    },
    wake: ({ disk }: Ends) => disk.finishSync(),
  },
  {
    name: 'fd_read',
    wait: (probe: Waits) => probe.read(0),
    wake: ({ stdin }: Ends) => stdin.push('late'),
  },
  {
    name: 'fd_write',
    wait: (probe: Waits) => probe.write(1, 'text'),
    wake: ({ stdout }: Ends) => stdout.makeRoom(100),
  },
  {
    name: 'path_open',
    wait: async (probe: Waits) => (await probe.open(4, 'peer')).errno,
    wake: ({ peer }: Ends) => peer.answer(),
  },
  {
    name: 'flock',
    wait: async (probe: Waits) => {
      const [one, other] = [await openSlowFile(probe), await openSlowFile(probe)]
      await probe.call('flock', one, Lock.Shared)
      return probe.call('flock', other, Lock.Exclusive)
    },
    wake: ({ disk, clock }: Ends) => {
      disk.locks = 0
      clock.advance(1)
    },
  },
  {
    name: 'poll_oneoff',
    wait: (probe: Waits) => {
      probe.bytes.fill(0, 0, 48)
      probe.view.setBigUint64(24, 5_000_000n, true)
      return probe.call('poll_oneoff', 0, 100, 1, 200)
    },
    wake: ({ clock }: Ends) => clock.advance(10),
  },
  {
    name: 'sched_yield',
    wait: (probe: Waits) => probe.call('sched_yield'),
    wake: ({ clock }: Ends) => clock.advance(10),
  },
]

interface Ends {
  readonly stdin: FakeSource
  readonly stdout: FakeSink
  readonly clock: FakeClock
  readonly disk: SlowDisk
  readonly peer: SlowPeer
  readonly preopens: readonly Preopen[]
}

function makeEnds(): Ends {
  const disk = new SlowDisk()
  const peer = new SlowPeer()
  return {
    stdin: new FakeSource(),
    stdout: new FakeSink(0),
    clock: new FakeClock(),
    ...{ disk, peer },
    preopens: [
      { guestPath: '/', directory: disk.root },
      { guestPath: '/dev', directory: peer },
    ],
  }
}

test('the list of suspending functions is the list of those that wait, and of what changes stacks', () => {
  const wanted = [...WAITS.map(({ name }) => name), 'fiber_switch']
  expect([...SUSPENDING_FUNCTIONS].sort()).toEqual(wanted.sort())
})

for (const { name, wait, wake } of WAITS) {
  test(`${name} suspends the guest and resumes it`, async () => {
    const ends = makeEnds()
    const probe = await makeProbe(ends)
    const hooks: string[] = []
    probe.host.beforeWait = () => hooks.push('before')
    probe.host.afterWait = () => hooks.push('after')
    ends.clock.ns += 2_000_000n
    const call = wait(probe)
    expect(await isPending(call)).toBe(true)
    expect(probe.host.isSuspended).toBe(true)
    expect(hooks).toEqual(['before'])
    wake(ends)
    await settle()
    expect(probe.host.isSuspended).toBe(false)
    await call
    expect(hooks).toEqual(['before', 'after'])
    expect(ends.clock.pending).toBe(0)
    expect(probe.host.isReusable).toBe(true)
  })

  test(`${name}: a suspension left at the end of its session is unwound and touches nothing`, async () => {
    const ends = makeEnds()
    const probe = await makeProbe(ends)
    ends.clock.ns += 2_000_000n
    const call = wait(probe)
    expect(await isPending(call)).toBe(true)
    probe.host.end()
    await expect(call).rejects.toBeInstanceOf(ExitSignal)
    expect(ends.clock.pending).toBe(0)
    probe.wipe()
    wake(ends)
    await isPending(Promise.resolve())
    expect(probe.bytes.every((byte) => byte === 0x3f)).toBe(true)
    expect(ends.stdout.text).toBe('')
    expect(probe.host.isReusable).toBe(false)
    expect(() => probe.host.begin(makeGrants())).toThrow(
      expect.objectContaining({ code: 'WASI_NOT_REUSABLE' }),
    )
  })

  test(`${name}: a session ended between wake-up and resumption spoils the instance`, async () => {
    const ends = makeEnds()
    const probe = await makeProbe(ends)
    ends.clock.ns += 2_000_000n
    const call = wait(probe)
    expect(await isPending(call)).toBe(true)
    wake(ends)
    probe.host.end()
    expect(probe.host.isReusable).toBe(false)
    expect(() => probe.host.begin(makeGrants())).toThrow(
      expect.objectContaining({ code: 'WASI_NOT_REUSABLE' }),
    )
    await Promise.allSettled([call]) // one whose waker comes a little later is unwound
    expect(() => probe.host.begin(makeGrants())).toThrow(
      expect.objectContaining({ code: 'WASI_NOT_REUSABLE' }),
    )
  })
}

test('the resumption is known to be under way until the guest has the thread again', async () => {
  const module = new WebAssembly.Module(
    wat(`(module
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      call $yield drop i32.const 0 i32.const 1 call $random))`),
  )
  const host = new WasiHost(new Set(['sched_yield', 'random_get']))
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: host.imports })
  const { memory, run } = instance.exports
  host.attach(memory as WebAssembly.Memory)
  const clock = new FakeClock()
  let wasReusable: boolean | undefined
  const random = (): void => {
    wasReusable = host.isReusable
  }
  host.begin(makeGrants({ clock, random }))
  clock.ns += 2_000_000n
  const call = promising(run as () => number)()
  clock.advance(0)
  await call
  // Asked by the guest after it was resumed: had the mark been taken away before, a session could have begun too early.
  expect(wasReusable).toBe(false)
  await settle()
  expect(host.isReusable).toBe(true)
})

/** A guest reads; what it waits for has come, and `resume` is its turn. */
async function readBeforeItsTurn() {
  const ends = makeEnds()
  const probe = await makeProbe(ends)
  let turn: (() => void) | undefined
  probe.host.takeTurn = (call) => {
    turn = call
  }
  const call = probe.read(0)
  expect(await isPending(call)).toBe(true)
  ends.stdin.push('late')
  return { probe, call, resume: () => turn?.() }
}

test('what a guest waited for has come: it goes on when it is its turn', async () => {
  const { probe, call, resume } = await readBeforeItsTurn()
  expect(await isPending(call)).toBe(true)
  expect(probe.host.isSuspended).toBe(true)
  resume()
  expect(probe.host.isSuspended).toBe(false)
  await call
})

test('a session that ends before it is its turn is unwound, and its turn is nobody else’s', async () => {
  const { probe, call, resume } = await readBeforeItsTurn()
  probe.host.end()
  await expect(call).rejects.toBeInstanceOf(ExitSignal)
  resume()
  expect(probe.host.isReusable).toBe(false)
})

test('a hook that ends the session leaves nothing waiting', async () => {
  const ends = makeEnds()
  const probe = await makeProbe(ends)
  probe.host.beforeWait = () => probe.host.end()
  await expect(probe.read(0)).rejects.toBeInstanceOf(ExitSignal)
  ends.stdin.push('late')
  expect(probe.host.isReusable).toBe(false)
})
