/** A folder of the host, copied to memory. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { copyTree } from '../../../src/wasi/copy-tree.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode } from '../../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import { createMemoryDirectory, type MemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS, type MemoryLimits } from '../../../src/wasi/memory-quota.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { entriesOf } from './entries.ts'

const LONG = Buffer.alloc(200_000, 'some text ')

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-copy-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

function copy(folder: string, limits: Partial<MemoryLimits> = {}) {
  const to = createMemoryDirectory(new FakeClock(), { ...DEFAULT_MEMORY_LIMITS, ...limits })
  const from = openHostDirectory(folder, { writable: false })
  const errno = copyTree(from, to)
  from.release()
  return { errno, to }
}

/** `path`: names with `/` between. */
function nodeAt(root: MemoryDirectory, path: string) {
  let directory: DirectoryNode = root
  const names = path.split('/')
  for (const name of names.slice(0, -1)) {
    const next = directory.lookup(name)
    if (typeof next === 'number' || next.kind !== 'directory') throw new Error(`no ${name}`)
    directory = next
  }
  const node = directory.lookup(names.at(-1) ?? '')
  if (typeof node === 'number') throw new Error(`errno ${node} of ${path}`)
  return node
}

function contentOf(root: MemoryDirectory, path: string): Buffer {
  const node = nodeAt(root, path)
  const file = node.kind === 'file' ? node.open({ read: true, write: false, truncate: false }) : 0
  if (typeof file === 'number' || file.kind !== 'file') throw new Error(`no file ${path}`)
  const into = new Uint8Array(LONG.length + 1)
  return Buffer.from(into.subarray(0, file.read(into, 0)))
}

test('folders, files and links are there, with contents and permissions; a pipe is left out', () => {
  const folder = makeFolder()
  mkdirSync(join(folder, 'a/b'), { recursive: true })
  writeFileSync(join(folder, 'a/b/long'), LONG)
  writeFileSync(join(folder, 'empty'), '')
  for (let index = 0; index < 100; index += 1) writeFileSync(join(folder, `a/${index}`), `${index}`)
  symlinkSync('a/b/long', join(folder, 'link'))
  symlinkSync('nowhere', join(folder, 'broken'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  chmodSync(join(folder, 'empty'), 0o640)
  chmodSync(join(folder, 'a/b'), 0o710)
  const { errno, to } = copy(folder)
  expect(errno).toBe(Errno.SUCCESS)
  const names = entriesOf(to).map(({ name }) => name)
  expect(names.toSorted()).toEqual(['a', 'broken', 'empty', 'link'])
  expect(contentOf(to, 'a/b/long').equals(LONG)).toBe(true)
  expect(contentOf(to, 'empty')).toHaveLength(0)
  for (let index = 0; index < 100; index += 1)
    expect(contentOf(to, `a/${index}`).toString()).toBe(`${index}`)
  expect(nodeAt(to, 'empty').stat()).toMatchObject({ mode: 0o640 })
  expect(nodeAt(to, 'a/b').stat()).toMatchObject({ mode: 0o710 })
  const link = nodeAt(to, 'link')
  expect(link.kind === 'symlink' && link.readLink()).toBe('a/b/long')
})

test('what does not fit ends it', () => {
  const folder = makeFolder()
  writeFileSync(join(folder, 'large'), '')
  truncateSync(join(folder, 'large'), 1_000_000)
  const { errno, to } = copy(folder, { bytes: 500_000 })
  expect(errno).toBe(Errno.NOSPC)
  expect(to.quota.hasRefused).toBe(true)
  expect(copy(folder, { files: 0 }).errno).toBe(Errno.NOSPC)
  mkdirSync(join(folder, 'a/b/c'), { recursive: true })
  expect(copy(folder, { depth: 2 }).errno).toBe(Errno.MLINK)
})
