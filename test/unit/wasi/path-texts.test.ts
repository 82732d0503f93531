import { expect, test } from 'vitest'
import { PathTexts, takeApart } from '../../../src/wasi/path-texts.ts'

const NOT_UTF8 = [0x61, 0xff]

test.each([
  ['a/b/c', '', 'a/b', 'c', 2],
  ['c', '', '', 'c', 0],
  ['/c', '', '', 'c', 0],
  ['a/', '/', '', 'a', 0],
  ['a/b/', '/', 'a', 'b', 1],
  ['a/.', '/.', '', 'a', 0],
  ['a/b/.', '/.', 'a', 'b', 1],
  ['a/b//', '/', 'a/b', '', 2],
  ['a/b/./', '/', 'a/b', '', 2],
  ['a/..', '', 'a', '', 1],
  ['a/../', '/', 'a', '', 1],
  ['a/...', '', 'a', '...', 1],
  ['.../b/c', '', '.../b', 'c', 2],
  ['a/./c', '', 'a/.', 'c', 0],
  ['../b/c', '', '../b', 'c', 0],
  ['a//c', '', 'a/', 'c', 0],
  ['/a/c', '', '/a', 'c', 0],
  ['.', '', '', '', 0],
  ['./', '/', '', '', 0],
  ['/.', '/.', '', '', 0],
  ['/', '/', '', '', 0],
  ['', '', '', '', 0],
] as const)('%j is taken apart', (text, end, folder, name, folders) => {
  expect(takeApart(text)).toEqual({ text, end, folder, name, folders })
})

test('whatever was read before and wherever it is, bytes are the text that they are', () => {
  const texts = new PathTexts()
  const memory = new Uint8Array(4096)
  // More than there are places for, of all lengths, so that many share one.
  const paths = Array.from({ length: 3000 }, (_, at) => `${'é/'.repeat(at % 150)}${at}`)
  for (const [at, path] of [...paths, ...paths.toReversed()].entries()) {
    const start = at % 7
    const { written } = new TextEncoder().encodeInto(path, memory.subarray(start))
    for (const _ of ['for the first time', 'again']) {
      expect(texts.read(memory, start, written)).toEqual(takeApart(path))
    }
  }
})

test('what is no UTF-8 is none the second time either', () => {
  const texts = new PathTexts()
  for (const length of [2, 300]) {
    const bytes = new Uint8Array(length)
    bytes.set(NOT_UTF8)
    for (const _ of ['for the first time', 'again']) {
      expect(() => texts.read(bytes, 0, length)).toThrow(TypeError)
    }
  }
})

test('a path is kept when it is asked for again, and not for what is asked for once', () => {
  const texts = new PathTexts()
  const read = (path: string) => {
    const bytes = new TextEncoder().encode(path)
    return texts.read(bytes, 0, bytes.length)
  }
  const first = read('é/a')
  const second = read('é/a')
  expect(second).not.toBe(first)
  expect(read('é/a')).toBe(second)
})

test('of many paths that are asked for again and again most are kept', () => {
  const texts = new PathTexts()
  const read = (path: string) => {
    const bytes = new TextEncoder().encode(path)
    return texts.read(bytes, 0, bytes.length)
  }
  const paths = Array.from({ length: 400 }, (_, at) => `srv/wiki/lib/plugins/${at * 7}/action.php`)
  const latest = [1, 2, 3].map(() => paths.map(read)).at(-1)
  const kept = paths.filter((path, at) => read(path) === latest?.[at])
  expect(kept.length).toBeGreaterThan(350)
})
