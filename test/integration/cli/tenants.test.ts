/** Tenants come and go while the server runs. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openControlSocket } from '../../../src/master/control-socket.ts'
import { MasterError } from '../../../src/master/errors.ts'
import { configText, makeFolder, serve } from '../master/serve.ts'
import { emptyFolder, type } from './cli.ts'

const POOL = '[[pool]]\nname = "www"\nlisten = ["./www.sock"]\n'

test('add, list, remove; the running server takes both up', async () => {
  const folder = makeFolder()
  const config = configText(folder, { top: 'include = ["tenants.d/*.toml"]' })
  const serving = await serve({ folder, config })
  const file = join(folder, 'wasm-fpm.toml')
  const at = ['--config', file]
  const added = await type([
    'tenants',
    'add',
    'acme',
    '--host',
    'acme.example',
    '--root',
    folder,
    ...at,
  ])
  expect(added).toMatchObject({
    code: 0,
    stdout: `added tenant acme: ${folder}/tenants.d/acme.toml; the running wasm-fpm has taken it up\n`,
  })
  expect(serving.log()).toContain('tenants: 2')
  const list = await type(['tenants', ...at])
  expect(list.stdout).toMatch(
    /^TENANT +POOL +HOSTS +ROOT\nsite +www +\* +\S+\nacme +www +acme.example +\S+\n$/,
  )
  const json = JSON.parse((await type(['tenants', 'list', '--json', ...at])).stdout)
  expect(json).toMatchObject([{ name: 'site' }, { name: 'acme', root: folder, maxChildren: 32 }])
  const status = await type(['status', 'acme', '--json', ...at])
  expect(JSON.parse(status.stdout).tenants).toMatchObject([{ tenant: 'acme' }])
  const removed = await type(['tenants', 'remove', 'acme', '--json', ...at])
  expect(JSON.parse(removed.stdout)).toEqual({
    removed: 'acme',
    file: `${folder}/tenants.d/acme.toml`,
    reload: 'reloaded',
    revokedTokens: 0,
  })
  expect((await type(['status', 'acme', ...at])).code).toBe(78)
})

test('without a server, and with --no-reload, it says so', async () => {
  const folder = emptyFolder()
  const file = join(folder, 'wasm-fpm.toml')
  writeFileSync(file, `include = ["tenants.d/*.toml"]\n${POOL}`)
  // The usual place is the folder it is typed in.
  const first = await type(['tenants', 'add', 'a', '--root', 'www'], folder)
  expect(first.stdout).toContain('; no wasm-fpm runs on this configuration\n')
  expect(readFileSync(join(folder, 'tenants.d/a.toml'), 'utf8')).toContain(`root = "${folder}/www"`)
  const second = await type(['tenants', 'add', 'b', '--no-reload'], folder)
  expect(second.stdout).toContain('; takes effect with `wasm-fpm reload`\n')
})

test('remove revokes the tokens of the tenant, and no others', async () => {
  const folder = emptyFolder()
  const file = join(folder, 'wasm-fpm.toml')
  const admin = '[admin]\nlisten = ["./admin.sock"]\n'
  writeFileSync(file, `include = ["tenants.d/*.toml"]\nstore = "store"\n${admin}${POOL}`)
  for (const name of ['a', 'b', 'c']) await type(['tenants', 'add', name], folder)
  const scope = ['--scope', 'publish']
  for (const whose of [['--tenant', 'a'], ['--tenant', 'a'], ['--tenant', 'b'], ['--operator']]) {
    expect((await type(['token', 'create', ...whose, ...scope], folder)).code).toBe(0)
  }
  const removed = await type(['tenants', 'remove', 'a'], folder)
  expect(removed.stdout).toBe(
    `removed tenant a: ${folder}/tenants.d/a.toml; no wasm-fpm runs on this configuration; tokens revoked: 2\n`,
  )
  const tokens = JSON.parse((await type(['token', 'list', '--json'], folder)).stdout)
  expect(tokens.map(({ tenant }: { tenant?: string }) => tenant)).toEqual(['b', undefined])
  const json = await type(['tenants', 'remove', 'b', '--no-reload', '--json'], folder)
  expect(JSON.parse(json.stdout)).toMatchObject({ removed: 'b', revokedTokens: 1 })
  const none = await type(['tenants', 'remove', 'c'], folder)
  expect(none.stdout).not.toContain('tokens')
})

test('remove revokes them also when the server does not take the change up', async () => {
  const folder = emptyFolder()
  const file = join(folder, 'wasm-fpm.toml')
  const admin = '[admin]\nlisten = ["./admin.sock"]\n'
  writeFileSync(file, `include = ["tenants.d/*.toml"]\nstore = "store"\n${admin}${POOL}`)
  await type(['tenants', 'add', 'a'], folder)
  await type(['token', 'create', '--tenant', 'a', '--scope', 'publish'], folder)
  const control = await openControlSocket(file, async () => {
    throw new MasterError('MASTER_BUSY', 'Cannot reload: it is tired, wanted a rest')
  })
  onTestFinished(() => control?.close())
  const removed = await type(['tenants', 'remove', 'a'], folder)
  expect(removed.code).toBe(1)
  expect(removed.stderr).toContain('[MASTER_BUSY]')
  expect((await type(['token', 'list'], folder)).stdout).toBe('there are no tokens\n')
})

test('what is refused: 78, the reason, and as JSON', async () => {
  const folder = emptyFolder()
  const file = join(folder, 'wasm-fpm.toml')
  writeFileSync(file, `${POOL}[[tenant]]\nname = "a"\n`)
  const at = ['--config', file]
  const added = await type(['tenants', 'add', 'b', ...at])
  expect(added).toMatchObject({ code: 78, stdout: '' })
  expect(added.stderr).toMatch(
    /include = \["tenants\.d\/\*\.toml"\] \[CONFIG_NO_INCLUDE\]\n {2}next: .*\n$/,
  )
  const removed = await type(['tenants', 'remove', 'a', '--json', ...at])
  expect(removed.code).toBe(78)
  expect(JSON.parse(removed.stdout)).toMatchObject({ error: { code: 'CONFIG_SHARED_FILE' } })
})
