import { expect, test } from 'vitest'
import { machineMetrics } from '../../../src/master/machine-metrics.ts'
import { busyMachine } from './busy-machine.ts'

const MAX_BYTES = 5_000_000
const MAX_MS = 1000

test('every line is a comment or a sample, every metric has a head, no series comes twice', () => {
  const text = machineMetrics(busyMachine(2))
  expect(text.endsWith('\n')).toBe(true)
  const series = new Set<string>()
  let name = ''
  for (const line of text.trimEnd().split('\n')) {
    const [, declared] = /^# HELP (wasm_fpm_\w+) \S/.exec(line) ?? []
    name = declared ?? name
    if (declared !== undefined) continue
    if (line.startsWith('# TYPE')) {
      expect(line).toMatch(new RegExp(`^# TYPE ${name} (gauge|counter|histogram)$`))
      if (line.endsWith(' counter')) expect(name).toMatch(/_total$/)
      continue
    }
    const [, key = '', of = ''] =
      /^((wasm_fpm_\w+?)(?:_bucket|_sum|_count)?(?:\{(?:\w+="[^"]*",?)*\})?) -?\d+(?:\.\d+)?$/.exec(
        line,
      ) ?? []
    expect({ line, of }).toEqual({ line, of: name })
    expect(series.has(key)).toBe(false)
    series.add(key)
  }
})

test('a tenant that has had nothing to do has two series, one that has had has no more than there are names', () => {
  const machine = busyMachine(1)
  const [pool] = machine.pools
  if (pool === undefined) throw new Error('no pool')
  const text = machineMetrics({
    ...machine,
    pools: [{ ...pool, tenants: [...pool.tenants, 'quiet'] }],
  })
  const linesOf = (tenant: string): string[] =>
    text.split('\n').filter((line) => line.includes(`tenant="${tenant}"`))
  expect(linesOf('quiet')).toEqual([
    'wasm_fpm_tenant_info{tenant="quiet",pool="www"} 1',
    'wasm_fpm_requests_total{tenant="quiet"} 0',
  ])
  expect(linesOf('tenant-0')).toHaveLength(16)
  // Two workers' counts are one.
  expect(linesOf('tenant-0')).toContain('wasm_fpm_kills_total{tenant="tenant-0",kind="cpu"} 4')
})

test('ten thousand tenants that have all had requests', () => {
  const machine = busyMachine(10_000)
  const [pool] = machine.pools
  if (pool === undefined) throw new Error('no pool')
  // As they are: with nothing stopped, nothing trapped and no connections of their own.
  for (const of of pool.totals.tenants.values()) {
    of.traps.clear()
    of.kills.clear()
    for (const index of [2, 3, 7, 8]) of.counts[index] = 0
    of.gauges[0] = 0
    of.gauges[2] = 0
  }
  const startMs = performance.now()
  const text = machineMetrics(machine)
  expect(performance.now() - startMs).toBeLessThan(MAX_MS)
  expect(Buffer.byteLength(text)).toBeLessThan(MAX_BYTES)
  expect(text.match(/^wasm_fpm_requests_total\{/gm)).toHaveLength(10_000)
})
