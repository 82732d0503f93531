import { expect, test } from 'vitest'
import { readEntries, readEntry } from '../../../src/logs/log-entry.ts'

const CASES = [
  {
    name: 'JSON with a time as text',
    line: '{"level":30,"time":"2026-11-23T08:00:00.250Z","tenant":"acme","msg":"access"}',
    timeMs: Date.UTC(2026, 10, 23, 8, 0, 0, 250),
    tenant: 'acme',
  },
  {
    name: 'JSON with a time as a number',
    line: '{"level":40,"time":1767225600000,"msg":"slow request","tenant":"a"}',
    timeMs: 1_767_225_600_000,
    tenant: 'a',
  },
  { name: 'JSON without either', line: '{"msg":"x"}', timeMs: undefined, tenant: undefined },
  { name: 'a tenant that is no name', line: '{"tenant":5}', timeMs: undefined, tenant: undefined },
  {
    name: 'a time that is no text',
    line: '{"time":{"toString":1}}',
    timeMs: undefined,
    tenant: undefined,
  },
  { name: 'broken JSON', line: '{"time":', timeMs: undefined, tenant: undefined },
  {
    name: "php-fpm's format",
    line: '127.0.0.1 - - 23/Nov/2026:09:00:00 +0100 "GET /x" 200',
    timeMs: Date.UTC(2026, 10, 23, 8),
    tenant: undefined,
  },
  {
    name: 'text for people',
    line: '[08:00:00.000] INFO: access\n    tenant: "acme"\n    status: 200',
    timeMs: undefined,
    tenant: 'acme',
  },
] as const

test.for(CASES)('$name', ({ line, timeMs, tenant }) => {
  expect(readEntry(line)).toMatchObject({ text: line, timeMs, tenant })
})

test('lines that start with a space belong to the entry before them', () => {
  const texts = readEntries(['  cut off', 'one', '  more', '', '{"msg":"two"}']).map(
    ({ text }) => text,
  )
  expect(texts).toEqual(['  cut off', 'one\n  more', '{"msg":"two"}'])
})

/** From each line all others would be looked through: for minutes, where each is looked at once. */
const MANY = 500_000

test.for([
  { name: 'lines of spaces', line: ' \n' },
  { name: 'returns', line: ' \r' },
  { name: 'line separators', line: ' \u2028' },
  { name: 'starts of a tenant', line: ' tenant: "\n' },
  { name: 'brackets', line: ' \n[1:1] a b c -> 20\n' },
])('a log made of $name is read in one go', ({ line }) => {
  const text = `x\n${line.repeat(MANY / line.length)}\n nobody's`
  expect(readEntries(text.split('\n')).at(-1)?.tenant).toBe(undefined)
})
