import { expect, test } from 'vitest'
import { IDLE_WORKER_BYTES, memoryNeed } from '../../../src/config/memory-need.ts'
import { parseConfig } from '../../../src/config/parse.ts'

const MIB = 1024 * 1024

function needOf(text: string) {
  return memoryNeed(parseConfig(text, '/etc/wasm-fpm/wasm-fpm.toml'))
}

const TWO_POOLS = `
[[pool]]
name = "a"
listen = ["/a"]
workers = 2
[[pool]]
name = "b"
listen = ["/b"]
workers = 1
`
const SMALL = `
[[tenant]]
name = "small"
pool = "a"
max_children = 5
[tenant.limits]
memory = "10MiB"
tmp = "1MiB"
`
const LARGE = `
[[tenant]]
name = "large"
pool = "b"
max_children = 3
[tenant.limits]
memory = "10MiB"
tmp = 0
[[tenant.handlers]]
name = "big"
limits = { memory = "100MiB" }
`

test('workers, instances in whole shares, the largest handler, /tmp', () => {
  expect(needOf(`${TWO_POOLS}${SMALL}${LARGE}`)).toEqual({
    workers: 3,
    workerBytes: 3 * IDLE_WORKER_BYTES,
    // 5 over two workers are 3 in each.
    instances: 9,
    instanceBytes: (6 * 10 + 3 * 100) * MIB,
    tmpBytes: 6 * MIB,
    totalBytes: 3 * IDLE_WORKER_BYTES + 366 * MIB,
  })
})

test('an instance may be one of a runtime', () => {
  const runtimes = ['one', 'two', 'unused'].map(
    (name, index) =>
      `[[runtime]]\nname = "${name}"\nextensions = [".${name}"]\nmemory = "${(index + 1) * 40}MiB"\n`,
  )
  const tenant = SMALL.replace('max_children', 'runtimes = ["one", "two"]\nmax_children')
  expect(needOf(`${TWO_POOLS}${runtimes.join('')}${tenant}`)).toMatchObject({
    instances: 6,
    instanceBytes: 6 * 80 * MIB,
  })
})

test('process_max takes the largest first, memory_max holds for all', () => {
  expect(needOf(`process_max = 3\n${TWO_POOLS}${SMALL}${LARGE}`)).toMatchObject({
    instances: 3,
    instanceBytes: 300 * MIB,
    tmpBytes: 0,
  })
  expect(needOf(`memory_max = "50MiB"\n${TWO_POOLS}${SMALL}${LARGE}`)).toMatchObject({
    instances: 9,
    instanceBytes: 50 * MIB,
    tmpBytes: 6 * MIB,
  })
})

test('nothing configured needs nothing', () => {
  expect(needOf('')).toMatchObject({ workers: 0, instances: 0, totalBytes: 0 })
})
