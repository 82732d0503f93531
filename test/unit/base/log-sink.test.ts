/** A log keeps a bounded number of whole lines, never waits, and says what it dropped. */
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { LogPort } from '../../../src/base/log-port.ts'
import { LogMemory, LogSink } from '../../../src/base/log-sink.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const BASE = join(import.meta.dirname, '../../../src/base')

/** What a port does with the bytes it is given: takes so many, or fails. */
type Conduct = (bytes: Uint8Array) => number | Promise<number>

const takesAll: Conduct = (bytes) => bytes.length
const fails =
  (code: string): Conduct =>
  () => {
    throw Object.assign(new Error(code), { code })
  }

function setUp({ limitBytes = 4096, memory = new LogMemory(limitBytes), batchBytes = 4096 } = {}) {
  const clock = new FakeClock()
  const writes: string[] = []
  const said: string[] = []
  const port = { conduct: takesAll }
  const write = (bytes: Uint8Array): number | Promise<number> => {
    const taken = port.conduct(bytes)
    const note = (count: number): number => {
      writes.push(Buffer.from(bytes).toString('utf8', 0, count))
      return count
    }
    return typeof taken === 'number' ? note(taken) : taken.then(note)
  }
  const opened: LogPort = {
    batchBytes,
    write,
    writeLast: (bytes) => Number(write(bytes)),
    close: () => undefined,
  }
  const sink = new LogSink({
    clock,
    memory,
    open: () => opened,
    onTrouble: (problem) => said.push(problem),
    onDropped: (lines) => said.push(`dropped ${lines}`),
  })
  return { clock, memory, port, said, sink, writes }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('lines that may wait are one write with those of some milliseconds', async () => {
  const { clock, sink, writes } = setUp()
  sink.gather('a\n')
  await turn()
  sink.gather('b\n')
  await turn()
  expect([writes, clock.pending]).toEqual([[], 1])
  clock.advance(5)
  expect(writes).toEqual(['a\nb\n'])
  sink.gather('c\n')
  sink.write('d\n')
  await turn()
  expect(writes).toEqual(['a\nb\n'])
  clock.advance(5)
  expect(writes).toEqual(['a\nb\n', 'c\nd\n'])
})

test('lines that may wait do not wait when they are many, nor when the process ends', async () => {
  const { sink, writes } = setUp({ limitBytes: 1024 * 1024, batchBytes: 1024 * 1024 })
  const line = `${'x'.repeat(1023)}\n`
  for (let count = 0; count < 64; count += 1) sink.gather(line)
  await turn()
  expect(writes.join('').length).toBe(64 * 1024)
  sink.gather('last\n')
  expect(sink.flushNow()).toBe(true)
  expect(writes.at(-1)).toBe('last\n')
  sink.gather('idle\n')
  await sink.idle()
  expect(writes.at(-1)).toBe('idle\n')
})

test('lines of a turn are one write, and so are those of the milliseconds after it', async () => {
  const { clock, sink, writes } = setUp()
  sink.write('a\n')
  sink.write('b\n')
  expect(writes).toEqual([])
  await turn()
  expect(writes).toEqual(['a\nb\n'])
  for (const line of ['c\n', 'd\n', 'e\n']) {
    sink.write(line)
    await turn()
  }
  expect(writes).toEqual(['a\nb\n'])
  clock.advance(5)
  expect(writes).toEqual(['a\nb\n', 'c\nd\ne\n'])
  clock.advance(5)
  expect(clock.pending).toBe(0)
  sink.write('after some quiet\n')
  await turn()
  expect(writes.at(-1)).toBe('after some quiet\n')
})

test('a write has so many bytes at most, and a longer line is written alone', async () => {
  const { sink, writes } = setUp({ limitBytes: 100_000 })
  const line = `${'é'.repeat(1000)}\n`
  const long = `${'x'.repeat(9000)}\n`
  for (const each of [line, line, line, long, line]) sink.write(each)
  await turn()
  expect(writes).toEqual([line + line, line, long, line])
})

test.each(['EAGAIN', 'ENOSPC', 'EPIPE', 'EIO'])(
  'while it gets %s, memory is bounded; then whole lines come, and how many did not',
  async (code) => {
    const { clock, memory, port, said, sink, writes } = setUp()
    port.conduct = fails(code)
    for (let line = 0; line < 1000; line += 1) {
      sink.write(`line ${line}\n`)
      if (line % 100 === 0) await turn()
      // Half of it, and a line.
      expect(memory.usedBytes).toBeLessThanOrEqual(2048 + 80)
    }
    expect(memory.droppedLines).toBeGreaterThan(900)
    expect(said.length).toBe(1)
    port.conduct = takesAll
    clock.advance(1000)
    const lines = writes.join('').split('\n').slice(0, -1)
    expect(lines).toEqual(lines.map((_, line) => `line ${line}`))
    expect(lines.length + memory.droppedLines).toBe(1000)
    expect(said[1]).toBe(`dropped ${memory.droppedLines}`)
    expect(memory.usedBytes).toBe(0)
  },
)

test('a write that is cut short is finished before anything else', async () => {
  const { clock, port, sink, writes } = setUp()
  let isFirst = true
  port.conduct = (bytes) => {
    if (bytes.length < 8) return fails('EAGAIN')(bytes)
    if (!isFirst) return bytes.length
    isFirst = false
    return bytes.length - 3
  }
  sink.write('one line\n')
  await turn()
  sink.write('another\n')
  await turn()
  expect(writes).toEqual(['one li'])
  port.conduct = takesAll
  clock.advance(1000)
  expect(writes.join('')).toBe('one line\nanother\n')
})

test('a log that takes nothing leaves room for the others', async () => {
  const memory = new LogMemory(4096)
  const stalled = setUp({ memory })
  const other = setUp({ memory })
  stalled.port.conduct = fails('EAGAIN')
  for (let line = 0; line < 1000; line += 1) stalled.sink.write('x\n')
  other.sink.write('y\n')
  await turn()
  expect(other.writes).toEqual(['y\n'])
})

test('a full log that is opened again and again takes what it has kept when there is space, and room is back', async () => {
  const { clock, memory, port, said, sink, writes } = setUp({ limitBytes: 1024 })
  port.conduct = fails('ENOSPC')
  for (let rotations = 0; rotations < 20; rotations++) {
    sink.write(`${rotations} ${'x'.repeat(50)}\n`)
    await turn()
    sink.reopen()
  }
  const kept = 20 - memory.droppedLines
  port.conduct = takesAll
  clock.advance(1000)
  expect(writes.join('').split('\n')).toHaveLength(kept + 1)
  expect([memory.usedBytes, said.at(-1)]).toEqual([0, `dropped ${20 - kept}`])
})

test('what is left of a line that the file before has in part is not in the next one', async () => {
  const { memory, port, sink, writes } = setUp()
  port.conduct = () => {
    port.conduct = fails('EAGAIN')
    return 6
  }
  for (const line of ['first\n', 'second\n', 'third\n']) sink.write(line)
  await turn()
  expect(writes).toEqual(['first\n'])
  port.conduct = () => {
    port.conduct = fails('EAGAIN')
    return 3
  }
  sink.reopen()
  port.conduct = takesAll
  sink.reopen()
  expect(writes).toEqual(['first\n', 'sec', 'third\n'])
  expect([memory.usedBytes, memory.droppedLines]).toEqual([0, 1])
})

test('one write at a time is under way, and none is waited for at the end', async () => {
  const { port, sink, writes } = setUp()
  const hangs = Promise.withResolvers<number>()
  port.conduct = () => hangs.promise
  sink.write('a\n')
  await turn()
  port.conduct = takesAll
  sink.write('b\n')
  await turn()
  expect(writes).toEqual([])
  expect(sink.flushNow()).toBe(false)
  const idle = sink.idle()
  hangs.resolve(2)
  await idle
  expect(writes).toEqual(['a\n', 'b\n'])
})

test('lines wait for others too when another thread has written those before', async () => {
  const { clock, port, sink, writes } = setUp()
  port.conduct = (bytes) => Promise.resolve(bytes.length)
  for (const line of ['a\n', 'b\n', 'c\n']) {
    sink.write(line)
    await turn()
  }
  expect(writes).toEqual(['a\n'])
  clock.advance(5)
  await turn()
  expect(writes).toEqual(['a\n', 'b\nc\n'])
})

test.each([
  { end: 'process.exit(0)', status: 0 },
  { end: 'throw new Error()', status: 1 },
  { end: 'await sinks.flush()', status: 0 },
])('what was written before $end comes out', ({ end, status }) => {
  const result = runWithSinks(`sinks.stream(2).write('last words\\n')\n${end}`, 'pipe')
  expect(result.stderr).toContain('last words')
  expect(result.status).toBe(status)
})

test('a process ends though a thread of its pool hangs in a write', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-log-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  // Nothing has made it non-blocking, as where that is not allowed.
  const writer = openSync(path, constants.O_WRONLY)
  const program = `for (let line = 0; line < 4; line += 1) sinks.stream(2).write('x'.repeat(65_000) + '\\n')
await sinks.flush()
process.exit(7)`
  const { status, signal } = runWithSinks(program, writer)
  for (const fd of [reader, writer]) closeSync(fd)
  expect({ status, signal }).toEqual({ status: 7, signal: null })
})

function runWithSinks(program: string, stderr: 'pipe' | number) {
  const args = ['--input-type=module', '-e', programOf(program)]
  const {
    status,
    signal,
    stderr: text,
  } = spawnSync(process.execPath, args, {
    stdio: ['ignore', 'ignore', stderr],
    timeout: 8000,
  })
  return { status, signal, stderr: String(text) }
}

function programOf(program: string): string {
  return `import { systemClock } from ${JSON.stringify(`${BASE}/clock.ts`)}
import { LogSinks } from ${JSON.stringify(`${BASE}/log-sinks.ts`)}
const sinks = new LogSinks(systemClock, 1048576)
sinks.writeAtExit()
${program}`
}
