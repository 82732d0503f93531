import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse.ts'
import { capShare, shareOf, sizingShare, slotShare } from '../../../src/worker/shares.ts'

const CASES = [
  { total: 32, workers: 2, share: 16 },
  { total: 5, workers: 2, share: 3 },
  { total: 1, workers: 8, share: 1 },
  { total: 0, workers: 4, share: 0 },
  { total: 7, workers: 1, share: 7 },
] as const

for (const { total, workers, share } of CASES) {
  test(`${total} over ${workers} workers is ${share} each`, () =>
    expect(shareOf(total, workers)).toBe(share))
}

const config = parseConfig(
  `process_max = 9
memory_max = "64MiB"
warm_memory_max = "6MiB"
[[pool]]
name = "www"
listen = ["/nowhere/www.sock"]
[[tenant]]
name = "a"
pm = "dynamic"
max_children = 5
start_servers = 3
max_spare_servers = 4
[tenant.queue]
max = 0
`,
  'test.toml',
)

test('a tenant has its share of instances and of its queue in each worker', () => {
  const [tenant] = config.tenants
  if (tenant === undefined) throw new Error('no tenant')
  expect(slotShare(tenant, 2)).toEqual({ maxChildren: 3, queueMax: 0, queueTimeoutMs: 5000 })
  expect(sizingShare(tenant, 2)).toMatchObject({
    maxChildren: 3,
    startServers: 2,
    minSpareServers: 1,
    maxSpareServers: 2,
  })
})

test('a worker has its share of what all tenants may have', () => {
  expect(capShare(config, 4)).toMatchObject({
    instances: 3,
    memoryBytes: 16 * 1024 * 1024,
    warm: { bytes: 1.5 * 1024 * 1024 },
  })
  const unlimited = { ...config, processMax: 0, memoryMaxBytes: undefined }
  expect(capShare(unlimited, 4)).toMatchObject({
    instances: Number.POSITIVE_INFINITY,
    memoryBytes: Number.POSITIVE_INFINITY,
  })
})
