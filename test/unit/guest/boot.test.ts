import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { bootModule, warmModule } from '../../../src/guest/boot.ts'
import { CompileCache } from '../../../src/guest/compile-cache.ts'
import { runToEnd } from '../../../src/guest/engine.ts'
import { FaultConduct } from '../../../src/guest/fault-conduct.ts'
import type { GuestModule } from '../../../src/guest/guest-module.ts'
import { GuestInstance } from '../../../src/guest/instance.ts'
import { DEFAULT_WASI_LIMITS } from '../../../src/wasi/session.ts'
import { DEFAULT_MODULE_LIMITS } from '../../../src/wasm/limits.ts'
import { CollectingSink, grants, job, MIB } from '../../support/guest.ts'
import { wat } from '../../support/wat.ts'

const FUNCTIONS = { functionBytes: DEFAULT_MODULE_LIMITS.functionBytes }

const OPTIONS = {
  clock: systemClock,
  grants: {
    env: [],
    preopens: [],
    random: (into: Uint8Array) => void into.fill(1),
    limits: DEFAULT_WASI_LIMITS,
  },
  cpuMs: 2000,
  wallMs: 5000,
}

/**
 * Counts in a global, in a page it had from the start, in one far behind that nobody had, and in the last one. Each step writes
 * what it finds: `initialize` 1, `boot` adds 10, `warm` 100; `handle` adds 1,000 and says what there is.
 */
const COUNTER = (more = '') => `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 3)
  (global $count (mut i64) (i64.const 0))
  (global $half (mut f64) (f64.const 0))
  (data (i32.const 65536) "\\05")
  (func $last (result i32) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8)))
  (func $add (param $by i64)
    (global.set $count (i64.add (global.get $count) (local.get $by)))
    (global.set $half (f64.add (global.get $half) (f64.const 0.5)))
    (i64.store (i32.const 131072) (i64.add (i64.load (i32.const 131072)) (local.get $by)))
    (i64.store (i32.const 3276800) (i64.add (i64.load (i32.const 3276800)) (local.get $by)))
    (i64.store (call $last) (i64.add (i64.load (call $last)) (local.get $by))))
  (func (export "_initialize") (call $add (i64.const 1)))
  (func (export "wasm_fpm_boot") (call $add (i64.const 10)) ${more})
  (func (export "wasm_fpm_warm") (call $add (i64.const 100)))
  (func (export "wasm_fpm_handle")
    (call $add (i64.const 1000))
    (i64.store (i32.const 16) (global.get $count))
    (i64.store (i32.const 24) (i64.load (i32.const 131072)))
    (i64.store (i32.const 32) (i64.load (i32.const 3276800)))
    (i64.store (i32.const 40) (i64.load (call $last)))
    (f64.store (i32.const 48) (global.get $half))
    (i64.store (i32.const 56) (i64.load8_u (i32.const 65536)))
    (i32.store8 (i32.const 65536) (i32.const 9))
    (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 48))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`

function compileReactor(text: string, memoryMaxBytes = 64 * MIB): Promise<GuestModule> {
  return new CompileCache().compile(wat(text), {
    ...{ name: 'reactor', memoryMaxBytes, contract: 'reactor', ...FUNCTIONS },
  })
}

const instanceOf = (module: GuestModule) => new GuestInstance(module, systemClock)

/** What a request finds. */
async function ask(instance: GuestInstance): Promise<string> {
  const stdout = new CollectingSink()
  const { outcome } = await runToEnd(instance, job({ grants: grants({ stdout }) }))
  expect(outcome).toEqual({ kind: 'exited', code: 0 })
  const bytes = Buffer.from(stdout.text, 'latin1')
  const counts = [0, 8, 16, 24].map((at) => bytes.readBigInt64LE(at))
  return `${counts.join(' ')}, ${bytes.readDoubleLE(32)}, ${bytes.readBigInt64LE(40)}`
}

const BOOTED = '1011 1011 1011 1011, 1.5, 5'
const WARMED = '1111 1111 1111 1111, 2, 5'

test('every request begins where boot has ended, in the same instance, in others, and in renewed ones', async () => {
  const engine = await bootModule(await compileReactor(COUNTER()), OPTIONS)
  const one = instanceOf(engine)
  for (let round = 0; round < 3; round += 1) {
    expect(await ask(one)).toBe(BOOTED)
    expect(one.reset()).toBe(true)
  }
  expect(await ask(instanceOf(engine))).toBe(BOOTED)
  await ask(one)
  expect(one.renew(() => undefined)).toBe(true)
  expect(await ask(one)).toBe(BOOTED)
})

