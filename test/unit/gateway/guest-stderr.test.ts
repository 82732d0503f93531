import { expect, test } from 'vitest'
import {
  DEFAULT_STDERR_LIMITS,
  GuestStderr,
  QUIET_MS,
  type StderrOwner,
  UNFINISHED_MS,
} from '../../../src/gateway/guest-stderr.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { CollectingSink } from '../../support/guest.ts'

function ownerOf(forward: CollectingSink, lines: string[], startMs = 0): StderrOwner {
  return {
    startMs,
    forward: (bytes) => forward.write(bytes),
    log: (line, isFailure) => lines.push(isFailure ? `error: ${line}` : line),
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
  const { clock, lines, forward, stderr, write } = setUp()
  for (const part of ['on', 'e', '\n', 'two\r\n', 'thr', 'ee']) write(part)
  expect(lines).toEqual(['one'])
  clock.advance(QUIET_MS)
  expect(lines).toEqual(['one', 'two'])
  stderr.end()
  expect(lines).toEqual(['one', 'two', 'three'])
  expect(forward.text).toBe('one\ntwo\nthree\n')
})

const FRAMES =
  'Traceback (most recent call last):\n  File "/app/a.py", line 3, in view\n    return 1 / 0'

/** What is written, a write each, and what the log has of it. */
const MESSAGES: ReadonlyArray<{
  name: string
  writes: readonly string[]
  says: readonly string[]
}> = [
  { name: 'what is printed', writes: ['one', '\n', 'two', '\n'], says: ['one', 'two'] },
  { name: 'several lines of one write', writes: ['one\ntwo\n\n'], says: ['one\ntwo'] },
  {
    name: 'lines that are set in',
    writes: ['one:\n', '  a\n', '\tb\n', 'two\n'],
    says: ['one:\n  a\n\tb', 'two'],
  },
  {
    name: "Python's traceback, in pieces, and something else behind it",
    writes: [
      ...FRAMES.split(/(?<=[\n",])/),
      '\n',
      'ZeroDivisionError',
      ': ',
      'division by zero',
      '\n',
      'more\n',
    ],
    says: [`error: ${FRAMES}\nZeroDivisionError: division by zero`, 'more'],
  },
  {
    name: 'two exceptions, one of which has come of the other',
    writes: [
      ...`${FRAMES}\nKeyError: 1\n`.split(/(?<=\n)/),
      '\nDuring handling of the above exception, another exception occurred:\n\n',
      ...`${FRAMES}\nValueError: 2\n`.split(/(?<=\n)/),
    ],
    says: [
      `error: ${FRAMES}\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\n${FRAMES}\nValueError: 2`,
    ],
  },
  {
    name: "what Python's logging makes of an exception",
    writes: ['one\n', `Exception on / [GET]\n${FRAMES}\nKeyError: 1\n`, 'two\n'],
    says: ['one', `error: Exception on / [GET]\n${FRAMES}\nKeyError: 1`, 'two'],
  },
  {
    name: 'PHP',
    writes: [
      'PHP Warning:  one in /a.php on line 1\n',
      'PHP Fatal error:  Uncaught Exception: two in /a.php:2\nStack trace:\n#0 {main}\n  thrown in /a.php on line 2\n',
    ],
    says: [
      'PHP Warning:  one in /a.php on line 1',
      'error: PHP Fatal error:  Uncaught Exception: two in /a.php:2\nStack trace:\n#0 {main}\n  thrown in /a.php on line 2',
    ],
  },
  {
    name: 'Rust',
    writes: [
      "\nthread 'main' panicked at src/main.rs:2:5:\n",
      'boom',
      '\n',
      'note: run with `RUST_BACKTRACE=1`\n',
    ],
    says: [
      "error: thread 'main' panicked at src/main.rs:2:5:\nboom\nnote: run with `RUST_BACKTRACE=1`",
    ],
  },
  {
    name: 'Go',
    writes: [
      'panic: boom\n',
      '\ngoroutine 1 [running]:\n',
      'main.main()\n',
      '\t/src/main.go:4 +0x2\n',
    ],
    says: ['error: panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:4 +0x2'],
  },
]

test.each(MESSAGES)('$name', ({ writes, says }) => {
  const lines: string[] = []
  const forward = new CollectingSink()
  const stderr = new GuestStderr(ownerOf(forward, lines), DEFAULT_STDERR_LIMITS, new FakeClock())
  stderr.release()
  for (const part of writes) stderr.write(Buffer.from(part))
  stderr.end()
  expect(lines).toEqual(says)
  expect(forward.text, 'the same for the web server').toBe(
    says.map((message) => `${message.replace(/^error: /, '')}\n`).join(''),
  )
})

test('empty lines make no entry longer than others', () => {
  const { lines, stderr, write } = setUp()
  write(`one\n${'\n'.repeat(100_000)}two\n`)
  stderr.end()
  expect(lines).toEqual(['one\n\n\ntwo'])
})

test('what is too long for one entry goes on in the next', () => {
  const { lines, stderr, write } = setUp({ ...DEFAULT_STDERR_LIMITS })
  for (let count = 0; count < 10; count += 1) write(`  ${'x'.repeat(1021)}\n`)
  stderr.end()
  expect(lines.map((message) => message.split('\n').length)).toEqual([6, 4])
})

test('the web server gets nothing before the header of the response, the log does not wait for it', () => {
  const forward = new CollectingSink()
  const lines: string[] = []
  const clock = new FakeClock()
  const stderr = new GuestStderr(ownerOf(forward, lines), DEFAULT_STDERR_LIMITS, clock)
  stderr.write(Buffer.from('one\n'))
  stderr.write(Buffer.from('two\n'))
  clock.advance(QUIET_MS)
  expect({ lines, sent: forward.text }).toEqual({ lines: ['one', 'two'], sent: '' })
  stderr.release()
  expect(forward.text).toBe('one\ntwo\n')
  stderr.write(Buffer.from('three\n'))
  stderr.end()
  expect(forward.text).toBe('one\ntwo\nthree\n')
  expect(clock.pending, 'no timer is left').toBe(0)
})

test('a traceback that has not come to its reason is waited for, a while', () => {
  const { clock, lines, write } = setUp({
    lineBytes: 80,
    bytesPerSecond: 5_000,
    totalBytes: 11_000,
  })
  for (const line of FRAMES.split('\n')) {
    write(`${line}\n`)
    clock.advance(UNFINISHED_MS - 1)
  }
  write('ZeroDivisionError: division by zero\n')
  clock.advance(QUIET_MS)
  expect(lines).toEqual([`error: ${FRAMES}\nZeroDivisionError: division by zero`])
  write(`${FRAMES}\n`)
  clock.advance(UNFINISHED_MS)
  expect(lines.slice(1)).toEqual([`error: ${FRAMES}`])
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
  const { lines, forward, stderr, write } = setUp()
  write('a\x1b[2Jb\rc\0d\n')
  stderr.end()
  expect(lines).toEqual(['a.[2Jb.c.d'])
  expect(forward.text).toBe('a.[2Jb.c.d\n')
})

test('UTF-8 stays readable in the log and whole on the wire', () => {
  const { lines, forward, stderr, write } = setUp()
  write('käse\n')
  stderr.end()
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
  clock.advance(1000)
  expect(lines).toHaveLength(5)
  for (let count = 0; count < 20; count += 1) write('abcdefghij\n')
  clock.advance(QUIET_MS)
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
