/** Access lines in JSON: the same bytes as pino's own, and written with others. */
import { type LoggerOptions, pino } from 'pino'
import { expect, test } from 'vitest'
import { createLogger, type Logger } from '../../../src/base/logger.ts'
import { type AccessEntry, createAccessLog } from '../../../src/gateway/access-log.ts'

const PLAIN: AccessEntry = {
  requestId: 'r-1',
  tenant: 'acme',
  handler: 'hello.wasm',
  method: 'GET',
  uri: '/hello.wasm?a=b',
  remote: '127.0.0.1',
  status: 200,
  requestBytes: 0,
  responseBytes: 12,
  wallMs: 1.23456,
  cpuMs: 0.1,
  queuedMs: 0,
  memoryBytes: 65_536,
  code: undefined,
  pool: 'www',
  user: '',
  script: '/hello.wasm',
  contentLength: 0,
  startEpochMs: 0,
  endEpochMs: 0,
  pid: 1,
  parentPid: 1,
  variable: () => undefined,
  responseHeader: () => undefined,
}

const STRINGS = {
  quotes: 'a"b\\c',
  'control characters': '\0\b\t\n\f\r\u001b\u001f\u007f\u0080\u009f',
  'line separators': '\u2028\u2029',
  'bytes that are no ASCII': 'caf\u00c3\u00a9 \u00ff',
  'characters outside of the BMP': '\u{1f600}',
  'half a surrogate pair': '\ud83d x \ude00',
  'a long one': 'x"'.repeat(200),
  nothing: '',
}

const NUMBERS = [0, -0, 1e21, 1e-7, 0.0005, 123_456.789_012, Number.NaN, Number.POSITIVE_INFINITY]

const ENTRIES: ReadonlyArray<readonly [string, AccessEntry]> = [
  ['a plain one', PLAIN],
  ['nobody known', { ...PLAIN, tenant: undefined, handler: undefined, code: 'GATEWAY_NO_TENANT' }],
  ...Object.entries(STRINGS).map(([name, text]): readonly [string, AccessEntry] => [
    name,
    {
      ...PLAIN,
      ...{ requestId: text, tenant: text, handler: text, method: text },
      ...{ uri: text, remote: text, code: text },
    },
  ]),
  ...NUMBERS.map((value): readonly [string, AccessEntry] => [
    `the number ${value}`,
    {
      ...PLAIN,
      ...{ status: value, requestBytes: value, responseBytes: value, memoryBytes: value },
      ...{ wallMs: value, cpuMs: value, queuedMs: value },
    },
  ]),
]

const CLOCK = (): string => ',"time":1'

const LOGGERS: ReadonlyArray<readonly [string, LoggerOptions, object]> = [
  ['of a worker', { base: null, timestamp: CLOCK }, { pool: 'p"\u00e9', pid: 12 }],
  ['of a file', { base: null, timestamp: CLOCK }, {}],
]

/** What `createAccessLog` has to print, as pino prints it. */
function byPino(logger: Logger, entry: AccessEntry): void {
  const { requestId, tenant, handler, method, uri, remote, status, code } = entry
  const { requestBytes, responseBytes, memoryBytes } = entry
  const [wallMs, cpuMs, queuedMs] = [entry.wallMs, entry.cpuMs, entry.queuedMs].map(
    (ms) => Math.round(ms * 1000) / 1000,
  )
  logger.info(
    {
      ...{ requestId, tenant, handler, method, uri, remote, status, code },
      ...{ requestBytes, responseBytes, wallMs, cpuMs, queuedMs, memoryBytes },
    },
    'access',
  )
}

for (const [whose, options, bindings] of LOGGERS) {
  for (const [name, entry] of ENTRIES) {
    test(`the logger ${whose}, ${name}: as pino has it`, () => {
      const lines: string[] = []
      const logger = pino(options, { write: (line) => void lines.push(line) }).child(bindings)
      byPino(logger, entry)
      createAccessLog(logger)(entry)
      expect(lines).toHaveLength(2)
      expect(lines[1]).toBe(lines[0])
    })
  }
}

test('lines may wait for others; a logger that takes none gets none', () => {
  const gathered: string[] = []
  const to = { write: () => expect.unreachable(), gather: (line: string) => gathered.push(line) }
  for (const readable of [false, true])
    createAccessLog(createLogger('info', readable, to).child({ pid: 1 }))(PLAIN)
  createAccessLog(createLogger('warn', false, to))(PLAIN)
  expect(gathered).toHaveLength(2)
  expect(JSON.parse(gathered[0] ?? '')).toMatchObject({
    ...{ level: 30, pid: 1, msg: 'access', time: expect.stringMatching(/^\d{4}-.*Z$/) },
  })
  expect(gathered[1]).toContain('acme GET /hello.wasm?a=b -> 200')
})
