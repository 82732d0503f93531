/** What was found in a folder is believed for a time, by all requests together. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Errno } from '../../../src/wasi/errno.ts'
import type { DirectoryNode, Node } from '../../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../../src/wasi/host-directory.ts'
import {
  MOST_FOLDERS,
  MOST_REMEMBERED,
  RememberedTree,
} from '../../../src/wasi/remembered-directory.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { openPaths } from '../../support/open-paths.ts'

const LIFE_MS = 1000

let base = ''
let clock = new FakeClock()

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-remembered-')))
  clock = new FakeClock()
})
afterEach(() => {
  clock.advance(LIFE_MS) // closes what is remembered
  rmSync(base, { recursive: true, force: true })
})

function makeTree(): RememberedTree {
  return new RememberedTree(() => openHostDirectory(base, { writable: false }), {
    ...{ clock, lifeMs: LIFE_MS },
  })
}

/** One request's look at a name; its size, or minus an errno. */
function look(tree: RememberedTree, name: string): number {
  const root = tree.take()
  const size = sizeIn(root, name)
  root.release()
  return size
}

function sizeIn(folder: DirectoryNode, name: string): number {
  const node = folder.lookup(name)
  if (typeof node === 'number') return -node
  const stat = node.stat()
  if (node.kind === 'directory') node.release()
  return typeof stat === 'number' ? -stat : Number(stat.size)
}

test('a look is believed for so long by whoever asks, and no longer', () => {
  const tree = makeTree()
  expect(look(tree, 'f')).toBe(-Errno.NOENT)
  writeFileSync(join(base, 'f'), 'four')
  clock.advance(LIFE_MS - 1)
  expect(look(tree, 'f')).toBe(-Errno.NOENT)
  clock.advance(1)
  expect(look(tree, 'f')).toBe(4)
  rmSync(join(base, 'f'))
  expect(look(tree, 'f')).toBe(4)
  clock.advance(LIFE_MS)
  expect(look(tree, 'f')).toBe(-Errno.NOENT)
})

test('a request that goes on for longer looks again', () => {
  mkdirSync(join(base, 'a/b'), { recursive: true })
  const root = makeTree().take()
  const folders = (): DirectoryNode[] =>
    [root.lookup('a'), root.descend?.('a/b')].filter(
      (one): one is DirectoryNode => typeof one === 'object',
    )
  const [a, b] = folders()
  if (a === undefined || b === undefined) throw new Error('no folders')
  const seen = (): number[] => [sizeIn(root, 'f'), sizeIn(a, 'f'), sizeIn(b, 'f')]
  expect(seen()).toEqual([-Errno.NOENT, -Errno.NOENT, -Errno.NOENT])
  for (const name of ['f', 'a/f', 'a/b/f']) writeFileSync(join(base, name), name)
  expect(seen()).toEqual([-Errno.NOENT, -Errno.NOENT, -Errno.NOENT])
  clock.advance(LIFE_MS)
  expect(seen()).toEqual([1, 3, 5])
  for (const one of [a, b, root]) one.release()
})

test('folders are closed when that is over, though nobody asks any more', () => {
  mkdirSync(join(base, 'a/b'), { recursive: true })
  const before = openPaths(base).length
  const tree = makeTree()
  const root = tree.take()
  for (const found of [root.lookup('a'), root.descend?.('a/b'), root.descend?.('a/b')]) {
    if (typeof found === 'object' && found.kind === 'directory') {
      expect(sizeIn(found, 'f')).toBe(-Errno.NOENT)
      found.release()
    }
  }
  root.release()
  expect(openPaths(base).length).toBeGreaterThan(before)
  clock.advance(LIFE_MS)
  expect(openPaths(base).length).toBe(before)
  expect(clock.pending).toBe(0)
})

test('what a request holds stays open until it gives it back', () => {
  mkdirSync(join(base, 'a'))
  writeFileSync(join(base, 'a/f'), 'four')
  const before = openPaths(base).length
  const root = makeTree().take()
  const folder = root.lookup('a')
  if (typeof folder !== 'object' || folder.kind !== 'directory') throw new Error('no folder')
  const file = folder.lookup('f')
  clock.advance(2 * LIFE_MS)
  expect(sizeIn(root, 'n')).toBe(-Errno.NOENT)
  expect(sizeIn(folder, 'n')).toBe(-Errno.NOENT)
  if (typeof file !== 'object' || file.kind !== 'file') throw new Error('no file')
  const opened = file.open({ read: true, write: false, truncate: false })
  expect(opened).toMatchObject({ kind: 'file' })
  if (typeof opened === 'object' && opened.kind === 'file') opened.close()
  folder.release()
  root.release()
  expect(openPaths(base).length).toBe(before)
})

/** A folder of nothing that counts the looks at it. */
function counting(answer: (name: string) => Node | number): {
  looks: number
  tree: RememberedTree
} {
  const counted = { looks: 0, tree: makeTree() }
  const empty = openHostDirectory(base, { writable: false })
  const folder: DirectoryNode = Object.assign(Object.create(empty) as DirectoryNode, {
    retain: () => undefined,
    release: () => undefined,
    lookup: (name: string) => {
      counted.looks += 1
      return answer(name)
    },
  })
  empty.release()
  counted.tree = new RememberedTree(() => folder, { clock, lifeMs: LIFE_MS })
  return counted
}

test('only that nothing is there is remembered of errors', () => {
  const counted = counting((name) => (name === 'n' ? Errno.NOENT : Errno.MFILE))
  for (let times = 0; times < 3; times += 1) {
    expect(look(counted.tree, 'n')).toBe(-Errno.NOENT)
    expect(look(counted.tree, 'e')).toBe(-Errno.MFILE)
  }
  expect(counted.looks).toBe(1 + 3)
})

test('so many names are remembered, and no more', () => {
  const counted = counting(() => Errno.NOENT)
  const lookAtAll = (): number => {
    const before = counted.looks
    for (let each = 0; each < MOST_REMEMBERED + 10; each += 1) look(counted.tree, `${each}`)
    return counted.looks - before
  }
  expect([lookAtAll(), lookAtAll()]).toEqual([MOST_REMEMBERED + 10, 10])
  clock.advance(LIFE_MS)
  expect(lookAtAll()).toBe(MOST_REMEMBERED + 10)
})

test('so many folders are remembered, and no more', () => {
  mkdirSync(join(base, 'a'))
  const folder = openHostDirectory(join(base, 'a'), { writable: false })
  const counted = counting(() => {
    folder.retain()
    return folder
  })
  const lookAtAll = (): number => {
    const before = counted.looks
    for (let each = 0; each < MOST_FOLDERS + 10; each += 1) look(counted.tree, `${each}`)
    return counted.looks - before
  }
  // The one they are found in is one, too.
  expect([lookAtAll(), lookAtAll()]).toEqual([MOST_FOLDERS + 10, 11])
  clock.advance(LIFE_MS)
  expect(lookAtAll()).toBe(MOST_FOLDERS + 10)
  clock.advance(LIFE_MS)
  folder.release()
})
