/** Tenants with a file of their own: added and removed, and what must stay as it is when that is refused. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { addTenant, removeTenant } from '../../../src/config/tenant-files.ts'

let folder = ''
let main = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-tenants-'))
  main = join(folder, 'wasm-fpm.toml')
  write('include = ["tenants.d/*.toml"]\n')
})
afterEach(() => rmSync(folder, { recursive: true }))

const POOL = '[[pool]]\nname = "www"\nlisten = ["/run/www.sock"]\n'

function write(top: string, rest = POOL): void {
  writeFileSync(main, top + rest)
}

/** Every file below the folder with its content: what must not change. */
function everything(): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [path.slice(folder.length + 1), readFileSync(path, 'utf8')]
    }),
  )
}

function names(): readonly string[] {
  return loadConfig(main).tenants.map(({ name }) => name)
}

test('a tenant is added where the configuration finds it, with the rights of the main file', () => {
  chmodSync(main, 0o640)
  const { file, config } = addTenant(main, {
    name: 'acme',
    hosts: ['acme.example'],
    root: '/srv/a',
  })
  expect(file).toBe(join(folder, 'tenants.d/acme.toml'))
  expect(readFileSync(file, 'utf8')).toBe(
    '[[tenant]]\nname = "acme"\nhosts = [ "acme.example" ]\nroot = "/srv/a"\n',
  )
  expect(config.tenants.map(({ name }) => name)).toEqual(['acme'])
  expect(names()).toEqual(['acme'])
  expect(statSync(file).mode & 0o777).toBe(0o640)
  expect(readdirSync(join(folder, 'tenants.d'))).toEqual(['acme.toml'])
})

test('texts are written so that they come back', () => {
  const root = '/srv/"quoted" \\ü\u007f'
  addTenant(main, { name: 'a', hosts: [], root, pool: 'www' })
  expect(loadConfig(main).tenants[0]).toMatchObject({ root, pool: 'www', hosts: [] })
})

test('the first include that is a pattern for such a file counts', () => {
  write('include = ["one.toml", "*/b.toml", "./conf/?cme.toml", "tenants.d/*.toml"]\n')
  writeFileSync(join(folder, 'one.toml'), '')
  expect(addTenant(main, { name: 'acme', hosts: [] }).file).toBe(join(folder, 'conf/acme.toml'))
  expect(addTenant(main, { name: 'b', hosts: [] }).file).toBe(join(folder, 'tenants.d/b.toml'))
  expect(names()).toEqual(['b', 'acme'])
})

test('an absolute include', () => {
  write(`include = ["${folder}/conf/**/*.toml"]\n`)
  expect(() => addTenant(main, { name: 'acme', hosts: [] })).toThrow(/CONFIG_|include/)
  write(`include = ["${folder}/conf/*.toml"]\n`)
  expect(addTenant(main, { name: 'acme', hosts: [] }).file).toBe(join(folder, 'conf/acme.toml'))
})

const NO_INCLUDE = [
  { top: '', line: 'include = ["tenants.d/*.toml"]' },
  { top: 'include = ["one.toml"]\n', line: 'include = ["one.toml", "tenants.d/*.toml"]' },
]

test.for(NO_INCLUDE)(
  'without an include that takes it, the line to write is said: $line',
  ({ top, line }) => {
    write(top)
    writeFileSync(join(folder, 'one.toml'), '')
    const before = everything()
    expect(() => addTenant(main, { name: 'acme', hosts: [] })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_NO_INCLUDE',
        message: expect.stringMatching(new RegExp(`\n${line.replace(/[[\]*]/g, '\\$&')}$`)),
      }),
    )
    expect(everything()).toEqual(before)
  },
)

const REFUSED_ADDITIONS = [
  { name: 'a name that leads out', tenant: { name: '../x', hosts: [] }, code: 'CONFIG_BAD_VALUE' },
  { name: 'an empty name', tenant: { name: '', hosts: [] }, code: 'CONFIG_BAD_VALUE' },
  { name: 'no host', tenant: { name: 'b', hosts: ['a b'] }, code: 'CONFIG_BAD_VALUE' },
  { name: 'a host twice', tenant: { name: 'b', hosts: ['old.example'] }, code: 'CONFIG_DUPLICATE' },
  { name: 'a tenant twice', tenant: { name: 'old', hosts: [] }, code: 'CONFIG_DUPLICATE' },
  {
    name: 'a tenant of another file',
    tenant: { name: 'main', hosts: [] },
    code: 'CONFIG_DUPLICATE',
  },
  {
    name: 'an unknown pool',
    tenant: { name: 'b', hosts: [], pool: 'no' },
    code: 'CONFIG_UNKNOWN_POOL',
  },
]

