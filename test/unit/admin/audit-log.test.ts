/** Audit lines are whole, and what cannot be written is in the server's log at once: no answer waits for a bad place. */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type AuditLine, AuditLog, type AuditLogParts } from '../../../src/admin/audit-log.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { createLogger } from '../../../src/base/logger.ts'

const LINE: AuditLine = { who: 'local', from: 'unix', what: 'x', request: '1', status: 200, ms: 1 }

const NO_SINKS = {
  stream: (): never => {
    throw new Error('this is no stream')
  },
}

interface Place {
  readonly name: string
  readonly make: (folder: string) => string
  readonly isWritten: boolean
}

function fifo(folder: string): string {
  const path = join(folder, 'fifo')
  execFileSync('mkfifo', [path])
  return path
}

/** A FIFO that is full. */
function stalled(folder: string): string {
  const path = fifo(folder)
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  onTestFinished(() => closeSync(fd))
  try {
    for (;;) writeSync(fd, Buffer.alloc(4096))
  } catch {
    return path
  }
}

const PLACES: readonly Place[] = [
  { name: 'a file', make: (folder) => join(folder, 'audit.log'), isWritten: true },
  { name: '/dev/full', make: () => '/dev/full', isWritten: false },
  { name: 'a FIFO without a reader', make: fifo, isWritten: false },
  { name: 'a FIFO whose reader stands still', make: stalled, isWritten: false },
  { name: 'a missing folder', make: (folder) => join(folder, 'none', 'log'), isWritten: false },
]

test.for(PLACES)('$name: written $isWritten', async ({ make, isWritten }) => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-audit-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = make(folder)
  const said: string[] = []
  const logger = createLogger('info', false, { write: (line) => said.push(line) })
  const log = new AuditLog(path, { clock: systemClock, logger, sinks: NO_SINKS })
  await Promise.all(Array.from({ length: 20 }, () => log.write(LINE)))
  expect(said.length).toBe(isWritten ? 0 : 20)
  for (const line of said) {
    expect(JSON.parse(JSON.parse(line).audit)).toMatchObject(LINE)
  }
  if (!isWritten) return
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  expect(lines.length).toBe(20)
  for (const line of lines) expect(JSON.parse(line)).toMatchObject(LINE)
})

test.each([
  ['/dev/stdout', 1],
  ['/proc/self/fd/1', 1],
  ['/dev/stderr', 2],
])('%s is stream %i, and no file', async (path, stream) => {
  const lines: [number, string][] = []
  const sinks = { stream: (fd: number) => ({ write: (line: string) => lines.push([fd, line]) }) }
  const log = new AuditLog(path, {
    ...{ clock: systemClock, logger: createLogger('silent') },
    sinks: sinks as unknown as AuditLogParts['sinks'],
  })
  await log.write(LINE)
  expect(lines).toEqual([[stream, expect.stringMatching(/^\{"when":.*"status":200,.*\}\n$/)]])
})
