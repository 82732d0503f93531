/** docs/admin.md against the code, in both directions. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { statusOf } from '../../../src/admin/http-status.ts'
import { DEFAULT_ADMIN_LIMITS } from '../../../src/admin/limits.ts'

const PAGE = readFileSync('docs/admin.md', 'utf8')

test('every code with its HTTP status', () => {
  const source = readFileSync('src/admin/errors.ts', 'utf8')
  const codes = [...source.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code ?? '')
  const rows = [...PAGE.matchAll(/^\| `(ADMIN_[A-Z_]+)` \| ([0-9]+|client) \| \S/gm)]
  const isClients = (code: string): boolean =>
    ['ADMIN_UNREACHABLE', 'ADMIN_STRANGE_ANSWER', 'ADMIN_OTHER_RELEASE'].includes(code)
  expect(rows.map(([, code, status]) => [code, status])).toEqual(
    codes.map((code) => [code, isClients(code) ? 'client' : String(statusOf(code))]),
  )
})

test('what is wrong with a module is its publisher’s to mend, whichever folder says so', () => {
  for (const folder of ['component', 'guest', 'publisher', 'wasm']) {
    const source = readFileSync(`src/${folder}/errors.ts`, 'utf8')
    const codes = [...source.matchAll(/^ {2}\| '([A-Z0-9_]+)'/gm)].map(([, code]) => code ?? '')
    expect(codes.length).toBeGreaterThan(3)
    for (const code of codes) expect([code, statusOf(code)]).toEqual([code, 422])
  }
})

test('every limit with its default', () => {
  const rows = [...PAGE.matchAll(/^\| `([a-zA-Z]+)` \| ([0-9]+) \| \S/gm)]
  expect(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)]))).toEqual(
    DEFAULT_ADMIN_LIMITS,
  )
})

test('every endpoint', () => {
  const sources = ['', 'tenant-', 'log-', 'release-', 'operator-'].map((of) => `${of}endpoints`)
  const endpoints = sources.flatMap((name) => {
    const text = readFileSync(`src/admin/${name}.ts`, 'utf8')
    return [...text.matchAll(/method: '([A-Z]+)',\n +path: '([^']+)',\n +reach: '([a-z]+)',/g)]
  })
  const rows = [...PAGE.matchAll(/^\| `([A-Z]+) (\/v1\/[^`]*)` \| ([a-z]+) \|/gm)]
  const sorted = (all: readonly RegExpExecArray[]) =>
    all.map(([, method, path, reach]) => `${method} ${path} ${reach}`).sort()
  expect(sorted(rows)).toEqual(sorted(endpoints))
})
