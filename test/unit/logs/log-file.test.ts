import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  linkSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LogsError } from '../../../src/logs/errors.ts'
import { LOCAL_LOG_LIMITS } from '../../../src/logs/limits.ts'
import { LogFile } from '../../../src/logs/log-file.ts'

let folder = ''
let path = ''
let file: LogFile
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-log-'))
  path = join(folder, 'a.log')
  file = new LogFile(path, LOCAL_LOG_LIMITS)
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
  expect(new LogFile(path, LOCAL_LOG_LIMITS).lastLines(() => false)).toEqual(lines)
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

test('a step has no more than it may; a file that is moved away meanwhile is read to its end first', () => {
  writeFileSync(path, '')
  all()
  const lines = Array.from({ length: 40_000 }, (_, number) => `line ${number} of many`)
  appendFileSync(path, `${lines.join('\n')}\n`)
  const found = [...file.newLines()]
  expect(found.length).toBeLessThan(20_000)
  expect(file.isAtEnd).toBe(false)
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'after\n')
  while (!file.isAtEnd) found.push(...file.newLines())
  found.push(...file.newLines())
  expect(found).toEqual([...lines, 'after'])
})

test('a reader that is too far behind goes on near the end, with a whole line', () => {
  writeFileSync(path, '')
  const slow = new LogFile(path, { ...LOCAL_LOG_LIMITS, behindBytes: 10_000 })
  slow.lastLines(() => true)
  appendFileSync(path, 'a line that is 32 bytes long ...\n'.repeat(10_000))
  const lines = slow.newLines()
  expect(new Set(lines)).toEqual(new Set(['a line that is 32 bytes long ...']))
  expect(lines.length).toBe(303)
  expect(slow.takeSkippedBytes()).toBe(320_000)
  expect(slow.takeSkippedBytes()).toBe(0)
  slow.close()
})

test('a FIFO is waited for by nobody; a link and a second name are no matter here, and refused where others could make them', () => {
  execFileSync('mkfifo', [path])
  expect(all).toThrow(LogsError)
  rmSync(path)
  const real = join(folder, 'real.log')
  writeFileSync(real, 'real\n')
  for (const make of [symlinkSync, linkSync]) {
    make(real, path)
    expect(new LogFile(path, LOCAL_LOG_LIMITS).lastLines(() => true)).toEqual(['real'])
    const strict = new LogFile(path, { ...LOCAL_LOG_LIMITS, mayBeLink: false })
    expect(() => strict.lastLines(() => true)).toThrow(
      expect.objectContaining({ code: 'LOGS_UNREADABLE' }),
    )
    rmSync(path)
  }
})
