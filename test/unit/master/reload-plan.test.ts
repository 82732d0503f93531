/** Which pools keep their processes in a reload. */
import { expect, test } from 'vitest'
import type { Config } from '../../../src/config/config.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { planReload, settingsOf } from '../../../src/master/reload-plan.ts'
import { grantsOf } from '../../../src/master/worker-command.ts'

const BEFORE = `
[[pool]]
name = "www"
listen = ["/run/one.sock", "127.0.0.1:9000"]
user = "www-data"
[[tenant]]
name = "t"
root = "/nowhere/t"
`

const read = (text: string): Config => parseConfig(text, '/etc/wasm-fpm.toml')

function kinds(after: string): string[] {
  const before = read(BEFORE)
  const running = before.pools.map((pool) => ({ pool, grants: grantsOf(settingsOf(before, pool)) }))
  return planReload(running, read(after)).map(({ kind }) => kind)
}

const CASES = [
  { name: 'nothing', after: BEFORE, wanted: ['keep'] },
  {
    name: 'number of workers',
    after: BEFORE.replace('user', 'workers = 7\nuser'),
    wanted: ['keep'],
  },
  {
    name: 'a tenant below a granted folder',
    after: `${BEFORE}[[tenant]]\nname = "u"\nroot = "/nowhere/t/u"\n`,
    wanted: ['keep'],
  },
  {
    name: 'one tenant less',
    after: BEFORE.slice(0, BEFORE.indexOf('[[tenant]]')),
    wanted: ['keep'],
  },
  { name: 'one socket less', after: BEFORE.replace(', "127.0.0.1:9000"', ''), wanted: ['keep'] },
  {
    name: 'one socket more',
    after: BEFORE.replace('9000"', '9000", "127.0.0.1:9001"'),
    wanted: ['replace'],
  },
  { name: 'another user', after: BEFORE.replace('www-data', 'games'), wanted: ['replace'] },
  {
    name: 'a folder that is not granted',
    after: BEFORE.replace('/nowhere/t', '/nowhere/tt'),
    wanted: ['replace'],
  },
  { name: 'another pool', after: BEFORE.replaceAll('www"', 'xxx"'), wanted: ['add', 'remove'] },
]

for (const { name, after, wanted } of CASES) {
  test(`${name}: ${wanted.join(', ')}`, () => expect(kinds(after)).toEqual(wanted))
}

test('pools share what the whole server may have, by their workers', () => {
  const config = read(`process_max = 10
memory_max = "4MiB"
warm_memory_max = "8MiB"
[[pool]]
name = "a"
listen = ["/run/a.sock"]
workers = 3
[[pool]]
name = "b"
listen = ["/run/b.sock"]
workers = 1
`)
  const shares = config.pools.map((pool) => settingsOf(config, pool))
  expect(shares.map(({ processMax }) => processMax)).toEqual([8, 3])
  const mib = (bytes: number | undefined) => (bytes ?? 0) / 1024 / 1024
  expect(shares.map(({ memoryMaxBytes }) => mib(memoryMaxBytes))).toEqual([3, 1])
  expect(shares.map(({ warmMemoryMaxBytes }) => mib(warmMemoryMaxBytes))).toEqual([6, 2])
  const unlimited = read(BEFORE)
  const [pool] = unlimited.pools
  if (pool === undefined) throw new Error('no pool')
  expect(settingsOf(unlimited, pool)).toMatchObject({ processMax: 0, memoryMaxBytes: undefined })
})
