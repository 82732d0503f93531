/** Commands that work on a store take the configuration that all others take where none is named. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { compileHostile } from '../../../guests/hostile/compile.ts'
import { type } from './cli.ts'

const CONFIG = `store = "own-store"
[[pool]]
name = "www"
listen = ["./www.sock"]
[[tenant]]
name = "acme"
hosts = ["acme.example"]
`

test('the store of ./wasm-fpm.toml, and its tenants; a store that is named alone is taken as it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-usual-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'wasm-fpm.toml'), CONFIG)
  writeFileSync(join(folder, 'one.wasm'), compileHostile('hello'))
  const publish = (tenant: string, ...more: readonly string[]) =>
    type(['publish', 'one.wasm', '--tenant', tenant, '--route', '/', ...more], folder)

  expect(await publish('acme')).toMatchObject({ code: 0, stderr: '' })
  expect(existsSync(join(folder, 'own-store/live/acme.json'))).toBe(true)
  expect((await publish('nobody')).stderr).toMatch(
    /has none of that name.*\[CONFIG_UNKNOWN_TENANT\]/,
  )
  expect((await type(['releases', '--tenant', 'acme'], folder)).stdout).toMatch(/^live .* one /m)
  expect((await type(['fsck'], folder)).stdout).toMatch(/^clean: 1 tenants, 1 releases/)

  expect(await publish('nobody', '--store', 'another')).toMatchObject({ code: 0 })
  expect(existsSync(join(folder, 'another/live/nobody.json'))).toBe(true)
})
