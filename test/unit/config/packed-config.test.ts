import { expect, test } from 'vitest'
import { packConfig, unpackConfig } from '../../../src/config/packed-config.ts'
import { parseConfig } from '../../../src/config/parse.ts'

const POOL = '[[pool]]\nname = "www"\nlisten = ["/tmp/a.sock"]\n'
const carried = (text: string) => {
  const config = parseConfig(POOL + text, '/etc/wasm-fpm.toml')
  const json = JSON.stringify(packConfig(config))
  return { config, json, arrived: unpackConfig(JSON.parse(json)) }
}

const CASES = [
  { name: 'no tenant', text: '' },
  { name: 'one tenant', text: '[[tenant]]\nname = "a"\nroot = "/srv/a"\n' },
  {
    name: 'tenants that differ in everything',
    text: `[[tenant]]
name = "a"
root = "/srv/a"
pm_status_path = "/status"
env = { A = "1" }
[tenant.limits]
memory = "32MiB"
[[tenant]]
name = "b"
hosts = ["b.example"]
mounts = [{ host = "/srv/b", guest = "/data", writable = true }]
[[tenant]]
name = "c"
root = "/srv/c"
access_log = "/var/log/c.log"
[tenant.queue]
max = 3
`,
  },
]

test.each(CASES)('$name: it arrives as it was', ({ text }) => {
  const { config, arrived } = carried(text)
  // JSON drops what is undefined, here and there.
  expect(arrived).toEqual(JSON.parse(JSON.stringify(config)))
})

test('what the first tenant has and another lacks stays lacking', () => {
  const { arrived } = carried(
    '[[tenant]]\nname = "a"\nroot = "/srv/a"\nping_path = "/ping"\n[[tenant]]\nname = "b"\n',
  )
  expect(arrived.tenants[1]?.root).toBeUndefined()
  expect(arrived.tenants[1]?.pingPath).toBeUndefined()
})

test('a thousand tenants that are alike take little, on the way and afterwards', () => {
  const table = (_: unknown, index: number) =>
    `[[tenant]]\nname = "t${index}"\nroot = "/srv/t${index}"\n[tenant.limits]\nmemory = "32MiB"\n`
  const { arrived, config, json } = carried(Array.from({ length: 1000 }, table).join(''))
  expect(json.length / 1000).toBeLessThan(100)
  for (const { tenants } of [config, arrived]) {
    expect(new Set(tenants.map(({ limits }) => limits)).size).toBe(1)
    expect(new Set(tenants.map(({ queue }) => queue)).size).toBe(1)
    expect(new Set(tenants.map(({ env }) => env)).size).toBe(1)
  }
})