test('a warm module begins where its warm-up has ended, and the engine below it stays as it was', async () => {
  const engine = await bootModule(await compileReactor(COUNTER()), OPTIONS)
  const shop = await warmModule(engine, OPTIONS)
  const wiki = await warmModule(await warmModule(engine, OPTIONS), OPTIONS)
  expect(new Set([engine.digest, shop.digest, wiki.digest]).size).toBe(3)
  const warm = instanceOf(shop)
  for (let round = 0; round < 3; round += 1) {
    expect(await ask(warm)).toBe(WARMED)
    expect(warm.reset()).toBe(true)
  }
  expect(await ask(instanceOf(wiki))).toBe('1211 1211 1211 1211, 2.5, 5')
  expect(await ask(instanceOf(engine))).toBe(BOOTED)
})

test('a memory has its maximum from the start', async () => {
  const engine = await bootModule(await compileReactor(COUNTER(), 8 * MIB), OPTIONS)
  const pages = `${COUNTER()}`.replace(
    '(call $add (i64.const 1000))',
    '(call $add (i64.const 1000)) (global.set $count (i64.extend_i32_u (memory.size)))',
  )
  const sized = await bootModule(await compileReactor(pages, 8 * MIB), OPTIONS)
  expect(await ask(instanceOf(sized))).toMatch(/^128 /)
  expect(await ask(instanceOf(engine))).toBe(BOOTED)
})

test('what an instance holds is what requests have written to, and not the size of its memory', async () => {
  const one = instanceOf(await bootModule(await compileReactor(COUNTER()), OPTIONS))
  const before = one.memoryBytes
  expect(before).toBeLessThan(MIB)
  await ask(one)
  one.reset()
  expect(one.memoryBytes - before).toBeGreaterThanOrEqual(4 * 4096)
  expect(one.memoryBytes - before).toBeLessThanOrEqual(16 * 4096)
})

test('what a module begins with may be in an image of its own', async () => {
  const text = COUNTER().replace(
    '(data',
    `(data (i32.const 200000) "${'xyz'.repeat(60_000)}") (data`,
  )
  const engine = await bootModule(await compileReactor(text), OPTIONS)
  const one = instanceOf(engine)
  expect(await ask(one)).toBe(BOOTED)
  expect(one.reset()).toBe(true)
  expect(await ask(one)).toBe(BOOTED)
  expect(await ask(instanceOf(await warmModule(engine, OPTIONS)))).toBe(WARMED)
})

test('a request that has written to very many pages is put back, and so is one that has written to more', async () => {
  const touch = (pages: number) =>
    COUNTER().replace(
      '(func (export "wasm_fpm_handle")',
      `(func (export "wasm_fpm_handle") (local $at i32)
        (loop $next
          (i32.store offset=4194304 (local.get $at) (i32.const 7))
          (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4096))) (i32.const ${pages * 4096}))))`,
    )
  for (const [pages, isPutBack] of [
    [5_000, true],
    [9_000, false],
  ] as const) {
    const engine = await bootModule(await compileReactor(touch(pages)), OPTIONS)
    const one = instanceOf(engine)
    expect(await ask(one)).toBe(BOOTED)
    expect(one.reset(), `${pages} pages`).toBe(isPutBack)
    if (isPutBack) expect(await ask(one)).toBe(BOOTED)
    expect(await ask(instanceOf(engine))).toBe(BOOTED)
  }
})

const FAILING = [
  { more: '(unreachable)', says: /Cannot boot reactor: it trapped \(unreachable; / },
  { more: '(call $exit (i32.const 0))', says: /it exited with code 0, wanted it to return/ },
  { more: '(call $exit (i32.const 3))', says: /it exited with code 3, wanted it to return/ },
  { more: '(loop $ever (br $ever))', says: /it took more than its cpu time/ },
  {
    more: `(i32.store (i32.const 0) (i32.const 65536)) (i32.store (i32.const 4) (i32.const 2))
      (i32.store (i32.const 65536) (i32.const 0x6f6e)) (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
      (call $exit (i32.const 1))`,
    says: /wanted it to return; it said: no$/,
  },
]

test.each(FAILING)('a boot that fails says why: $more', async ({ more, says }) => {
  const options = { ...OPTIONS, cpuMs: 100 }
  await expect(bootModule(await compileReactor(COUNTER(more)), options)).rejects.toMatchObject({
    code: 'GUEST_BOOT_FAILED',
    message: expect.stringMatching(says),
  })
})

/** `onTurn`: whenever it waits for its turn, which comes at once. */
const turnsOf =
  ({ onTurn, ended }: { readonly onTurn: () => void; readonly ended: (cpuMs: number) => void }) =>
  () => ({
    faults: new FaultConduct(systemClock),
    waitTurn: (wake: () => void) => {
      onTurn()
      setImmediate(wake)
    },
    takeTurn: (wake: () => void) => wake(),
    onWait: () => undefined,
    ended,
  })

test('a boot may wait for its turn for as long as others have theirs', async () => {
  let othersMs = 0
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + othersMs }
  const turns = turnsOf({
    onTurn: () => {
      othersMs += OPTIONS.wallMs
    },
    ended: () => undefined,
  })
  const [count, most] = ['(i32.load (i32.const 512))', '(i32.const 20000000)']
  const busy = `(loop $more
    (i32.store (i32.const 512) (i32.add ${count} (i32.const 1)))
    (br_if $more (i32.lt_u ${count} ${most})))`
  const engine = await bootModule(await compileReactor(COUNTER(busy)), { ...OPTIONS, clock, turns })
  expect(await ask(instanceOf(engine))).toBe(BOOTED)
  // In the run, and not only before it and after it.
  expect(othersMs).toBeGreaterThan(5 * OPTIONS.wallMs)
})

