/** Whatever happens to a request, its peer gets one answer, one end, and its tenant one line. */
import { expect, test } from 'vitest'
import { createLogger } from '../../../src/base/logger.ts'
import { NO_NAME_VALUES } from '../../../src/base/name-values.ts'
import { ProtocolStatus, Role } from '../../../src/fastcgi/constants.ts'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { Answer } from '../../../src/gateway/answer.ts'
import { GatewayError } from '../../../src/gateway/errors.ts'
import type { Gateway } from '../../../src/gateway/gateway.ts'
import type { KillReason, Outcome } from '../../../src/guest/outcome.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { CollectingSink, emptySource } from '../../support/guest.ts'

/** An output that takes so many bytes, and the rest when it is opened. */
class Narrow extends CollectingSink {
  left: number
  #wake: (() => void) | undefined
  constructor(left: number) {
    super()
    this.left = left
  }
  override write(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.left)
    this.left -= count
    return super.write(bytes.subarray(0, count))
  }
  override onWritable(wake: () => void): void {
    if (this.left > 0) wake()
    else this.#wake = wake
  }
  open(): void {
    this.left = Number.POSITIVE_INFINITY
    this.#wake?.()
  }
}

function setUp(room = Number.POSITIVE_INFINITY) {
  const stdout = new Narrow(room)
  const ends: string[] = []
  const stops: string[] = []
  const lines: string[] = []
  const request: FastCgiRequest = {
    ...{ id: 1, role: Role.Responder, keepConnection: true, params: NO_NAME_VALUES },
    ...{ stdin: emptySource, data: emptySource, stdout, stderr: new CollectingSink() },
    end: (protocolStatus, appStatus) => void ends.push(`end ${protocolStatus} ${appStatus}`),
    breakOff: (appStatus) => void ends.push(`broken off ${appStatus}`),
    onAbort: () => undefined,
    countIn: () => undefined,
  }
  const gateway = {
    logger: createLogger('fatal', false),
    clock: new FakeClock(),
    nextRequestId: () => 'r1',
    accessLog: ({ status, code }: { status: number; code: string | undefined }) =>
      void lines.push(`${status} ${code ?? '-'}`),
  } as unknown as Gateway
  const answer = new Answer(request, gateway)
  answer.run = {
    queuedMs: 0,
    stop: (reason: KillReason) => void stops.push(reason),
    finishedEarly: () => void stops.push('finished early'),
  }
  const print = (text: string): number => answer.write(Buffer.from(text, 'latin1'))
  const ended = (outcome: Outcome): void =>
    answer.complete({ outcome, cpuMs: 1, memoryBytes: 65_536 })
  return { answer, stdout, ends, stops, lines, print, ended }
}

const HEAD = 'Content-Type: text/plain\n\n'
const LONG = 'x'.repeat(40_000)
const TRAP: Outcome = { kind: 'trapped', trap: 'unreachable', message: 'trap', backtrace: [] }
const EXIT = (code: number): Outcome => ({ kind: 'exited', code })
const KILLED = (reason: KillReason): Outcome => ({ kind: 'killed', reason })
const { RequestComplete } = ProtocolStatus

