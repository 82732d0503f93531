/** Archives at random: what is packed comes back, and what is broken ends as a coded error inside its folder. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_OCI_LIMITS } from '../../../src/oci/limits.ts'
import { type PackedFile, packArchive } from '../../../src/oci/pack-archive.ts'
import { Unpacker } from '../../../src/oci/unpack-archive.ts'

let root = ''
let runs = 0
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-oci-unpack-'))
})
afterEach(() => rmSync(root, { recursive: true }))

/** A folder of its own for each run. */
function place() {
  runs += 1
  const folder = join(root, String(runs))
  mkdirSync(join(folder, 'in'), { recursive: true })
  return { folder, into: join(folder, 'in'), archive: join(folder, 'archive') }
}

function write(folder: string, files: Readonly<Record<string, Uint8Array>>): PackedFile[] {
  return Object.entries(files).map(([path, bytes], number) => {
    const from = join(folder, `f${number}`)
    writeFileSync(from, bytes)
    return { path, from, size: bytes.length }
  })
}

/** Names of all lengths around those at which a header is full, none inside another. */
const names = fc.uniqueArray(
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }), fc.nat(190))
    .map(([text, pad]) => `${text.replace(/[\p{C}\\/\ufffd]/gu, '_')}${'x'.repeat(pad)}`)
    .filter((name) => name !== '.' && name !== '..' && Buffer.byteLength(name) < 250),
  { minLength: 1, maxLength: 6 },
)
const contents = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  fc.constantFrom(511, 512, 513, 70_000).map((length) => new Uint8Array(length).fill(7)),
)

test('what is packed comes back', async () => {
  const files = names.chain((all) =>
    fc.tuple(...all.map((name) => contents.map((bytes) => [`d/${name}`, bytes] as const))),
  )
  await fc.assert(
    fc.asyncProperty(files, async (entries) => {
      const { folder, into, archive } = place()
      const wanted = Object.fromEntries(entries)
      await packArchive(write(folder, wanted), archive)
      await new Unpacker(into, DEFAULT_OCI_LIMITS).unpack(archive)
      expect(readdirSync(join(into, 'd')).sort()).toEqual(
        Object.keys(wanted)
          .map((path) => path.slice(2))
          .sort(),
      )
      for (const [path, bytes] of entries) {
        expect(readFileSync(join(into, path)).equals(bytes)).toBe(true)
      }
    }),
    { numRuns: 60 },
  )
})

test('what is broken stays inside', async () => {
  const { folder, archive } = place()
  const long = 'l'.repeat(150)
  const files = {
    'a/b': Buffer.from('hello'),
    [`ü/${long}`]: Buffer.alloc(1000, 'x'),
    c: Buffer.alloc(0),
  }
  await packArchive(write(folder, files), archive)
  const whole = gunzipSync(readFileSync(archive))
  const byte = fc.constantFrom(
    0,
    1,
    0x2e,
    0x2f,
    0x30,
    0x31,
    0x32,
    0x35,
    0x37,
    0x4c,
    0x78,
    0x80,
    0xff,
  )
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), byte), { maxLength: 6 })
  const end = fc.oneof(fc.constant(whole.length), fc.nat(whole.length))
  let failures = 0
  await fc.assert(
    fc.asyncProperty(changes, end, fc.boolean(), async (bytes, length, isSummed) => {
      const { folder: here, into, archive: broken } = place()
      const copy = Buffer.from(whole.subarray(0, length))
      for (const [at, value] of bytes) if (at < length) copy[at] = value
      if (isSummed) sumAnew(copy)
      writeFileSync(broken, gzipSync(copy, { level: 1 }))
      const codes = await new Unpacker(into, DEFAULT_OCI_LIMITS).unpack(broken).then(
        () => [],
        (error) => [error.code],
      )
      failures += codes.length
      for (const code of codes) {
        expect(['OCI_BAD_ARCHIVE', 'OCI_LIMIT_EXCEEDED']).toContain(code)
      }
      expect(readdirSync(here).sort()).toEqual(['archive', 'in'])
      for (const entry of readdirSync(into, { recursive: true, withFileTypes: true })) {
        expect(entry.isFile() || entry.isDirectory()).toBe(true)
      }
    }),
    { numRuns: 400 },
  )
  expect(failures).toBeGreaterThan(100)
})

/** Makes the sums of all blocks right that look like headers, so that more than the sum is looked at. */
function sumAnew(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.subarray(at, at + 512)
    if (block.toString('latin1', 257, 262) !== 'ustar') continue
    block.write('        ', 148)
    const sum = block.reduce((total, byte) => total + byte, 0)
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  }
}
