import { expect, test } from 'vitest'
import { idleLimit, idleTimeoutMs, instancesToMake, type Sizing } from '../../../src/pool/sizing.ts'

const SIZING: Sizing = {
  pm: 'dynamic',
  maxChildren: 10,
  startServers: 4,
  minSpareServers: 2,
  maxSpareServers: 5,
  processIdleTimeoutMs: 10_000,
  maxSpawnRate: 32,
  lifetime: 'reset',
}

const CASES = [
  {
    name: 'dynamic: start_servers at the first use',
    head: { active: 0, idle: 0, isFirstUse: true },
    make: 4,
  },
  {
    name: 'dynamic: up to min_spare_servers later',
    head: { active: 3, idle: 1, isFirstUse: false },
    make: 1,
  },
  {
    name: 'dynamic: nothing when enough are idle',
    head: { active: 3, idle: 2, isFirstUse: false },
    make: 0,
  },
  {
    name: 'dynamic: never over max_children',
    head: { active: 9, idle: 0, isFirstUse: false },
    make: 1,
  },
  {
    name: 'dynamic: nothing at max_children',
    head: { active: 10, idle: 0, isFirstUse: false },
    make: 0,
  },
  {
    name: 'static: all of them',
    sizing: { pm: 'static' },
    head: { active: 2, idle: 1, isFirstUse: false },
    make: 7,
  },
  {
    name: 'ondemand: none',
    sizing: { pm: 'ondemand' },
    head: { active: 1, idle: 0, isFirstUse: true },
    make: 0,
  },
  {
    name: 'fresh instances are made ahead even on demand',
    sizing: { pm: 'ondemand', lifetime: 'fresh' },
    head: { active: 1, idle: 0, isFirstUse: false },
    make: 4,
  },
  {
    name: 'fresh instances stay within max_children',
    sizing: { pm: 'ondemand', lifetime: 'fresh', maxChildren: 2 },
    head: { active: 1, idle: 0, isFirstUse: false },
    make: 1,
  },
] as const

for (const { name, head, make, ...rest } of CASES) {
  test(name, () => {
    const sizing = { ...SIZING, ...('sizing' in rest ? rest.sizing : {}) }
    expect(instancesToMake(sizing, head)).toBe(make)
  })
}

test('dynamic keeps at most max_spare_servers idle', () => {
  expect(idleLimit(SIZING, 0)).toBe(5)
  expect(idleLimit(SIZING, 8)).toBe(2)
})

test('static and ondemand keep what max_children leaves room for', () => {
  expect(idleLimit({ ...SIZING, pm: 'static' }, 4)).toBe(6)
  expect(idleLimit({ ...SIZING, pm: 'ondemand' }, 12)).toBe(0)
})

test('only ondemand lets idle instances go with time', () => {
  expect(idleTimeoutMs({ ...SIZING, pm: 'ondemand' })).toBe(10_000)
  expect(idleTimeoutMs(SIZING)).toBe(Number.POSITIVE_INFINITY)
})
