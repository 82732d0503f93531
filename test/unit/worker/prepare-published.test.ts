/** What a worker has ready of published handlers before it says that it is. With real releases: `test/integration/publish/spares.test.ts`. */
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import type { Prepared } from '../../../src/gateway/published-handler.ts'
import type { Tenant } from '../../../src/gateway/tenant.ts'
import { FaultConduct } from '../../../src/guest/fault-conduct.ts'
import type { GuestModule } from '../../../src/guest/guest-module.ts'
import { SMALL_MODULE_BYTES } from '../../../src/guest/load-turns.ts'
import { Scheduler } from '../../../src/pool/scheduler.ts'
import type { HardenedModule } from '../../../src/store/release.ts'
import { DEFAULT_WASI_LIMITS } from '../../../src/wasi/session.ts'
import {
  MAX_LOADED_AHEAD_BYTES,
  MAX_LOOKED_UP,
  type PrepareParts,
  preparePublished,
  REHEARSAL_MS,
} from '../../../src/worker/prepare-published.ts'
import { componentWat, HELLO_WAT } from '../../support/component-wat.ts'
import { compileGuest, MIB } from '../../support/guest.ts'

const CORE = {} as GuestModule
/** Of a request. */
const CPU_MS = 10_000
const LARGE = SMALL_MODULE_BYTES + 1

interface Stage {
  /** A tenant whose handlers have hardened modules of so many bytes; the same number means the same one. */
  add(pm: string, sizes: readonly number[], module?: GuestModule): void
  prepare(): Promise<void>
  /** Tenants that were looked up, by number. */
  readonly lookedUp: number[]
  /** The sizes of what was loaded. */
  readonly loaded: number[]
  /** Processor time of rehearsals: of making the instance, and of the run. */
  readonly rehearsedMs: number[]
}

function stage(): Stage {
  const lookedUp: number[] = []
  const loaded: number[] = []
  const rehearsedMs: number[] = []
  const scheduler = new Scheduler({ clock: systemClock })
  const tenants: Tenant[] = []
  const parts: PrepareParts = {
    clock: systemClock,
    scheduler,
    workFor: () => ({
      faults: new FaultConduct(systemClock),
      waitTurn: (wake) => void setImmediate(wake),
      takeTurn: (wake) => wake(),
      onWait: () => undefined,
      ended: (cpuMs) => void rehearsedMs.push(cpuMs),
    }),
  }
  const prepared = (bytes: number, module: GuestModule): Prepared => {
    loaded.push(bytes)
    const sizing = { pm: 'dynamic', maxChildren: 0, startServers: 0, maxSpawnRate: 0 }
    const settings = { env: {}, cpuMs: CPU_MS, place: '', sizing }
    return { bytes, module, settings: settings as unknown as Prepared['settings'] }
  }
  return {
    ...{ lookedUp, loaded, rehearsedMs },
    add: (pm, sizes, module = CORE) => {
      const number = tenants.length
      const isOf = (isWanted: (module: HardenedModule) => boolean) => (bytes: number) =>
        isWanted({ bytes, digest: `${bytes}` } as HardenedModule)
      tenants.push({
        config: { name: `t${number}`, pm, hosts: [], engine: 'own', maxRequests: 0 },
        published: {
          prepare: async (isWanted: (module: HardenedModule) => boolean) => {
            lookedUp.push(number)
            return sizes.filter(isOf(isWanted)).map((bytes) => prepared(bytes, module))
          },
        },
        slots: { maxChildren: 1, queueMax: 1, queueTimeoutMs: 1 },
        wasiLimits: DEFAULT_WASI_LIMITS,
      } as unknown as Tenant)
    },
    prepare: () => preparePublished(tenants, parts),
  }
}

test('all modules of tenants whose pm keeps instances, and the large ones of others', async () => {
  const { add, loaded, prepare } = stage()
  add('ondemand', [1, LARGE])
  add('dynamic', [2, SMALL_MODULE_BYTES])
  add('static', [3])
  await prepare()
  expect(loaded).toEqual([2, SMALL_MODULE_BYTES, 3, LARGE])
})

test('of tenants whose pm keeps nothing only so many are looked up', async () => {
  const { add, lookedUp, prepare } = stage()
  for (let index = 0; index <= MAX_LOOKED_UP; index += 1) add('ondemand', [])
  add('dynamic', [])
  await prepare()
  expect(lookedUp).toHaveLength(MAX_LOOKED_UP + 1)
  expect(lookedUp[0]).toBe(MAX_LOOKED_UP + 1)
})

test('of large modules so many bytes are loaded ahead, and what many have counts once', async () => {
  const { add, loaded, prepare } = stage()
  const half = MAX_LOADED_AHEAD_BYTES / 2
  add('ondemand', [half, half + 1])
  add('ondemand', [half])
  add('ondemand', [half - MIB])
  add('ondemand', [MIB + 1])
  add('dynamic', [MAX_LOADED_AHEAD_BYTES + 1])
  await prepare()
  expect(loaded).toEqual([MAX_LOADED_AHEAD_BYTES + 1, half, half, half - MIB])
})

test('a large component is run once before anybody asks for it, and no other program is', async () => {
  const component = await compileGuest(await componentWat(HELLO_WAT))
  for (const [bytes, module, times] of [
    [LARGE, component, 2],
    [SMALL_MODULE_BYTES, component, 0],
    [LARGE, CORE, 0],
  ] as const) {
    const { add, rehearsedMs, prepare } = stage()
    add('dynamic', [bytes], module)
    await prepare()
    expect(rehearsedMs).toHaveLength(times)
  }
})

test('one that does not come to an end is ended, and those after it are prepared', async () => {
  const endless = HELLO_WAT.replace('(call $path', '(loop $on (br $on)) (call $path')
  const { add, loaded, rehearsedMs, prepare } = stage()
  add('dynamic', [LARGE, LARGE + 1], await compileGuest(await componentWat(endless)))
  await prepare()
  expect(loaded).toHaveLength(2)
  expect(rehearsedMs).toHaveLength(4)
  for (const run of [1, 3]) {
    expect(rehearsedMs[run]).toBeGreaterThanOrEqual(REHEARSAL_MS)
    expect(rehearsedMs[run]).toBeLessThan(CPU_MS)
  }
})
