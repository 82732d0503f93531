/** `wasm-fpm routes` on a configuration and a real store. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compileHostile } from '../../../guests/hostile/compile.ts'
import { emptyFolder, type } from './cli.ts'

test('what answers, by configuration and by store alone', async () => {
  const folder = emptyFolder()
  const config = join(folder, 'wasm-fpm.toml')
  const store = join(folder, 'store')
  writeFileSync(
    config,
    `store = "store"
[[pool]]
name = "www"
listen = ["./www.sock"]
[[tenant]]
name = "acme"
hosts = ["acme.example"]
root = "/srv/acme"
[[tenant]]
name = "beta"
`,
  )
  const before = await type(['routes', '--config', config])
  expect(before.stdout.split('\n').slice(1)).toEqual([
    expect.stringMatching(
      /^acme +acme\.example +\/\*\*\/\*\.wasm +all +files below \/srv\/acme +-$/,
    ),
    '',
  ])
  const module = join(folder, 'hello.wasm')
  writeFileSync(module, compileHostile('hello'))
  const to = ['--store', store, '--route', '/hi']
  expect((await type(['publish', module, '--tenant', 'acme', ...to])).code).toBe(0)
  const { stdout } = await type(['routes', '--config', config, '--tenant', 'acme'])
  expect(stdout).toMatch(
    /^TENANT +HOSTS +PATH +METHODS +ANSWERED BY +RELEASE\nacme +acme\.example +\/hi +all +hello +[0-9a-f]{12}\nacme .*below/,
  )
  const alone = await type(['routes', '--store', store, '--json'], folder)
  expect(JSON.parse(alone.stdout)).toMatchObject([{ tenant: 'acme', path: '/hi' }, {}])
  const elsewhere = await type(['routes', '--store', store, '--json'])
  expect(JSON.parse(elsewhere.stdout)).toMatchObject([
    { tenant: 'acme', hosts: [], path: '/hi', kind: 'handler', target: 'hello' },
  ])
  const nobody = await type(['routes', '--config', config, '--tenant', 'gamma'])
  expect(nobody).toMatchObject({ code: 78, stdout: '' })
})
