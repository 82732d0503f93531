/** The states of one request: what it sends, whom it tells and wakes, and in which order. */
import { expect, test } from 'vitest'
import { RecordType, Role } from '../../../src/fastcgi/constants.ts'
import { type RequestOwner, ServerRequest } from '../../../src/fastcgi/server-request.ts'
import { hex, join, text } from '../../support/fastcgi/hex.ts'
import { describe, splitRecords } from '../../support/fastcgi/records.ts'

interface Setting {
  readonly role?: Role
  readonly phase?: ServerRequest['phase']
  /** Bytes each stream may hold. */
  readonly room?: number
  readonly breaks?: boolean
}

function setUp({ role = Role.Responder, phase = 'running', room = 100, breaks }: Setting = {}) {
  /** What has become known to anybody, in order. */
  const log: string[] = []
  const state = { room }
  const owner: RequestOwner = {
    outputRoom: (heldBytes) => state.room - heldBytes,
    maxRecordContent: () => 32_760,
    requestInputHeld: (_, delta) => void log.push(`held ${delta}`),
    requestOutputChanged: () => undefined,
    requestEnded: () => void log.push('ended'),
    keepOutput: () => false,
    breakConnection: () => {
      log.push('break')
      return breaks === true
    },
  }
  const request = new ServerRequest(owner, { id: 1, role, keepConnection: true })
  request.phase = phase
  /** What was sent since it was asked last. */
  const sent = (): string[] => {
    const taken = { wire: 0, types: [6, 7] as const, emptied: undefined }
    const most = Number.POSITIVE_INFINITY
    const parts = request.records.take([], most, { ...taken, content: [0, 0] })
    return describe(splitRecords(join(parts)))
  }
  return { request, log, state, sent }
}

/** An END_REQUEST with this body. */
const ended = (body: string): string => `3:1 ${JSON.stringify(text(hex(body)))}`
const EMPTY = '6:1 ""'

type Step = (request: ServerRequest) => void
const abort: Step = (request) => request.abort()
const end: Step = (request) => request.end(0, 0)

interface Ending extends Setting {
  readonly name: string
  readonly steps: readonly Step[]
  readonly sent: readonly string[]
  readonly log: readonly string[]
  /** Afterwards; otherwise it has ended. */
  readonly stays?: ServerRequest['phase']
}

const ENDINGS: readonly Ending[] = [
  { name: 'end', steps: [end], sent: [EMPTY, ended('00000000 00 000000')], log: ['ended'] },
  {
    name: 'end with both statuses',
    steps: [(request) => request.end(3, 0x01020304)],
    sent: [EMPTY, ended('01020304 03 000000')],
    log: ['ended'],
  },
  {
    name: 'end, and whatever comes behind it',
    steps: [end, (request) => request.end(2, 7), (request) => request.breakOff(7), abort],
    sent: [EMPTY, ended('00000000 00 000000')],
    log: ['ended'],
  },
  {
    name: 'an end of STDERR and STDOUT that were written to',
    steps: [
      (request) => request.stdout.write(hex("'out'")),
      (request) => request.stderr.write(hex("'err'")),
      end,
    ],
    sent: ['6:1 "out"', '7:1 "err"', '7:1 ""', EMPTY, ended('00000000 00 000000')],
    log: ['ended'],
  },
  {
    name: 'an abort ends nothing that is known',
    steps: [abort],
    sent: [],
    log: ['abort'],
    stays: 'running',
  },
  {
    name: 'an abort in PARAMS ends it: nobody else will',
    phase: 'params',
    steps: [abort],
    sent: [EMPTY, ended('00000001 00 000000')],
    log: ['break', 'ended'],
  },
  {
    name: 'an abort of one that was refused is told',
    phase: 'refused',
    steps: [abort],
    sent: [],
    log: ['abort'],
    stays: 'refused',
  },
  {
    name: 'aborts are told once',
    steps: [abort, abort],
    sent: [],
    log: ['abort'],
    stays: 'running',
  },
  {
    name: 'the end of an aborted one is a break',
    breaks: true,
    steps: [abort, end],
    sent: [],
    log: ['abort', 'break'],
    stays: 'running',
  },
  {
    name: 'the end of an aborted one is no success, where others need the connection',
    steps: [abort, end],
    sent: [EMPTY, ended('00000001 00 000000')],
    log: ['abort', 'break', 'ended'],
  },
  {
    name: 'the end of an aborted one keeps its status',
    steps: [abort, (request) => request.end(0, 9)],
    sent: [EMPTY, ended('00000009 00 000000')],
    log: ['abort', 'break', 'ended'],
  },
  {
    name: 'an aborted one sends no more of its output',
    steps: [
      (request) => request.stdout.write(hex("'out'")),
      abort,
      (request) => request.stdout.write(hex("'late'")),
      end,
    ],
    sent: ['6:1 "out"', EMPTY, ended('00000001 00 000000')],
    log: ['abort', 'break', 'ended'],
  },
  {
    name: 'breaking off breaks',
    breaks: true,
    steps: [(request) => request.breakOff(0)],
    sent: [],
    log: ['break'],
    stays: 'running',
  },
  {
    name: 'breaking off is no success, where others need the connection',
    steps: [(request) => request.breakOff(0)],
    sent: [EMPTY, ended('00000001 00 000000')],
    log: ['break', 'ended'],
  },
  {
    name: 'breaking off keeps its status',
    steps: [(request) => request.breakOff(9)],
    sent: [EMPTY, ended('00000009 00 000000')],
    log: ['break', 'ended'],
  },
  {
    name: 'who breaks off is not told of an abort',
    breaks: true,
    steps: [(request) => request.breakOff(1), abort],
    sent: [],
    log: ['break'],
    stays: 'running',
  },
  {
    name: 'a drop says nothing to the peer',
    steps: [(request) => request.drop(), end],
    sent: [],
    log: ['abort'],
  },
  {
    name: 'a drop in PARAMS says nothing to anybody',
    phase: 'params',
    steps: [(request) => request.drop(), end],
    sent: [],
    log: [],
  },
]