test.for(REFUSED_ADDITIONS)(
  '$name is refused with $code and changes nothing',
  ({ tenant, code }) => {
    write('include = ["tenants.d/*.toml"]\n', `${POOL}[[tenant]]\nname = "main"\n`)
    addTenant(main, { name: 'old', hosts: ['old.example'] })
    const before = everything()
    expect(() => addTenant(main, tenant)).toThrow(expect.objectContaining({ code }))
    expect(everything()).toEqual(before)
  },
)

test('nothing is added to a configuration that is wrong already', () => {
  write('include = ["tenants.d/*.toml"]\nno_such_key = 1\n')
  const before = everything()
  expect(() => addTenant(main, { name: 'a', hosts: [] })).toThrow(
    expect.objectContaining({ code: 'CONFIG_UNKNOWN_KEY' }),
  )
  expect(() => removeTenant(main, 'a')).toThrow(
    expect.objectContaining({ code: 'CONFIG_UNKNOWN_KEY' }),
  )
  expect(everything()).toEqual(before)
})

test('a configuration that cannot be read is what is said', () => {
  rmSync(main)
  expect(() => addTenant(main, { name: 'a', hosts: [] })).toThrow(
    expect.objectContaining({ code: 'CONFIG_NOT_READABLE' }),
  )
})

test('a folder that cannot be written', () => {
  writeFileSync(join(folder, 'tenants.d'), 'a file in its place')
  const before = everything()
  expect(() => addTenant(main, { name: 'a', hosts: [] })).toThrow(
    expect.objectContaining({ code: 'CONFIG_NOT_WRITABLE' }),
  )
  expect(everything()).toEqual(before)
})

test('a tenant is removed with its file, the others stay', () => {
  addTenant(main, { name: 'a', hosts: [] })
  addTenant(main, { name: 'b', hosts: [] })
  const { file, config } = removeTenant(main, 'a')
  expect(file).toBe(join(folder, 'tenants.d/a.toml'))
  expect(config.tenants.map(({ name }) => name)).toEqual(['b'])
  expect(readdirSync(join(folder, 'tenants.d'))).toEqual(['b.toml'])
})

const REFUSED_REMOVALS = [
  {
    name: 'nobody',
    code: 'CONFIG_UNKNOWN_TENANT',
    says: /one of main, plain, left, right, beside/,
  },
  { name: 'main', code: 'CONFIG_SHARED_FILE', says: /wasm-fpm\.toml has more.*\(line 6\)/ },
  { name: 'right', code: 'CONFIG_SHARED_FILE', says: /two\.toml has more.*\(line 4\)/ },
  { name: 'beside', code: 'CONFIG_SHARED_FILE', says: /with-pool\.toml/ },
  { name: 'plain', code: 'CONFIG_NOT_READABLE', says: /plain\.toml: cannot be read: it is to go/ },
]

test.for(REFUSED_REMOVALS)('removing $name: $code, and nothing changes', ({ name, code, says }) => {
  write(
    'include = ["plain.toml", "tenants.d/*.toml"]\n\n',
    `${POOL}[[tenant]]\nname = "main"\npool = "www"\n`,
  )
  const files = {
    'plain.toml': tenantTable('plain'),
    'tenants.d/two.toml': tenantTable('left') + tenantTable('right'),
    'tenants.d/with-pool.toml': `${tenantTable('beside')}[[pool]]\nname = "two"\nlisten = ["/run/2.sock"]\n`,
  }
  mkdirSync(join(folder, 'tenants.d'))
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text)
  const before = everything()
  expect(() => removeTenant(main, name)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(says) }),
  )
  expect(everything()).toEqual(before)
})

function tenantTable(name: string): string {
  return `[[tenant]]\nname = "${name}"\npool = "www"\n`
}
