import { expect, test } from 'vitest'
import { LineLimit } from '../../../src/base/line-limit.ts'

const limit = new LineLimit(200)

/** Without its newline, of which there has to be one. */
function cut(line: string): string {
  const shorter = limit.cut(`${line}\n`)
  expect(shorter).toMatch(/^[^\n]*\n$/)
  return shorter.slice(0, -1)
}

test('a line that is not too long stays as it is, whatever is in it', () => {
  for (const line of [
    '',
    '{"a":1}',
    'x'.repeat(200),
    'é'.repeat(100),
    `{"a":"${'x'.repeat(190)}"}`,
  ])
    expect(cut(line)).toBe(line)
})

test('text is cut between characters and says how long it was', () => {
  expect(cut('x'.repeat(201))).toBe(`${'x'.repeat(172)} ... (cut from 201 bytes)`)
  const shorter = cut('é'.repeat(300))
  expect(shorter).toMatch(/^é{80,90}\ufffd? \.\.\. \(cut from 600 bytes\)$/)
  expect(Buffer.byteLength(shorter)).toBeLessThanOrEqual(200)
})

test('JSON stays JSON: its longest texts are cut', () => {
  const line = JSON.stringify({ level: 30, uri: 'u'.repeat(500), peer: { name: 'n'.repeat(90) } })
  const shorter = cut(line)
  expect(shorter.length).toBeLessThanOrEqual(200)
  const read = JSON.parse(shorter)
  expect(read).toMatchObject({ level: 30, cutFromBytes: line.length })
  expect('u'.repeat(500).startsWith(read.uri)).toBe(true)
  expect(read.uri.length).toBeGreaterThanOrEqual(64)
})

test('texts of many bytes and those that JSON makes longer are cut until the line fits', () => {
  for (const text of ['é', '\u0001', '😀']) {
    const shorter = cut(JSON.stringify({ uri: text.repeat(900) }))
    expect(Buffer.byteLength(shorter)).toBeLessThanOrEqual(200)
  }
})

test('what has no long texts, or only begins like JSON, is cut like text', () => {
  for (const line of [JSON.stringify({ list: Array(150).fill(1) }), `{${'x'.repeat(300)}`]) {
    const shorter = cut(line)
    expect(shorter).toMatch(/ \.\.\. \(cut from \d+ bytes\)$/)
    expect(shorter.length).toBeLessThanOrEqual(200)
  }
})
