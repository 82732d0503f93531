/** What `invoke` and `dev` are pointed at, and with whose settings it runs. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { compileHostile } from '../../../guests/hostile/compile.ts'
import { locateTarget } from '../../../src/cli/invoke/locate-target.ts'
import { emptyFolder, start, type } from './cli.ts'

const GUESTS = resolve('build/guests/c')

/** A folder with a handler that was built, one that was not, and a configuration with two tenants. */
function makePlace(): string {
  const folder = emptyFolder()
  for (const name of ['shop', 'empty', 'notes', 'www']) mkdirSync(join(folder, name))
  copyFileSync(join(GUESTS, 'echo.wasm'), join(folder, 'shop/shop.wasm'))
  copyFileSync(join(GUESTS, 'files.wasm'), join(folder, 'files.wasm'))
  copyFileSync(join(GUESTS, 'echo.wasm'), join(folder, 'www/echo.cgi'))
  copyFileSync(join(GUESTS, 'echo.wasm'), join(folder, 'bare'))
  writeFileSync(join(folder, 'shop/main.c'), '#include <stdio.h>\n')
  writeFileSync(join(folder, 'notes/a.txt'), 'of the mount')
  writeFileSync(
    join(folder, 'two.toml'),
    `[[pool]]
name = "www"
listen = ["./www.sock"]
[[tenant]]
name = "acme"
hosts = ["acme.example"]
root = "www"
limit_extensions = [".cgi"]
env = { GREETING = "hi" }
mounts = [{ host = "notes", guest = "/notes" }]
[tenant.limits]
request_body = "10B"
[[tenant]]
name = "other"
`,
  )
  return folder
}

const REFUSED = [
  {
    name: 'a folder with a module',
    args: ['shop'],
    says: 'it is a folder, wanted the module: `wasm-fpm invoke shop/shop.wasm` (`wasm-fpm dev shop`',
  },
  {
    name: 'a folder without one',
    args: ['empty'],
    says: 'it is a folder, wanted a module, and there is none in it yet (`wasm-fpm dev empty` builds',
  },
  { name: 'this folder', args: ['.'], says: '`wasm-fpm invoke bare.wasm`' },
  {
    name: 'a source file',
    args: ['shop/main.c'],
    says: 'it is no WebAssembly, wanted a module that was compiled (`wasm-fpm dev shop` builds',
  },
  { name: 'a module without an ending', args: ['bare'], says: 'bare.wasm (rename it)' },
  {
    name: 'nothing',
    args: ['gone.wasm'],
    says: 'there is no such file, wanted a module, or TENANT/HANDLER with --config FILE',
  },
  {
    name: 'a tenant that is not there',
    args: ['nobody/shop', '--config', 'two.toml'],
    says: 'two.toml has no tenant "nobody", and there is no such file, wanted TENANT/HANDLER with one of acme, other',
  },
  {
    name: 'a module and two tenants',
    args: ['files.wasm', '--config', 'two.toml'],
    says: 'two.toml has 2 tenants, wanted --tenant with one of acme, other',
  },
  {
    name: 'a module and a tenant that is not there',
    args: ['files.wasm', '--config', 'two.toml', '--tenant', 'nobody'],
    says: 'two.toml has no tenant "nobody", wanted --tenant with one of acme, other',
  },
  { name: 'a tenant alone', args: ['files.wasm', '--tenant', 'acme'], says: 'the --config FILE' },
]

test('invoke says what is wrong with its target, and what to type instead', async () => {
  const folder = makePlace()
  for (const { name, args, says } of REFUSED) {
    if (name === 'this folder') copyFileSync(join(folder, 'bare'), join(folder, 'bare.wasm'))
    const { code, stderr } = await type(['invoke', ...args], folder)
    expect({ name, code: code === 0, stderr }).toEqual({
      name,
      code: false,
      stderr: expect.stringContaining(says),
    })
    // What was found could be read: nobody is sent to look for rights.
    if (name !== 'nothing') expect(stderr).not.toContain('may read')
  }
})

test('invoke ends when the answer is there', async () => {
  const folder = makePlace()
  const startMs = performance.now()
  const { code, stdout } = await type(['invoke', 'files.wasm', '--path', '?list=/'], folder)
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('files.wasm') })
  // `process_idle_timeout`: the instance is kept for that long.
  expect(performance.now() - startMs).toBeLessThan(10_000)
})

test('invoke fails when the answer is broken off, and says why', async () => {
  const folder = makePlace()
  writeFileSync(join(folder, 'trap.wasm'), compileHostile('trap-in-body'))
  const { code, stdout, stderr } = await type(['invoke', 'trap.wasm', '--include'], folder)
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: expect.stringContaining('Status: 200'),
    stderr: expect.stringContaining('OUTCOME_TRAPPED'),
  })
})

test('a module alone may take a minute to be loaded', () => {
  const { config } = locateTarget(join(makePlace(), 'files.wasm'), {})
  expect(config.tenants[0]?.queue).toMatchObject({ timeoutMs: 60_000 })
})

const ACME = ['--config', 'two.toml', '--tenant', 'acme']

test("invoke runs a module with a tenant's variables, mounts and limits", async () => {
  const folder = makePlace()
  const asked = async (...args: string[]) => {
    const { stdout } = await type(['invoke', ...args, '--json'], folder)
    return JSON.parse(stdout) as { readonly status: number; readonly body: string }
  }
  expect(await asked('files.wasm', ...ACME, '--path', '?read=/notes/a.txt')).toMatchObject({
    status: 200,
    body: expect.stringContaining('of the mount'),
  })
  const { body } = await asked('shop/shop.wasm', ...ACME)
  expect(JSON.parse(body)).toMatchObject({ env: { GREETING: 'hi', SCRIPT_NAME: '/shop.wasm' } })
  expect(await asked('shop/shop.wasm', ...ACME, '-d', 'more than ten')).toMatchObject({
    status: 413,
  })
  expect((await asked('shop/shop.wasm')).body).not.toContain('GREETING')
  // Any ending will do, in the tenant's root and elsewhere.
  expect(await asked('www/echo.cgi', ...ACME)).toMatchObject({ status: 200 })
  expect(await asked('acme/echo.cgi', '--config', 'two.toml')).toMatchObject({ status: 200 })
})

test("dev serves a handler with a tenant's variables, mounts and limits", async () => {
  const folder = makePlace()
  const config = ['--config', join(folder, 'two.toml'), '--tenant', 'acme']
  const dev = start(['dev', join(folder, 'shop'), '--http', '127.0.0.1:0', ...config])
  const [, address = ''] = await dev.printed(/ready in .*: (http:\S+) answers/)
  const response = await fetch(address)
  expect(await response.json()).toMatchObject({ env: { GREETING: 'hi' } })
  expect((await fetch(address, { method: 'POST', body: 'more than ten' })).status).toBe(413)
})

test('dev says which tenant it needs', async () => {
  const folder = makePlace()
  for (const [args, says] of [
    [['--config', 'two.toml'], 'two.toml has 2 tenants, wanted --tenant with one of acme, other'],
    [['--tenant', 'acme'], 'wanted it with the --config FILE'],
  ] as const) {
    const { code, stderr } = await type(['dev', 'shop', ...args], folder)
    expect(code).not.toBe(0)
    expect(stderr).toContain(says)
  }
})
