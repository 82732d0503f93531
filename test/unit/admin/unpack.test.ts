/** Archives of strangers: what is taken, and how each of the others is refused. */

import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_ADMIN_LIMITS } from '../../../src/admin/limits.ts'
import { unpack } from '../../../src/admin/unpack.ts'
import { entryOf, paxPath, tarOf } from './tar.ts'

let root = ''
let folder = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-unpack-'))
  folder = mkdtempSync(join(root, 'inside-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const LIMITS = {
  ...DEFAULT_ADMIN_LIMITS,
  unpackedBytes: 200_000,
  ratio: 10,
  ratioFreeBytes: 20_000,
  entries: 20,
  entryPathBytes: 200,
  entryDepth: 4,
}

/** In chunks of `size` bytes. */
async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function run(archive: Uint8Array, isGzipped = true, size = 1000): Promise<void> {
  const bytes = isGzipped ? gzipSync(archive) : archive
  return unpack(chunksOf(bytes, size), folder, { isGzipped, limits: LIMITS })
}

function found(): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
}

const LONG = `deep/${'n'.repeat(120)}.txt`
const GOOD = tarOf(
  { name: './', type: '5' },
  { name: './wasm-fpm.json', body: '{"files":"public"}' },
  { name: 'public/', type: '5' },
  { name: 'public/index.html', body: '<h1>hello</h1>' },
  { name: 'public/css/site.css', body: 'x'.repeat(1500) },
  { name: 'empty' },
  paxPath(LONG),
  { name: 'short', body: 'long name' },
)

test.for([
  { name: 'gzipped', isGzipped: true, size: 1000 },
  { name: 'gzipped, byte by byte', isGzipped: true, size: 1 },
  { name: 'not gzipped', isGzipped: false, size: 65_536 },
  { name: 'not gzipped, cut anywhere', isGzipped: false, size: 333 },
])('plain files and folders, $name', async ({ isGzipped, size }) => {
  await run(GOOD, isGzipped, size)
  expect(found()).toEqual(
    [
      ...['deep', LONG, 'empty', 'public', 'public/css', 'public/css/site.css'],
      ...['public/index.html', 'wasm-fpm.json'],
    ].sort(),
  )
  expect(readFileSync(join(folder, 'public/index.html'), 'utf8')).toBe('<h1>hello</h1>')
  expect(readFileSync(join(folder, 'public/css/site.css'), 'utf8')).toBe('x'.repeat(1500))
  expect(readFileSync(join(folder, LONG), 'utf8')).toBe('long name')
  expect(statSync(join(folder, 'empty')).size).toBe(0)
  // Neither mode nor owner of the archive is taken over.
  expect(statSync(join(folder, 'wasm-fpm.json')).mode & 0o777).toBe(0o600)
})

const BAD_NAMES = [
  '../outside',
  'a/../../outside',
  '/etc/outside',
  '//outside',
  'a//b',
  './../outside',
  'a/./b',
  'a/..',
  '..',
  'a\\..\\outside',
]

test.for(BAD_NAMES)('the name %j', async (name) => {
  for (const archive of [
    tarOf({ name, body: 'x' }),
    tarOf(paxPath(name), { name: 'a', body: 'x' }),
  ]) {
    await expect(run(archive)).rejects.toMatchObject({ code: 'ADMIN_BAD_ENTRY' })
  }
  await expect(run(tarOf({ name: `${name}/`, type: '5' }))).rejects.toMatchObject({
    code: 'ADMIN_BAD_ENTRY',
  })
  expect(found()).toEqual([])
  expect(readdirSync(root)).toHaveLength(1)
})

const KINDS = [
  { name: 'a symbolic link', type: '2', link: '/etc/passwd' },
  { name: 'a symbolic link within', type: '2', link: 'file' },
  { name: 'a link', type: '1', link: '/etc/passwd' },
  { name: 'a character device', type: '3' },
  { name: 'a block device', type: '4' },
  { name: 'a pipe', type: '6' },
  { name: 'a sparse file', type: 'S' },
  { name: 'a kind that is not known', type: 'Q' },
]

test.for(KINDS)('$name', async ({ type, link = '' }) => {
  const archive = tarOf({ name: 'file', body: 'x' }, { name: 'evil', type, link })
  await expect(run(archive)).rejects.toMatchObject({ code: 'ADMIN_BAD_ENTRY' })
  expect(existsSync(join(folder, 'evil'))).toBe(false)
})

test('a symbolic link and a file through it', async () => {
  const archive = tarOf({ name: 'way', type: '2', link: root }, { name: 'way/outside', body: 'x' })
  await expect(run(archive)).rejects.toMatchObject({ code: 'ADMIN_BAD_ENTRY' })
  expect(existsSync(join(root, 'outside'))).toBe(false)
})

