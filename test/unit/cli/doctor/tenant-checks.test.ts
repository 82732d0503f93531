import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { printChecks, printJson } from '../../../../src/cli/doctor/report.ts'
import { checkServerFiles, checkTenant } from '../../../../src/cli/doctor/tenant-checks.ts'
import { parseConfig } from '../../../../src/config/parse.ts'

/** Somebody else than whoever runs the test. */
const WORKER = { name: 'acme', uid: 54_321, gids: new Set([54_321]) }

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-doctor-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'www/sub'), { recursive: true })
  writeFileSync(join(folder, 'www/sub/hello.wasm'), '')
})
afterEach(() => rmSync(folder, { recursive: true }))

function check(keys: string, handlers: readonly string[] = []) {
  const text = `[[pool]]\nname = "www"\nlisten = ["/a"]\n[[tenant]]\nname = "acme"\n${keys}`
  return parseConfig(text, join(folder, 'wasm-fpm.toml')).tenants.flatMap((tenant) =>
    checkTenant(tenant, { worker: WORKER, handlers }),
  )
}

function found(keys: string, handlers?: readonly string[]): string[] {
  return check(keys, handlers).map(
    ({ status, name, actual }) => `${status} ${name} ${actual.replaceAll(folder, '')}`,
  )
}

test('a root with a handler', () => {
  expect(found('root = "www"')).toEqual(['ok root /www'])
})

test('a root that is none, has nothing, or is closed', () => {
  expect(found('')).toEqual(['warn root none, and nothing is published'])
  expect(found('root = "gone"')).toEqual(['fail root /gone does not exist'])
  expect(found('root = "www/sub/hello.wasm"')).toEqual([
    'fail root /www/sub/hello.wasm is no folder',
  ])
  expect(found('root = "www"\nlimit_extensions = [".cgi", ".wat"]')).toEqual([
    'warn root /www: nothing that ends in .cgi or .wat',
  ])
  chmodSync(join(folder, 'www'), 0o711)
  expect(found('root = "www"')).toEqual(['fail root user acme cannot read /www'])
  expect(found('root = "www/sub"')).toEqual(['ok root /www/sub'])
  chmodSync(join(folder, 'www'), 0o744)
  expect(found('root = "www/sub"')).toEqual(['fail root user acme cannot pass /www'])
})

test('what is published needs no root, and no handler in it', () => {
  expect(found('', ['shop', 'blog'])).toEqual(['ok root none; published: shop, blog'])
  expect(found('root = "www"\nlimit_extensions = [".cgi"]', [...'abcdef'])).toEqual([
    'ok root /www: nothing that ends in .cgi; published: a, b, c, d, e, ...',
  ])
  expect(found('root = "gone"', ['shop'])).toEqual(['fail root /gone does not exist'])
})

test('mounts and logs', () => {
  const mount = (writable: boolean) =>
    `mounts = [{ host = "www", guest = "/data", writable = ${writable} }]\n`
  expect(found(`root = "www"\n${mount(false)}`)[1]).toBe('ok mount /data /www')
  expect(found(`root = "www"\n${mount(true)}`)[1]).toBe(
    'fail mount /data user acme cannot read and write /www',
  )
  chmodSync(join(folder, 'www'), 0o777)
  expect(found(`root = "www"\n${mount(true)}`)[1]).toBe('ok mount /data /www')
  expect(
    found('root = "www"\naccess_log = "www/access.log"\nslowlog = "gone/slow.log"').slice(1),
  ).toEqual(['ok access_log /www/access.log', 'fail slowlog /gone does not exist'])
})

test('the files of the server', () => {
  const text = 'pid = "www/x.pid"\nerror_log = "gone/error.log"'
  const checks = checkServerFiles(parseConfig(text, join(folder, 'wasm-fpm.toml')))
  expect(checks.map(({ status, name }) => `${status} ${name}`)).toEqual([
    'fail error_log',
    'ok pid',
  ])
  expect(checkServerFiles(parseConfig('', join(folder, 'wasm-fpm.toml')))).toEqual([])
})

test('the report lists what is not well, counts the rest, and says what to do', () => {
  const checks = [...check('root = "www"'), ...check('root = "gone"')]
  const text = printChecks(checks).replaceAll(folder, '')
  expect(text).toBe(
    'FAIL  tenant "acme": root  /gone does not exist\n      -> mkdir -p /gone\nok    1 more of tenants\n\n1 ok, 0 to look at, 1 to put right\n',
  )
  expect(JSON.parse(printJson(checks))).toEqual({ summary: { ok: 1, warn: 0, fail: 1 }, checks })
})
