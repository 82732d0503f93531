/** Asked of Node itself: what a process that is started with the flags may read or write. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { permissionFlags } from '../../../src/base/permission-flags.ts'

const FOLDERS = ['a', 'a/b', 'a/b/c', 'a/bc', 'a-b', 'ab', 'ab/c', 'abc', 'b']
const FILES = ['a/b/file', 'a/file', 'ab.log', 'ab.log.1', 'file']
const MISSING = ['a/none', 'a/none-2', 'no', 'no.log', 'no.log/sub']
const PLACES = [...FOLDERS, ...FILES, ...MISSING]

let base = ''

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'wasm-fpm-flags-'))
  for (const folder of FOLDERS) mkdirSync(join(base, folder), { recursive: true })
  for (const file of FILES) writeFileSync(join(base, file), '')
})

afterAll(() => rmSync(base, { recursive: true, force: true }))

/** Which of `PLACES` a process may use that was granted `paths`. */
function allowed(access: 'read' | 'write', paths: readonly string[]): unknown {
  const flags = permissionFlags(
    access,
    paths.map((path) => `${base}/${path}`),
  )
  const script = `process.stdout.write(JSON.stringify(${JSON.stringify(PLACES)}.filter((path) =>
    process.permission.has('fs.${access}', ${JSON.stringify(`${base}/`)} + path))))`
  const options = { encoding: 'utf8' as const, stdio: 'pipe' as const }
  return JSON.parse(
    execFileSync(process.execPath, ['--permission', ...flags, '-e', script], options),
  )
}

/** All that is named and what lies in it, but folders whose own name another one goes on: Node denies them. */
function granted(paths: readonly string[]): readonly string[] {
  const isWithin = (place: string, path: string) => place.startsWith(`${path}/`)
  const outer = paths.filter((path) => !paths.some((other) => isWithin(path, other)))
  return PLACES.filter((place) => {
    if (outer.some((path) => isWithin(place, path))) return true
    const isFork = outer.some((path) => path !== place && path.startsWith(place))
    return outer.includes(place) && !(isFork && FOLDERS.includes(place))
  })
}

const CASES = [
  { name: 'a folder', paths: ['a'] },
  { name: 'a folder after what lies in it', paths: ['a/b', 'a/file', 'a'] },
  { name: 'a folder before what lies in it', paths: ['a', 'a/b'] },
  { name: 'folders whose names begin alike', paths: ['a', 'ab', 'abc', 'a-b'] },
  { name: 'the same, the other way round', paths: ['a-b', 'abc', 'ab', 'a'] },
  { name: 'two of them', paths: ['ab', 'a'] },
  { name: 'a folder and a file beside it', paths: ['ab', 'ab.log'] },
  { name: 'files whose names begin alike', paths: ['ab.log.1', 'ab.log'] },
  { name: 'what is not there yet', paths: ['no', 'no.log', 'a/none', 'a/none-2'] },
  { name: 'nothing of the kind', paths: ['b', 'file'] },
]

const ACCESSES = ['read', 'write'] as const

for (const access of ACCESSES) {
  test.for(CASES)(`to ${access}: $name`, ({ paths }) => {
    expect(allowed(access, paths)).toEqual(granted(paths))
  })
}

test('a slash at the end changes nothing', () => {
  const [first, second] = ['a/', 'ab/'].map((path) => `${base}/${path}`)
  expect(permissionFlags('read', [first ?? '', second ?? ''])).toEqual(
    permissionFlags('read', [`${base}/ab`, `${base}/a`]),
  )
})

test('every choice of places, more or less', () => {
  // A walk through the subsets: each place is in some with any other, and out of some.
  for (let choice = 1; choice < 2 ** PLACES.length; choice += 15_013) {
    const paths = PLACES.filter((_, at) => choice & (1 << at))
    expect([paths, allowed('read', paths)]).toEqual([paths, granted(paths)])
  }
})
