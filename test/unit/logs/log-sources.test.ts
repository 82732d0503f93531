import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse.ts'
import { readEntry } from '../../../src/logs/log-entry.ts'
import { isOf, logSources } from '../../../src/logs/log-sources.ts'

function sources(tables: string, tenant?: string) {
  const text = `${tables.includes('error_log') ? '' : 'error_log = "e.log"\n'}${tables}
[[pool]]
name = "www"
listen = ["/run/www.sock"]
`
  return logSources(parseConfig(text, '/srv/wasm-fpm.toml'), tenant)
}

const A_AND_B = `
[[tenant]]
name = "a"
access_log = "a.log"
slowlog = "slow.log"
[[tenant]]
name = "b"
access_log = "shared.log"
slowlog = "slow.log"
[[tenant]]
name = "c"
access_log = "shared.log"
`

test('every file once, and whose it is alone', () => {
  expect(sources(A_AND_B)).toEqual({
    files: [
      { path: '/srv/e.log', owner: undefined },
      { path: '/srv/a.log', owner: 'a' },
      { path: '/srv/slow.log', owner: undefined },
      { path: '/srv/shared.log', owner: undefined },
    ],
    notes: [],
  })
})

test("a tenant's: its files, and the error log", () => {
  expect(sources(A_AND_B, 'c').files.map(({ path }) => path)).toEqual([
    '/srv/e.log',
    '/srv/shared.log',
  ])
})

test('what goes to standard error is said, with what to do', () => {
  const { files, notes } = sources('error_log = "stderr"\n[[tenant]]\nname = "a"\n')
  expect(files).toEqual([])
  expect(notes.join()).toMatch(/journalctl -u wasm-fpm.*error_log = "/)
})

test('lines without a tenant in a shared file are left out, and that is said', () => {
  const text = `
[[tenant]]
name = "a"
access_log = "x.log"
access_format = "%m %r"
[[tenant]]
name = "b"
access_log = "x.log"
`
  const { files, notes } = sources(text, 'a')
  expect(notes.join()).toContain('a shares its access_log')
  const [, shared = { path: '', owner: undefined }] = files
  expect(isOf(readEntry('GET /x'), shared, 'a')).toBe(false)
  expect(isOf(readEntry('GET /x'), { ...shared, owner: 'a' }, 'a')).toBe(true)
  expect(isOf(readEntry('{"tenant":"a"}'), shared, 'a')).toBe(true)
  expect(isOf(readEntry('GET /x'), shared, undefined)).toBe(true)
})

test('a log that is switched off is said', () => {
  expect(sources('[[tenant]]\nname = "a"\naccess_log = "off"\n').notes).toEqual([
    'access_log is "off": no requests of a',
  ])
})

test('the error log that is an access log as well is there once', () => {
  const { files } = sources('[[tenant]]\nname = "a"\naccess_log = "e.log"\n')
  expect(files).toEqual([{ path: '/srv/e.log', owner: undefined }])
})
