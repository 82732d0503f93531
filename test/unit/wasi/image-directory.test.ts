import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Errno } from '../../../src/wasi/errno.ts'
import { DEFAULT_IMAGE_CACHE_LIMITS, ImageCache } from '../../../src/wasi/image-cache.ts'
import { ImageDirectory } from '../../../src/wasi/image-directory.ts'
import { openPaths } from '../../support/open-paths.ts'
import { makeProbe, READ } from './probe.ts'

let base = ''

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-image-')))
  mkdirSync(join(base, 'one'))
  writeFileSync(join(base, 'one/file'), 'hello')
})

afterEach(() => {
  rmSync(base, { recursive: true, force: true })
})

/** Opens a file below a root as one request does; its text or an errno. */
function readOnce(root: string, cache: ImageCache, name = 'file'): string | number {
  const directory = new ImageDirectory(root, cache)
  directory.retain()
  const node = directory.lookup(name)
  if (typeof node === 'number' || node.kind !== 'file') {
    directory.release()
    return typeof node === 'number' ? node : -1
  }
  const file = node.open({ read: true, write: false, truncate: false })
  directory.release()
  if (typeof file === 'number' || file.kind !== 'file') return typeof file === 'number' ? file : -2
  const bytes = new Uint8Array(100)
  const length = file.read(bytes, 0)
  file.close()
  return Buffer.from(bytes.subarray(0, length)).toString()
}

test('contents are kept once for all images', () => {
  const cache = new ImageCache()
  expect(readOnce(join(base, 'one'), cache)).toBe('hello')
  expect(cache.bytes).toBe(5)
  symlinkSync('one', join(base, 'other'))
  expect(readOnce(join(base, 'other'), cache)).toBe('hello')
  expect(cache.bytes).toBe(5)
})

test('a file that changes on disk is seen anew', () => {
  const cache = new ImageCache()
  readOnce(join(base, 'one'), cache)
  writeFileSync(join(base, 'one/file'), 'other')
  expect(readOnce(join(base, 'one'), cache)).toBe('other')
  rmSync(join(base, 'one/file'))
  expect(readOnce(join(base, 'one'), cache)).toBe(Errno.NOENT)
})

test('a file over the limit is read without being kept', () => {
  const cache = new ImageCache({ ...DEFAULT_IMAGE_CACHE_LIMITS, fileBytes: 4 })
  expect(readOnce(join(base, 'one'), cache)).toBe('hello')
  expect(cache.bytes).toBe(0)
})

test('the root is opened on first use and closed with the last reference', () => {
  const count = (): number => openPaths(base).length
  const before = count()
  const directory = new ImageDirectory(join(base, 'one'), new ImageCache())
  directory.retain()
  expect(count()).toBe(before)
  directory.lookup('file')
  expect(count()).toBe(before + 1)
  directory.retain()
  directory.release()
  expect(count()).toBe(before + 1)
  directory.release()
  expect(count()).toBe(before)
})

test('a root that is not there answers with an errno', () => {
  const directory = new ImageDirectory(join(base, 'nothing'), new ImageCache())
  expect(directory.stat()).toBe(Errno.NOENT)
  expect(directory.list()).toBe(Errno.NOENT)
  expect(directory.lookup('file')).toBe(Errno.NOENT)
  expect(directory.inodeOf('file')).toBe(0n)
})

const bytes = (length: number): Uint8Array => new Uint8Array(length)

test('the least recently used contents go first', () => {
  const cache = new ImageCache({ bytes: 10, files: 3, fileBytes: 8 })
  cache.set('a', bytes(4))
  cache.set('b', bytes(4))
  expect(cache.get('a')).toHaveLength(4)
  cache.set('c', bytes(4))
  expect(cache.get('b')).toBeUndefined()
  expect(cache.get('a')).toHaveLength(4)
  expect(cache.bytes).toBe(8)
  cache.set('d', bytes(9))
  expect(cache.get('d')).toBeUndefined()
  cache.set('a', bytes(2))
  expect(cache.bytes).toBe(6)
  cache.set('e', bytes(1))
  cache.set('f', bytes(1))
  expect(cache.get('c')).toBeUndefined()
  expect(cache.bytes).toBe(4)
})

test('the reference of a session is enough', async () => {
  const count = (): number => openPaths(base).length
  const before = count()
  const directory = new ImageDirectory(join(base, 'one'), new ImageCache())
  const probe = await makeProbe({ preopens: [{ guestPath: '/', directory }] })
  expect((await probe.open(3, 'file', { rights: READ })).errno).toBe(Errno.SUCCESS)
  expect(count()).toBe(before + 1)
  probe.host.end()
  expect(count()).toBe(before)
})
