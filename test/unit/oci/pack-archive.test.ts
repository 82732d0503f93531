import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type PackedFile, packArchive } from '../../../src/oci/pack-archive.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-oci-pack-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function file(path: string, text: string): PackedFile {
  const from = join(root, String(path.length) + path.replace(/\W/g, '_').slice(0, 20))
  writeFileSync(from, text)
  return { path, from, size: Buffer.byteLength(text) }
}

const FOLDER: PackedFile = { path: 'public', from: undefined, size: 0 }

test('the bytes of an archive', async () => {
  await packArchive([file('b', 'hello')], join(root, 'out'))
  const bytes = gunzipSync(readFileSync(join(root, 'out')))
  const text = (from: number, to: number) => bytes.toString('latin1', from, to)
  // A header, a block of contents, two blocks of zeros.
  expect(bytes.length).toBe(4 * 512)
  expect(text(0, 2)).toBe('b\0')
  expect(text(100, 108)).toBe('000644 \0')
  expect(text(108, 116)).toBe('000000 \0')
  expect(text(116, 124)).toBe('000000 \0')
  expect(text(124, 136)).toBe('0000000005 \0'.slice(-12))
  expect(text(136, 148)).toBe('0000000000 \0'.slice(-12))
  expect(text(156, 157)).toBe('0')
  expect(text(257, 265)).toBe('ustar\x0000')
  expect(text(512, 518)).toBe('hello\0')
  expect(bytes.subarray(1024).every((byte) => byte === 0)).toBe(true)
})

test('GNU tar reads it', async () => {
  const names = [
    'public/a.html',
    `public/${'l'.repeat(92)}`,
    `public/${'l'.repeat(93)}`,
    `public/${'d'.repeat(99)}/${'f'.repeat(99)}.css`,
    `public/${'d'.repeat(200)}/${'f'.repeat(200)}.css`,
    'public/zeichen-äöü-日本.txt',
    'public/a b & c',
  ]
  await packArchive([FOLDER, ...names.map((name) => file(name, name))], join(root, 'out'))
  const run = (...args: readonly string[]) =>
    execFileSync('tar', [...args, '-f', join(root, 'out')], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    })
  expect(run('-tz', '--quoting-style=literal').trim().split('\n').sort()).toEqual(
    ['public/', ...names].sort(),
  )
  const lines = run('-tvz', '--numeric-owner').trim().split('\n')
  for (const line of lines)
    expect(line).toMatch(/^(drwxr-xr-x|-rw-r--r--) 0\/0 +\d+ 1970-01-01 00:00 /)
  const into = mkdtempSync(join(root, 'into-'))
  run('-xz', '-C', into)
  for (const name of names) expect(readFileSync(join(into, name), 'utf8')).toBe(name)
})

test('order, dates and rights make no difference', async () => {
  const files = [file('b', 'b'), file('a/ü', 'c'), FOLDER, file('c', '')]
  const first = await packArchive(files, join(root, 'one'))
  for (const { from } of files) {
    if (from === undefined) continue
    utimesSync(from, 5, 5)
    chmodSync(from, 0o700)
  }
  expect(await packArchive(files.toReversed(), join(root, 'two'))).toEqual(first)
  expect(readFileSync(join(root, 'two')).length).toBe(first.size)
})

test('a file that is not as it was', async () => {
  const one = file('a', 'hello')
  for (const size of [4, 6]) {
    const packing = packArchive([{ ...one, size }], join(root, `out${size}`))
    await expect(packing).rejects.toMatchObject({ code: 'OCI_BAD_SOURCE' })
  }
})

test('a folder that has become a link is not followed', async () => {
  mkdirSync(join(root, 'app'))
  mkdirSync(join(root, 'elsewhere'))
  writeFileSync(join(root, 'elsewhere/a'), 'hello')
  symlinkSync('../elsewhere', join(root, 'app/public'))
  const within = join(root, 'app')
  const one: PackedFile = { path: 'public/a', from: join(within, 'public/a'), within, size: 5 }
  await expect(packArchive([one], join(root, 'out'))).rejects.toMatchObject({
    code: 'OCI_BAD_SOURCE',
  })
})
