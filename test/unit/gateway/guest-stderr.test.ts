import { expect, test } from 'vitest'
import {
  DEFAULT_STDERR_LIMITS,
  GuestStderr,
  type StderrOwner,
} from '../../../src/gateway/guest-stderr.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { CollectingSink } from '../../support/guest.ts'

function ownerOf(forward: CollectingSink, lines: string[], startMs = 0): StderrOwner {
  return {
    startMs,
    forward: (bytes) => forward.write(bytes),
    log: (line) => lines.push(line),
  }
}

/** Lines of 10 bytes count for 110: five a second. */
function setUp(limits = { lineBytes: 20, bytesPerSecond: 550, totalBytes: 11_000 }) {
  const clock = new FakeClock()
  const forward = new CollectingSink()
  const lines: string[] = []
  const stderr = new GuestStderr(ownerOf(forward, lines, clock.nowMs()), limits, clock)
  const write = (text: string) => stderr.write(Buffer.from(text))
  stderr.release()
  return { clock, forward, lines, stderr, write }
}

test('lines are put together however they are written', () => {
  const { lines, forward, stderr, write } = setUp()
  for (const part of ['on', 'e\ntw', 'o\r\n\nthree']) write(part)
  expect(lines).toEqual(['one', 'two'])
  stderr.end()
  expect(lines).toEqual(['one', 'two', 'three'])
  expect(forward.text).toBe('one\ntwo\nthree\n')
})

test('the web server gets nothing before the header of the response, the log at once', () => {
  const forward = new CollectingSink()
  const lines: string[] = []
  const stderr = new GuestStderr(ownerOf(forward, lines), DEFAULT_STDERR_LIMITS, new FakeClock())
  stderr.write(Buffer.from('one\ntwo\n'))
  expect({ lines, sent: forward.text }).toEqual({ lines: ['one', 'two'], sent: '' })
  stderr.release()
  expect(forward.text).toBe('one\ntwo\n')
  stderr.write(Buffer.from('three\n'))
  expect(forward.text).toBe('one\ntwo\nthree\n')
})

test('what waits for the header is bounded, however much a tenant may print', () => {
  const forward = new CollectingSink()
  const limits = { lineBytes: 1000, totalBytes: 1_000_000_000, bytesPerSecond: 1_000_000_000 }
  const stderr = new GuestStderr(ownerOf(forward, []), limits, new FakeClock())
  for (let line = 0; line < 1000; line += 1) stderr.write(Buffer.from(`${'x'.repeat(999)}\n`))
  stderr.release()
  expect(forward.text.length).toBe(65_000)
})

test('control characters cannot forge a log line or move a cursor', () => {
  const { lines, forward, write } = setUp()
  write('a\x1b[2Jb\rc\0d\n')
  expect(lines).toEqual(['a.[2Jb.c.d'])
  expect(forward.text).toBe('a.[2Jb.c.d\n')
})

test('UTF-8 stays readable in the log and whole on the wire', () => {
  const { lines, forward, write } = setUp()
  write('käse\n')
  expect(lines).toEqual(['käse'])
  expect(Buffer.from(forward.text, 'latin1').toString('utf8')).toBe('käse\n')
})

test('a long line is cut, and the cut is told', () => {
  const { lines, stderr, write } = setUp()
  write(`${'x'.repeat(30)}\n`)
  stderr.end()
  expect(lines).toEqual(['x'.repeat(20), '[10 bytes of standard error were cut]'])
})

test('a flood is cut to so many bytes a second', () => {
  const { clock, lines, stderr, write } = setUp()
  for (let count = 0; count < 20; count += 1) write('0123456789\n')
  expect(lines).toHaveLength(5)
  clock.advance(1000)
  for (let count = 0; count < 20; count += 1) write('abcdefghij\n')
  expect(lines).toHaveLength(10)
  stderr.end()
  expect(lines.at(-1)).toBe('[300 bytes of standard error were cut]')
})

test('a request that runs for long is cut in the end', () => {
  const { clock, lines, write } = setUp({ lineBytes: 20, bytesPerSecond: 550, totalBytes: 660 })
  for (let second = 0; second < 10; second += 1) {
    for (let count = 0; count < 5; count += 1) write('0123456789\n')
    clock.advance(1000)
  }
  expect(lines).toHaveLength(6)
})

test('a guest never waits for its log', () => {
  const { write } = setUp()
  expect(write('x'.repeat(1_000_000))).toBe(1_000_000)
})
