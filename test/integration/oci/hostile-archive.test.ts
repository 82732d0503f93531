/** Archives that lead out of their folder, hold what no folder should, or never end. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { OciLimits } from '../../../src/oci/limits.ts'
import { serve } from './fake-registry.ts'
import { archive, usePullPlace, WASM } from './pull-place.ts'
import { paxRecord, TAR_END, type TarFields, tarEntry, tarGz } from './tar-bytes.ts'

const place = usePullPlace()
const { start, pull, refused } = place

const file = (path: string, more: Partial<TarFields> = {}): TarFields => ({
  path,
  contents: 'x',
  ...more,
})
const pax = (...records: readonly string[]): TarFields => ({
  path: 'pax',
  type: 'x',
  contents: records.join(''),
})
const CASES: readonly (readonly [
  name: string,
  bytes: Uint8Array,
  wanted: object,
  limits?: Partial<OciLimits>,
])[] = [
  ['up and out', tarGz(file('../evil')), { code: 'OCI_BAD_ARCHIVE' }],
  ['up in the middle', tarGz(file('a/../../evil')), { code: 'OCI_BAD_ARCHIVE' }],
  ['absolute', tarGz(file('/tmp/wasm-fpm-evil')), { code: 'OCI_BAD_ARCHIVE' }],
  [
    'up, said by pax',
    tarGz(pax(paxRecord('path', '../evil')), file('good')),
    { code: 'OCI_BAD_ARCHIVE' },
  ],
  [
    'up, said by GNU',
    tarGz({ path: 'L', type: 'L', contents: '../evil\0' }, file('good')),
    { code: 'OCI_BAD_ARCHIVE' },
  ],
  ['up, a folder', tarGz({ path: '../evil/', type: '5' }), { code: 'OCI_BAD_ARCHIVE' }],
  ['backslashes', tarGz(file('..\\evil')), { code: 'OCI_BAD_ARCHIVE' }],
  ['control characters', tarGz(file('a\x1b[2J')), { code: 'OCI_BAD_ARCHIVE' }],
  ['no name', tarGz(file('')), { code: 'OCI_BAD_ARCHIVE' }],
  [
    'a symbolic link',
    tarGz({ path: 'l', type: '2', link: '/etc' }, file('l/x')),
    { code: 'OCI_BAD_ARCHIVE' },
  ],
  [
    'a hard link',
    tarGz({ path: 'l', type: '1', link: '/etc/passwd' }),
    { code: 'OCI_BAD_ARCHIVE' },
  ],
  ['a device', tarGz({ path: 'null', type: '3' }), { code: 'OCI_BAD_ARCHIVE' }],
  ['a pipe', tarGz({ path: 'pipe', type: '6' }), { code: 'OCI_BAD_ARCHIVE' }],
  ['a type nobody knows', tarGz({ path: 'x', type: 'Z' }), { code: 'OCI_BAD_ARCHIVE' }],
  ['a name twice', tarGz(file('a'), file('a')), { code: 'OCI_BAD_ARCHIVE' }],
  ['a file as a folder', tarGz(file('a'), file('a/b')), { code: 'OCI_BAD_ARCHIVE' }],
  ['a folder as a file', tarGz(file('a/b'), file('a')), { code: 'OCI_BAD_ARCHIVE' }],
  ['the module in it as well', tarGz(file('app.wasm')), { code: 'OCI_BAD_ARCHIVE' }],
  ['a folder in the place of the module', tarGz(file('app.wasm/x')), { code: 'OCI_BAD_ARCHIVE' }],
  ['a wrong sum', tarGz(file('a', { hasBadSum: true })), { code: 'OCI_BAD_ARCHIVE' }],
  ['a size beyond its end', tarGz(file('a', { size: 4096 })), { code: 'OCI_BAD_ARCHIVE' }],
  [
    'a huge size, said by pax',
    tarGz(pax(paxRecord('size', '1e300')), file('a')),
    { code: 'OCI_BAD_ARCHIVE' },
  ],
  ['a huge description', tarGz(pax('x'.repeat(70_000)), file('a')), { code: 'OCI_BAD_ARCHIVE' }],
  ['no end', gzipSync(tarEntry(file('a'))), { code: 'OCI_BAD_ARCHIVE' }],
  ['half a gzip', tarGz(file('a')).subarray(0, 40), { code: 'OCI_BAD_ARCHIVE' }],
  ['no gzip', Buffer.from('no gzip'), { code: 'OCI_BAD_ARCHIVE' }],
  ['no tar', gzipSync(Buffer.alloc(2048, 'x')), { code: 'OCI_BAD_ARCHIVE' }],
  [
    'a bomb',
    tarGz(file('zeros', { contents: Buffer.alloc(3_000_000) })),
    { code: 'OCI_LIMIT_EXCEEDED', details: { limit: 'unpackedBytes' } },
    { unpackedBytes: 1_000_000 },
  ],
  [
    'a bomb after the end',
    gzipSync(Buffer.concat([TAR_END, Buffer.alloc(3_000_000)])),
    { code: 'OCI_LIMIT_EXCEEDED', details: { limit: 'unpackedBytes' } },
    { unpackedBytes: 1_000_000 },
  ],
  [
    'many files',
    tarGz(...Array.from({ length: 21 }, (_, number) => file(`f${number}`))),
    { code: 'OCI_LIMIT_EXCEEDED', details: { limit: 'entries' } },
    { entries: 20 },
  ],
  [
    'folders without an end',
    tarGz(file(`${'a/'.repeat(40)}a`)),
    { code: 'OCI_LIMIT_EXCEEDED', details: { limit: 'pathDepth' } },
  ],
  [
    'a long path',
    tarGz(pax(paxRecord('path', 'a'.repeat(2000))), file('a')),
    { code: 'OCI_LIMIT_EXCEEDED', details: { limit: 'pathBytes' } },
  ],
]
const NAMED = { ...WASM, annotations: { 'org.opencontainers.image.title': 'app.wasm' } }
test.for(CASES)('%s', async ([, bytes, wanted, limits]) => {
  await refused(await start(...serve([NAMED, archive(bytes)])), wanted, limits)
  expect(existsSync('/tmp/wasm-fpm-evil')).toBe(false)
})

const TITLES = ['../evil.wasm', '/tmp/wasm-fpm-evil', '', 'a//b', 'a\x1b.wasm', 'x'.repeat(2000)]
test.each(TITLES)('a module called %j', async (title) => {
  const named = { ...WASM, annotations: { 'org.opencontainers.image.title': title } }
  const registry = await start(...serve([named, archive(tarGz(file('index.html')))]))
  await refused(registry, { code: 'OCI_BAD_MANIFEST' })
})

test('what is there already is not written over', async () => {
  const registry = await start(...serve([NAMED, archive(tarGz(file('index.html')))]))
  const { path } = await pull(registry)
  rmSync(join(path, 'index.html'))
  await expect(pull(registry)).rejects.toMatchObject({ code: 'OCI_IO' })
  expect(readdirSync(place.into)).toEqual(['shop'])
  expect(readdirSync(path)).toEqual(['app.wasm'])
})

// Three ways to write a name that is too long for a header.
test.each(['ustar', 'pax', 'gnu'])('an archive that GNU tar made, as %s', async (format) => {
  const long = `${'d'.repeat(90)}/${'f'.repeat(format === 'ustar' ? 90 : 200)}.txt`
  const source = join(place.root, 'source')
  mkdirSync(join(source, long, '..'), { recursive: true })
  writeFileSync(join(source, long), 'long')
  writeFileSync(join(source, 'short.bin'), Buffer.alloc(100_000, 's'))
  const bytes = execFileSync('tar', ['-C', source, `--format=${format}`, '-cz', '.'])
  rmSync(source, { recursive: true })
  const { path } = await pull(await start(...serve([NAMED, archive(bytes)])))
  expect(readFileSync(join(path, long), 'utf8')).toBe('long')
  expect(readFileSync(join(path, 'short.bin'))).toEqual(Buffer.alloc(100_000, 's'))
})
