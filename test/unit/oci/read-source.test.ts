import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_OCI_LIMITS, type OciLimits } from '../../../src/oci/limits.ts'
import { readSource } from '../../../src/oci/read-source.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-oci-source-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function put(path: string, text = path): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

/** Module and paths; folders end with a slash. */
async function found(limits: Partial<OciLimits> = {}, source = root) {
  const { moduleTitle, files } = await readSource(source, { ...DEFAULT_OCI_LIMITS, ...limits })
  const paths = files.map(({ path, from }) => (from === undefined ? `${path}/` : path))
  return [moduleTitle, ...paths.sort()]
}

test('a module', async () => {
  put('a.wasm')
  expect(await found({}, join(root, 'a.wasm'))).toEqual(['a.wasm'])
})

test('a folder with a module, and what nobody asked for', async () => {
  put('a.wasm')
  put('.env')
  put('src/a.c')
  expect(await found()).toEqual(['a.wasm'])
})

test('a folder with a manifest', async () => {
  put('a.wasm')
  put('b.wasm')
  put('public/deep/index.html')
  mkdirSync(join(root, 'public/empty'))
  put('wasm-fpm.json', '{"module":"b.wasm","files":"public"}')
  // A server's configuration, with the secrets of everybody.
  put('wasm-fpm.toml', '[[tenant]]\nname = "x"\n')
  expect(await found()).toEqual([
    ...['b.wasm', 'public/', 'public/deep/', 'public/deep/index.html', 'public/empty/'],
    'wasm-fpm.json',
  ])
})

test('a manifest in TOML', async () => {
  put('build/a.wasm')
  put('web/x')
  put('wasm-fpm.toml', '[handler]\nmodule = "build/a.wasm"\nfiles = "web"\n')
  expect(await found()).toEqual(['build/a.wasm', 'wasm-fpm.toml', 'web/', 'web/x'])
})

test('a module among the files travels once', async () => {
  put('public/a.wasm')
  put('wasm-fpm.json', '{"module":"public/a.wasm","files":"public"}')
  expect(await found()).toEqual(['public/a.wasm', 'public/', 'wasm-fpm.json'])
})

const BAD: readonly (readonly [name: string, make: () => unknown])[] = [
  ['nothing', () => undefined],
  ['two modules', () => ['a.wasm', 'b.wasm'].map((name) => put(name))],
  ['a manifest that is no JSON', () => put('wasm-fpm.json', '{')],
  ['a manifest that is a list', () => put('wasm-fpm.json', '[]')],
  ['a module elsewhere', () => put('wasm-fpm.json', '{"module":"../a.wasm"}')],
  ['a module that is a number', () => put('wasm-fpm.json', '{"module":7}')],
  ['files elsewhere', () => put('wasm-fpm.json', '{"module":"a.wasm","files":"/etc"}')],
  ['files that are not there', () => put('wasm-fpm.json', '{"module":"a.wasm","files":"none"}')],
  [
    'files behind a link',
    () => {
      symlinkSync('/etc', join(root, 'public'))
      put('wasm-fpm.json', '{"module":"a.wasm","files":"public"}')
    },
  ],
  [
    'a module behind a link',
    () => {
      put('real/a.wasm')
      symlinkSync('real', join(root, 'build'))
      put('wasm-fpm.json', '{"module":"build/a.wasm"}')
    },
  ],
  [
    'a link among the files',
    () => {
      put('public/x')
      symlinkSync('/etc/passwd', join(root, 'public/passwd'))
      put('wasm-fpm.json', '{"module":"a.wasm","files":"public"}')
    },
  ],
  [
    'a pipe among the files',
    () => {
      put('public/x')
      execFileSync('mkfifo', [join(root, 'public/pipe')])
      put('wasm-fpm.json', '{"module":"a.wasm","files":"public"}')
    },
  ],
  [
    'a name with a line feed',
    () => {
      put('public/a\nb')
      put('wasm-fpm.json', '{"module":"a.wasm","files":"public"}')
    },
  ],
  ['a manifest that is a link', () => symlinkSync('/etc/hostname', join(root, 'wasm-fpm.json'))],
  [
    'two manifests',
    () => {
      put('wasm-fpm.json', '{"module":"a.wasm"}')
      put('wasm-fpm.toml', '[handler]\nmodule = "a.wasm"\n')
    },
  ],
]

test.for(BAD)('%s', async ([, make]) => {
  make()
  await expect(found()).rejects.toMatchObject({ code: 'OCI_BAD_SOURCE' })
})

test('what is not there', async () => {
  await expect(found({}, join(root, 'none'))).rejects.toMatchObject({ code: 'OCI_BAD_SOURCE' })
})

const LIMITS: readonly (readonly [limit: keyof OciLimits, value: number])[] = [
  ['entries', 4],
  ['unpackedBytes', 60],
  ['pathBytes', 18],
  ['pathDepth', 2],
]

test.each(LIMITS)('limit %s', async (limit, value) => {
  put('a.wasm')
  put('public/one/two.html', 'x'.repeat(30))
  put('public/three.html', 'x'.repeat(30))
  put('wasm-fpm.json', '{"files":"public"}')
  expect(await found()).toHaveLength(6)
  await expect(found({ [limit]: value })).rejects.toMatchObject({
    code: 'OCI_LIMIT_EXCEEDED',
    details: { limit },
  })
})