/** What the guest prints, how it ends; what the peer sees first, how the request ends, and the line. */
const RUNS = [
  {
    name: 'an answer',
    prints: [`${HEAD}hello`],
    outcome: EXIT(0),
    first: 'Status: 200',
    end: 'end 0 0',
    line: '200 -',
  },
  {
    name: 'an exit code',
    prints: [`${HEAD}hello`],
    outcome: EXIT(3),
    first: 'Status: 200',
    end: 'end 0 3',
    line: '200 -',
  },
  {
    name: 'a head in pieces',
    prints: ['Content-', 'Type: a/b\n', '\n', 'x'],
    outcome: EXIT(0),
    first: 'Status: 200',
    end: 'end 0 0',
    line: '200 -',
  },
  {
    name: 'nothing',
    prints: [],
    outcome: EXIT(0),
    first: 'Status: 502',
    end: 'end 0 1',
    line: '502 CGI_NO_HEADER',
  },
  {
    name: 'nothing, and an exit code',
    prints: [],
    outcome: EXIT(1),
    first: 'Status: 500',
    end: 'end 0 1',
    line: '500 OUTCOME_FAILED',
  },
  {
    name: 'a bad head',
    prints: ['no field\n\n'],
    outcome: KILLED('rejected'),
    first: 'Status: 502',
    end: 'end 0 1',
    line: '502 CGI_BAD_HEADER',
  },
  {
    name: 'a trap behind a short body',
    prints: [`${HEAD}hello`],
    outcome: TRAP,
    first: 'Status: 500',
    end: 'end 0 1',
    line: '500 OUTCOME_TRAPPED',
  },
  {
    name: 'a trap behind a long body',
    prints: [HEAD + LONG],
    outcome: TRAP,
    first: 'Status: 200',
    end: 'broken off 1',
    line: '200 OUTCOME_TRAPPED',
  },
  {
    name: 'too much time',
    prints: [HEAD],
    outcome: KILLED('cpu'),
    first: 'Status: 503',
    end: 'end 0 1',
    line: '503 OUTCOME_CPU_EXCEEDED',
  },
  {
    name: 'too long',
    prints: [HEAD],
    outcome: KILLED('wall'),
    first: 'Status: 504',
    end: 'end 0 1',
    line: '504 OUTCOME_WALL_EXCEEDED',
  },
  {
    name: 'less than it said',
    prints: ['Content-Type: a/b\nContent-Length: 9\n\nfour'],
    outcome: EXIT(0),
    first: 'Status: 502',
    end: 'end 0 1',
    line: '502 CGI_SHORT_BODY',
  },
]

for (const { name, prints, outcome, first, end, line } of RUNS) {
  test(`a guest: ${name}`, () => {
    const { stdout, ends, lines, print, ended } = setUp()
    for (const text of prints) print(text)
    ended(outcome)
    expect(stdout.text.startsWith(first), stdout.text.slice(0, 60)).toBe(true)
    expect(stdout.text.match(/^Status:/gm)?.length).toBe(1)
    expect(ends).toEqual([end])
    expect(lines).toEqual([line])
  })
}

test('what breaks a rule stops the guest once, and the first reason counts', () => {
  const { answer, stops, lines, print, ended } = setUp()
  print('no field\n\n')
  print('more')
  answer.refuse(new GatewayError('GATEWAY_BODY_TOO_LARGE', 'too large'))
  expect(new Set(stops)).toEqual(new Set(['rejected']))
  ended(KILLED('rejected'))
  expect(lines).toEqual(['502 CGI_BAD_HEADER'])
})

const FAILURES = [
  { code: 'GATEWAY_UNKNOWN_HANDLER', status: 404 },
  { code: 'GATEWAY_PARAMS_TOO_LARGE', status: 431 },
  { code: 'GATEWAY_BODY_TOO_LARGE', status: 413 },
] as const

for (const { code, status } of FAILURES) {
  test(`no guest: ${code}`, () => {
    const { answer, stdout, ends, lines } = setUp()
    answer.fail(new GatewayError(code, 'no'))
    expect(stdout.text.startsWith(`Status: ${status}`)).toBe(true)
    expect(ends).toEqual(['end 0 1'])
    expect(lines).toEqual([`${status} ${code}`])
  })
}

test('what is no failure of ours to name is 500, and says nothing of the inside', () => {
  const { answer, stdout, lines } = setUp()
  answer.fail(new Error('secret path'))
  expect(stdout.text).toMatch(/^Status: 500/)
  expect(stdout.text).not.toContain('secret')
  expect(lines).toEqual(['500 INTERNAL'])
})

test('the end waits for an output that has no room, and comes once', () => {
  const { stdout, ends, print, ended } = setUp(10)
  print(`${HEAD}hello`)
  ended(EXIT(0))
  expect(ends).toEqual([])
  stdout.open()
  expect(ends).toEqual([`end ${RequestComplete} 0`])
  expect(stdout.text.endsWith('hello')).toBe(true)
})

test('a guest that ends its response and goes on is answered then, and leaves its line when it is over', () => {
  const { answer, ends, stops, lines, print, ended } = setUp()
  print(`${HEAD}hello`)
  answer.end()
  expect(ends).toEqual(['end 0 0'])
  expect(stops).toEqual(['finished early'])
  expect(lines).toEqual([])
  expect(print('more')).toBe(4)
  ended(TRAP)
  expect(ends).toEqual(['end 0 0'])
  expect(lines).toEqual(['200 OUTCOME_TRAPPED'])
})