test('what a boot waits for else is its own time', async () => {
  const sleep = `(i32.store (i32.const 528) (i32.const 1)) (i64.store (i32.const 536) (i64.const 60000000000))
    (drop (call $poll (i32.const 512) (i32.const 600) (i32.const 1) (i32.const 700)))`
  const text = COUNTER(sleep).replace(
    '(memory',
    '(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32))) (memory',
  )
  const module = await compileReactor(text)
  await expect(bootModule(module, { ...OPTIONS, wallMs: 50 })).rejects.toMatchObject({
    code: 'GUEST_BOOT_FAILED',
    message: expect.stringContaining('it took more than its wall time'),
  })
})

test('a reactor that traps is not taken for one that has no memory left, for its memory never grows', async () => {
  const trapping = COUNTER().replace('(drop (call $write', '(unreachable) (drop (call $write')
  const engine = await bootModule(await compileReactor(trapping), OPTIONS)
  const { outcome } = await runToEnd(instanceOf(engine), job({ grants: grants({}) }))
  expect(outcome).toMatchObject({ kind: 'trapped', trap: 'unreachable' })
})

test('what cannot be given to another instance is refused', async () => {
  const vector = COUNTER().replace('(global', '(global (mut v128) (v128.const i64x2 1 2)) (global')
  await expect(bootModule(await compileReactor(vector), OPTIONS)).rejects.toMatchObject({
    code: 'GUEST_WRONG_CONTRACT',
    message: expect.stringContaining('holds a vector or a reference'),
  })
  const table = COUNTER('(table.set (i32.const 0) (ref.null func))').replace(
    '(global',
    '(table 1 funcref) (global',
  )
  await expect(bootModule(await compileReactor(table), OPTIONS)).rejects.toMatchObject({
    code: 'GUEST_WRONG_CONTRACT',
    message: expect.stringContaining('changes tables'),
  })
})

const request = (name: string) => ({ ...OPTIONS, name })

test('requests that are run ahead are where others begin, each a run of its own, paid for as all work around them', async () => {
  const engine = await bootModule(await compileReactor(COUNTER()), OPTIONS)
  const paid: number[] = []
  let waits = 0
  const turns = turnsOf({
    onTurn: () => {
      waits += 1
    },
    ended: (cpuMs) => void paid.push(cpuMs),
  })
  const requests = [request('GET /'), request('GET /more')]
  const warm = instanceOf(await warmModule(engine, { ...OPTIONS, requests, turns }))
  expect(await ask(warm)).toBe('1311 1311 1311 1311, 3, 5')
  expect(warm.reset()).toBe(true)
  expect(await ask(warm)).toBe('1311 1311 1311 1311, 3, 5')
  // The instance, what it loads, two requests, the snapshot: none of it before it is its turn.
  expect(paid).toHaveLength(5)
  // The clock of a thread's processor time need not have moved on in each of them.
  expect(Math.max(...paid)).toBeGreaterThan(0)
  expect(waits).toBeGreaterThanOrEqual(5)
})

test('a request that fails ahead of others is named, and nothing is left of the try', async () => {
  const text = COUNTER().replace(
    '(call $add (i64.const 100))',
    '(call $add (i64.const 100)) (if (i64.gt_u (global.get $count) (i64.const 250)) (then (call $exit (i32.const 3))))',
  )
  const engine = await bootModule(await compileReactor(text), OPTIONS)
  const requests = [request('GET /'), request('GET /bad')]
  await expect(warmModule(engine, { ...OPTIONS, requests })).rejects.toMatchObject({
    code: 'GUEST_WARM_REQUEST_FAILED',
    message: 'Cannot run GET /bad ahead in reactor: it exited with code 3, wanted it to return',
    details: { request: 'GET /bad' },
  })
  const warm = await warmModule(engine, { ...OPTIONS, requests: requests.slice(0, 1) })
  expect(await ask(instanceOf(warm))).toBe('1211 1211 1211 1211, 2.5, 5')
})
