/** Whether the module of `app` is there: as Python would look for it, in a tenant's own tree. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkApp } from '../../../src/cli/doctor/app-checks.ts'
import { checkApps } from '../../../src/config/find-app.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { POOL } from './texts.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-app-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const PYTHON = '[[runtime]]\nname = "python"\nextensions = [".py"]\n'

interface Case {
  readonly name: string
  readonly app: string
  readonly files: readonly string[]
  readonly tenant?: string
  readonly runtime?: string
  /** Undefined: it is there, or nobody can tell. */
  readonly says?: RegExp
}

const CASES: readonly Case[] = [
  { name: 'a module', app: 'wsgi', files: ['wsgi.py'] },
  { name: 'a module with a variable', app: 'wsgi:app', files: ['wsgi.py'] },
  {
    name: 'a module of a package',
    app: 'shop.wsgi:app',
    files: ['shop/__init__.py', 'shop/wsgi.py'],
  },
  { name: 'a package', app: 'shop', files: ['shop/__init__.py'] },
  { name: 'a folder without __init__', app: 'shop.wsgi', files: ['shop/wsgi.py'] },
  { name: 'a package that was installed', app: 'shop', files: ['site-packages/shop/__init__.py'] },
  {
    name: 'one of a virtual environment',
    app: 'shop',
    files: ['.venv/lib/python3.11/site-packages/shop.py'],
  },
  { name: 'one that .pth files may lead to', app: 'shop', files: ['site-packages/more.pth'] },
  {
    name: 'PYTHONPATH',
    app: 'shop',
    files: ['lib/src/shop.py'],
    tenant: 'env = { PYTHONPATH = "none:lib/src" }',
  },
  {
    name: 'a mount',
    app: 'shop',
    files: ['../packages/shop.py'],
    tenant: 'mounts = [{ guest = "/usr/lib/python3/dist-packages", host = "packages" }]',
  },
  { name: 'the standard library', app: 'wsgiref.simple_server:demo_app', files: [] },
  { name: 'a runtime that is no Python', app: 'Shop::App', files: [], runtime: '.rb' },
  {
    name: 'nothing',
    app: 'shop.wsgi',
    files: ['index.html'],
    says: /^is "shop\.wsgi", and there is no shop\.py and no folder shop in \S+\/www, wanted the name of a module that is there, as Python has it$/,
  },
  {
    name: 'a package without that module',
    app: 'shop.wsgi:app',
    files: ['shop/__init__.py', 'shop/wsgj.py'],
    says: /no wsgi\.py and no folder wsgi in \S+\/www\/shop, .*: did you mean "shop\.wsgj:app"\?$/,
  },
  {
    name: 'a name that is nearly right',
    app: 'aplication',
    files: ['application.py'],
    says: /did you mean "application"\?$/,
  },
  {
    name: 'a dot before the variable',
    app: 'shop.wsgi.application',
    files: ['shop/wsgi.py'],
    says: /no application\.py .*: did you mean "shop\.wsgi:application"\?$/,
  },
  {
    name: 'a path',
    app: 'shop/wsgi.py:app',
    files: ['shop/wsgi.py'],
    says: /: did you mean "shop\.wsgi:app"\?$/,
  },
  {
    name: 'a module that another of the same name hides',
    app: 'shop.wsgi',
    files: ['shop/__init__.py', 'site-packages/shop/wsgi.py'],
    says: /no wsgi\.py and no folder wsgi in \S+\/www\/shop,/,
  },
  {
    name: 'a mount that hides what is there',
    app: 'shop.wsgi',
    files: ['shop/wsgi.py', '../empty/x'],
    tenant: 'mounts = [{ guest = "ROOT/shop", host = "empty" }]',
    says: /no wsgi\.py /,
  },
]

test.each(CASES)('$name', ({ app, files, tenant = '', runtime = '.py', says }) => {
  const root = join(folder, 'www')
  mkdirSync(root)
  for (const path of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), '')
  }
  const keys = `root = "www"\nruntimes = ["python"]\napp = "${app}"\n${tenant.replaceAll('ROOT', root)}`
  const config = parseConfig(
    `${PYTHON.replace('.py', runtime)}${POOL}[[tenant]]\nname = "acme"\n${keys}`,
    join(folder, 'wasm-fpm.toml'),
  )
  const checks = config.tenants.flatMap((one) => checkApp(one, config.runtimes))
  expect(checks.map(({ status }) => status)).toEqual([says === undefined ? 'ok' : 'fail'])
  if (says === undefined) {
    expect(() => checkApps(config)).not.toThrow()
    return
  }
  expect(() => checkApps(config)).toThrow(
    expect.objectContaining({
      code: 'CONFIG_NO_APP',
      problems: [expect.objectContaining({ message: expect.stringMatching(says) })],
    }),
  )
})