const COLLISIONS = [
  { name: 'a file twice', entries: [{ name: 'a' }, { name: 'a', body: 'other' }] },
  { name: 'a file that is a folder', entries: [{ name: 'a' }, { name: 'a/b' }] },
  { name: 'a folder that is a file', entries: [{ name: 'a/b' }, { name: 'a' }] },
]

test.for(COLLISIONS)('$name', async ({ entries }) => {
  await expect(run(tarOf(...entries))).rejects.toMatchObject({ code: 'ADMIN_BAD_ENTRY' })
})

const LIMIT_CASES = [
  {
    limit: 'unpackedBytes',
    archive: () =>
      tarOf({ name: 'a', body: randomBytes(150_000) }, { name: 'b', body: randomBytes(60_000) }),
  },
  { limit: 'ratio', archive: () => tarOf({ name: 'bomb', body: Buffer.alloc(100_000) }) },
  {
    limit: 'entries',
    archive: () => tarOf(...Array.from({ length: 21 }, (_, index) => ({ name: `f${index}` }))),
  },
  {
    // Eleven entries, and as many folders that have to be made for them.
    limit: 'entries',
    archive: () => tarOf(...Array.from({ length: 11 }, (_, index) => ({ name: `f${index}/x` }))),
  },
  { limit: 'entryDepth', archive: () => tarOf({ name: 'a/b/c/d/e' }) },
  { limit: 'entryPathBytes', archive: () => tarOf(paxPath('x'.repeat(201)), { name: 'a' }) },
]

test.for(LIMIT_CASES)('more than $limit', async ({ limit, archive }) => {
  await expect(run(archive())).rejects.toMatchObject({
    code: 'ADMIN_ARCHIVE_LIMIT',
    details: { limit },
  })
})

const FILES = tarOf({ name: 'a', body: 'x'.repeat(2000) })

const BROKEN = [
  { name: 'nothing at all', bytes: Buffer.alloc(0) },
  { name: 'no gzip', bytes: FILES },
  { name: 'gzip cut short', bytes: gzipSync(FILES).subarray(0, 40) },
  { name: 'gzip with a wrong checksum', bytes: broken(gzipSync(FILES)) },
  { name: 'text', bytes: gzipSync('hello '.repeat(1000)) },
  { name: 'an archive cut within a file', bytes: gzipSync(FILES.subarray(0, 1024)) },
  { name: 'an archive cut within a header', bytes: gzipSync(FILES.subarray(0, 300)) },
  {
    name: 'a header with a wrong checksum',
    bytes: gzipSync(tarOf({ name: 'a', body: 'x', checksum: 1 })),
  },
  { name: 'an archive in gzip twice', bytes: gzipSync(gzipSync(FILES)) },
  { name: 'a file with less than it says', bytes: gzipSync(entryOf({ name: 'a', size: 5000 })) },
]

test.for(BROKEN)('$name', async ({ bytes }) => {
  const archive = chunksOf(bytes, 100)
  await expect(unpack(archive, folder, { isGzipped: true, limits: LIMITS })).rejects.toMatchObject({
    code: 'ADMIN_BAD_ARCHIVE',
  })
})

test.for([true, false])('no archive, in a stream that goes on, gzipped: %s', async (isGzipped) => {
  const bytes = randomBytes(300_000)
  const upload = Readable.from(chunksOf(isGzipped ? gzipSync(bytes) : bytes, 1000))
  await expect(unpack(upload, folder, { isGzipped, limits: LIMITS })).rejects.toMatchObject({
    code: 'ADMIN_BAD_ARCHIVE',
  })
})

test('a size that is negative is none', async () => {
  const size = Buffer.from(`${'ff'.repeat(10)}fe00`, 'hex')
  await run(tarOf({ name: 'first' }, { name: 'a', size }, { name: 'last' }))
  expect(found()).toEqual(['a', 'first', 'last'])
})

test.for([true, false])('a client that goes away, gzipped: %s', async (isGzipped) => {
  const whole = isGzipped ? gzipSync(GOOD) : GOOD
  const cut = async function* (): AsyncGenerator<Uint8Array> {
    yield whole.subarray(0, whole.length / 2)
    throw new Error('gone')
  }
  await expect(unpack(cut(), folder, { isGzipped, limits: LIMITS })).rejects.toThrow('gone')
})

function broken(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy[copy.length - 8] = (copy[copy.length - 8] ?? 0) ^ 255
  return copy
}
