import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LogFile } from '../../../../src/cli/logs/log-file.ts'

let folder = ''
let path = ''
let file: LogFile
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-log-'))
  path = join(folder, 'a.log')
  file = new LogFile(path)
})
afterEach(() => {
  file.close()
  rmSync(folder, { recursive: true })
})

const all = (): readonly string[] => file.lastLines(() => false)

test('the last lines, then those that come', () => {
  writeFileSync(path, 'one\ntwo\nthr')
  expect(all()).toEqual(['one', 'two'])
  appendFileSync(path, 'ee\nfour\nfi')
  expect(file.newLines()).toEqual(['three', 'four'])
  expect(file.newLines()).toEqual([])
  appendFileSync(path, 've\n')
  expect(file.newLines()).toEqual(['five'])
})

test('a long file is read from its end only, and never from the middle of a line', () => {
  const lines = Array.from({ length: 30_000 }, (_, number) => `line ${number} ü`)
  writeFileSync(path, `${lines.join('\n')}\n`)
  const found = file.lastLines((some) => some.length >= 10)
  expect(found.length).toBeLessThan(20_000)
  expect(found).toEqual(lines.slice(-found.length))
  expect(new LogFile(path).lastLines(() => false)).toEqual(lines)
})

test('a file that comes later', () => {
  expect(all()).toEqual([])
  expect(file.newLines()).toEqual([])
  writeFileSync(path, 'first\n')
  expect(file.newLines()).toEqual(['first'])
})

test('moved away: its last lines, also those that come late, then those of the new file', () => {
  writeFileSync(path, 'old 1\n')
  expect(all()).toEqual(['old 1'])
  appendFileSync(path, 'old 2\n')
  renameSync(path, join(folder, 'a.log.1'))
  expect(file.newLines()).toEqual(['old 2'])
  appendFileSync(join(folder, 'a.log.1'), 'old 3\n')
  expect(file.newLines()).toEqual(['old 3'])
  writeFileSync(path, 'new 1\n')
  expect(file.newLines()).toEqual(['new 1'])
  appendFileSync(join(folder, 'a.log.1'), 'old 4\n')
  appendFileSync(path, 'new 2\n')
  expect(file.newLines()).toEqual(['old 4', 'new 2'])
})

test('emptied in place: it is read from its start', () => {
  writeFileSync(path, 'one\ntwo\nunfin')
  expect(all()).toEqual(['one', 'two'])
  truncateSync(path)
  expect(file.newLines()).toEqual([])
  appendFileSync(path, 'three\n')
  expect(file.newLines()).toEqual(['three'])
})

test('a character cut in two by a write', () => {
  writeFileSync(path, '')
  all()
  const bytes = Buffer.from('aü\n')
  appendFileSync(path, bytes.subarray(0, 2))
  expect(file.newLines()).toEqual([])
  appendFileSync(path, bytes.subarray(2))
  expect(file.newLines()).toEqual(['aü'])
})
