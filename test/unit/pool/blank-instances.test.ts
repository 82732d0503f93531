/** Instances that are made ahead for whoever comes first: what they begin with, what they keep of others, and how many there are. */
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { bootModule, warmModule } from '../../../src/guest/boot.ts'
import { CompileCache } from '../../../src/guest/compile-cache.ts'
import type { GuestModule } from '../../../src/guest/guest-module.ts'
import { BLANKS_OF_EACH, BlankInstances } from '../../../src/guest/make-instance.ts'
import { Scheduler } from '../../../src/pool/scheduler.ts'
import type { Sizing } from '../../../src/pool/sizing.ts'
import { DEFAULT_WASI_LIMITS } from '../../../src/wasi/session.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { CollectingSink, grants, MIB } from '../../support/guest.ts'
import { startRun } from '../../support/pool-run.ts'
import { wat } from '../../support/wat.ts'

/**
 * `boot` and `warm` leave a random letter each, in memory and in a global; a request prints all four, and writes over them and 2 MiB
 * of memory.
 */
const LETTERS = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 64)
  (global $boot (mut i32) (i32.const 46))
  (global $warm (mut i32) (i32.const 46))
  (data (i32.const 0) "\\10\\00\\00\\00\\04\\00\\00\\00")
  (data (i32.const 16) "....")
  (func (export "wasm_fpm_boot")
    (drop (call $random (i32.const 16) (i32.const 1)))
    (global.set $boot (i32.load8_u (i32.const 16))))
  (func (export "wasm_fpm_warm")
    (drop (call $random (i32.const 17) (i32.const 1)))
    (global.set $warm (i32.load8_u (i32.const 17))))
  (func (export "wasm_fpm_handle")
    (i32.store8 (i32.const 18) (global.get $boot))
    (i32.store8 (i32.const 19) (global.get $warm))
    (if (i32.load (i32.const 0x100000)) (then unreachable))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
    (global.set $boot (i32.const 88)) (global.set $warm (i32.const 88))
    (memory.fill (i32.const 16) (i32.const 88) (i32.const 4))
    (memory.fill (i32.const 0x100000) (i32.const 88) (i32.const 0x200000))))`)

const lettered = (letter: string) => ({
  clock: systemClock,
  grants: {
    ...{ env: [], preopens: [], limits: DEFAULT_WASI_LIMITS },
    random: (into: Uint8Array) => void into.fill(letter.charCodeAt(0)),
  },
  ...{ cpuMs: 2000, wallMs: 5000 },
})

async function bootLetters(): Promise<GuestModule> {
  const options = { name: 'letters', memoryMaxBytes: 64 * MIB, functionBytes: MIB } as const
  const module = await new CompileCache().compile(LETTERS, { ...options, contract: 'reactor' })
  return bootModule(module, lettered('e'))
}

const SIZING: Sizing = {
  ...{ pm: 'ondemand', maxChildren: 8, startServers: 0, minSpareServers: 0 },
  ...{ maxSpareServers: 8, maxSpawnRate: 32, processIdleTimeoutMs: 60_000, lifetime: 'reset' },
}

const Instance = WebAssembly.Instance
afterEach(() => {
  WebAssembly.Instance = Instance
})

/** From here on nothing is instantiated. */
function forbidInstances(): void {
  WebAssembly.Instance = class {
    constructor() {
      throw new Error('Cannot instantiate: wanted one that is there')
    }
  } as unknown as typeof WebAssembly.Instance
}

function setUp(lifetime: Sizing['lifetime'] = 'reset') {
  const clock = new FakeClock()
  const scheduler = new Scheduler({ clock })
  const ask = async (tenant: string, module: GuestModule): Promise<string> => {
    const stdout = new CollectingSink()
    const run = startRun(scheduler, {
      ...{ clock, module, grants: grants({ stdout, clock }), tenant },
      ...{ cpuMs: 5000, wallMs: 10_000, sliceMs: 100 },
      limits: { maxChildren: 8, queueMax: 8, queueTimeoutMs: 1000 },
      sizing: { ...SIZING, lifetime },
    })
    await run.report
    for (let count = 0; count < 5; count += 1) await new Promise((next) => setImmediate(next))
    return stdout.text
  }
  const wait = (): void => {
    for (let count = 0; count < 2 * BLANKS_OF_EACH; count += 1) clock.advance(20)
  }
  return { scheduler, ask, wait }
}

test('tenants that come for the first time find one each, which begins with what is theirs', async () => {
  const { scheduler, ask, wait } = setUp()
  const engine = await bootLetters()
  const [shop, wiki] = [
    await warmModule(engine, lettered('s')),
    await warmModule(engine, lettered('w')),
  ]
  scheduler.keepBlank(engine)
  wait()
  forbidInstances()
  expect(await ask('shop', shop)).toBe('eses')
  expect(await ask('wiki', wiki)).toBe('ewew')
  expect(await ask('shop', shop)).toBe('eses')
  await expect(ask('third', engine)).rejects.toThrow('wanted one that is there')
  WebAssembly.Instance = Instance
  wait()
  forbidInstances()
  expect(await ask('third', engine)).toBe('e.e.')
  expect(scheduler.warm.countOf('third')).toBe(1)
})

test('what a tenant has loaded anew is put into the instance that it has', async () => {
  const { scheduler, ask } = setUp()
  const engine = await bootLetters()
  const shop = await warmModule(engine, lettered('s'))
  expect(await ask('shop', engine)).toBe('e.e.')
  forbidInstances()
  for (const text of ['eses', 'eses']) expect(await ask('shop', shop)).toBe(text)
  expect(scheduler.warm.count).toBe(1)
  await expect(ask('wiki', shop)).rejects.toThrow('wanted one that is there')
})

test('not into one that is kept as it is', async () => {
  const { ask } = setUp('persistent')
  const engine = await bootLetters()
  expect(await ask('shop', engine)).toBe('e.e.')
  const shop = await warmModule(engine, lettered('s'))
  forbidInstances()
  await expect(ask('shop', shop)).rejects.toThrow('wanted one that is there')
})

test('there are no more than two of a module, none where there is no room, and none of what nobody has announced', async () => {
  const engine = await bootLetters()
  const blanks = new BlankInstances(systemClock)
  expect(blanks.take(engine, {})).toBe(undefined)
  expect(blanks.areWanted).toBe(false)
  blanks.keep(engine)
  blanks.makeOne(() => false)
  expect(blanks.areWanted).toBe(false)
  expect(blanks.take(engine, {})).toBe(undefined)
  let made = 0
  for (; blanks.areWanted; made += 1) blanks.makeOne(() => true)
  expect(made).toBe(BLANKS_OF_EACH)
  expect(blanks.take({ ...engine, first: undefined }, {})).toBe(undefined)
  for (let count = 0; count < made; count += 1) expect(blanks.take(engine, {})).toBeDefined()
  expect(blanks.take(engine, {})).toBe(undefined)
})