test.each(ENDINGS)('endings: $name', ({ steps, sent, log, stays, ...setting }) => {
  const known = setUp(setting)
  known.request.onAbort(() => known.log.push('abort'))
  for (const step of steps) step(known.request)
  expect(known.log).toEqual(log)
  expect(known.sent()).toEqual(sent)
  expect(known.request.phase).toBe(stays ?? 'ended')
})

const WAITING = ['stdin', 'data', 'stdout', 'stderr']
const WAKING: ReadonlyArray<{ name: string; step: Step; log: readonly string[] }> = [
  {
    name: 'behind the word of an abort, or an end of STDIN would look like a short body',
    step: abort,
    log: ['abort', ...WAITING],
  },
  { name: 'behind the word of an end', step: end, log: ['ended', ...WAITING] },
  { name: 'by a drop', step: (request) => request.drop(), log: ['abort', ...WAITING] },
]

test.each(WAKING)('everybody who waits is woken: $name', ({ step, log }) => {
  const { request, log: told } = setUp({ role: Role.Filter, room: 0 })
  request.onAbort(() => told.push('abort'))
  const { stdin, data, stdout, stderr } = request
  stdin.onReadable(() => told.push('stdin'))
  data.onReadable(() => told.push('data'))
  stdout.onWritable(() => told.push('stdout'))
  stderr.onWritable(() => told.push('stderr'))
  step(request)
  expect(told).toEqual(log)
  expect([stdin.read(9), data.read(9)]).toEqual([undefined, undefined])
  expect([stdout.write(hex('00')), stderr.write(hex('00'))]).toEqual([1, 1])
})

const INPUTS: ReadonlyArray<{ name: string; role: Role; awaits: readonly number[] }> = [
  { name: 'Responder', role: Role.Responder, awaits: [RecordType.Stdin] },
  { name: 'Authorizer', role: Role.Authorizer, awaits: [] },
  { name: 'Filter', role: Role.Filter, awaits: [RecordType.Stdin, RecordType.Data] },
]

test.each(INPUTS)('the peer owes a $name its input', ({ role, awaits }) => {
  const { request } = setUp({ role })
  for (const type of awaits) {
    expect(request.isAwaitingInput).toBe(true)
    request.pushInput(type, Uint8Array.of(type), 0, 1)
    expect([request.endInput(type), request.endInput(type)]).toEqual([true, false])
  }
  expect(request.isAwaitingInput).toBe(false)
  for (const type of [RecordType.Stdin, RecordType.Data]) {
    const source = type === RecordType.Stdin ? request.stdin : request.data
    expect(request.endInput(type)).toBe(false)
    if (awaits.includes(type)) expect(source.read(9)).toEqual(Uint8Array.of(type))
    expect(source.read(9)).toBeUndefined()
  }
})

test('input is counted while it is held, of both streams', () => {
  const { request, log } = setUp({ role: Role.Filter })
  request.pushInput(RecordType.Stdin, hex("'abcde'"), 1, 4)
  request.pushInput(RecordType.Data, hex("'xy'"), 0, 2)
  expect([request.stdin.read(1), request.heldInput]).toEqual([hex("'b'"), 4])
  request.end(0, 0)
  request.pushInput(RecordType.Stdin, hex("'late'"), 0, 4)
  expect(log).toEqual(['held 3', 'held 2', 'held -1', 'ended', 'held -2', 'held -2'])
  expect(request.heldInput).toBe(0)
})

/** Two full streams whose writers wait; what makes room, and who is woken. */
const ROOM: ReadonlyArray<{
  name: string
  make: (setting: ReturnType<typeof setUp>) => void
  woken: readonly string[]
}> = [
  { name: 'none', make: ({ request }) => request.wakeWriters(), woken: [] },
  {
    name: 'for everybody',
    make: ({ request, state }) => {
      state.room += 1
      request.wakeWriters()
      request.wakeWriters()
    },
    woken: ['stdout', 'stderr'],
  },
  {
    name: 'STDOUT has gone',
    make: ({ request }) => request.contentWritten(1, 0),
    woken: ['stdout'],
  },
  {
    name: 'STDERR has gone',
    make: ({ request }) => request.contentWritten(0, 1),
    woken: ['stderr'],
  },
]

test.each(ROOM)('writers wait for room: $name', ({ make, woken }) => {
  const setting = setUp({ room: 4 })
  const { request, log } = setting
  for (const name of ['stdout', 'stderr'] as const) {
    expect(request[name].write(hex("'01234'"))).toBe(4)
    request[name].onWritable(() => log.push(name))
  }
  expect([log, request.isOutputStalled]).toEqual([[], true])
  make(setting)
  expect(log).toEqual(woken)
  expect(request.isOutputStalled).toBe(!woken.includes('stdout'))
})
