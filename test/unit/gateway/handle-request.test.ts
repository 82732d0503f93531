/** Whatever is in the way of a request, and at whichever step: it is answered, once. */
import { expect, test } from 'vitest'
import { createLogger } from '../../../src/base/logger.ts'
import { DEFAULT_RESPONSE_LIMITS } from '../../../src/cgi/response-stream.ts'
import { Role } from '../../../src/fastcgi/constants.ts'
import { FastCgiError } from '../../../src/fastcgi/errors.ts'
import { encodeParams, readParams } from '../../../src/fastcgi/params.ts'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { GatewayError } from '../../../src/gateway/errors.ts'
import type { Gateway } from '../../../src/gateway/gateway.ts'
import { handleRequest, refuseRequest } from '../../../src/gateway/handle-request.ts'
import type { Target } from '../../../src/gateway/target.ts'
import { GuestError } from '../../../src/guest/errors.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { CollectingSink, emptySource } from '../../support/guest.ts'

const PARAMS = { REQUEST_METHOD: 'GET', REQUEST_URI: '/a', SCRIPT_NAME: '/a', HTTP_HOST: 'h' }
const LIMITS = { paramsBytes: 1000, paramsCount: 10 }
const NOT_FOUND = new GatewayError('GATEWAY_UNKNOWN_HANDLER', 'none')
const UNREADABLE = new GuestError('GUEST_UNREADABLE', 'gone')

const FILES: Target = {
  kind: 'files',
  handler: 'site',
  pathInfo: '/a',
  settings: { response: DEFAULT_RESPONSE_LIMITS },
  files: {
    answer: async (_request: unknown, { sink }: { sink: CollectingSink }) => {
      sink.write(Buffer.from('Content-Type: a/b\n\nfile'))
    },
  } as never,
}

const guestWith = (module: unknown): Target =>
  ({ kind: 'guest', handler: 'a.wasm', module, settings: { wallMs: 1000 }, paths: {} }) as never

interface Step {
  readonly name: string
  readonly params?: Readonly<Record<string, string>>
  readonly config?: object
  readonly findTenant?: () => never
  readonly findHandler?: () => Target | Promise<Target>
  /** How the answer starts, and how it ends. */
  readonly answer: readonly [start: string, end: string]
}

const failing = (error: Error) => (): never => {
  throw error
}

const STEPS: readonly Step[] = [
  { name: 'no method', params: { REQUEST_URI: '/' }, answer: ['Status: 400', 'end 0 1'] },
  {
    name: 'no tenant',
    findTenant: failing(new GatewayError('GATEWAY_UNKNOWN_TENANT', 'none')),
    answer: ['Status: 404', 'end 0 1'],
  },
  {
    name: 'more variables than the tenant takes',
    config: { limits: { ...LIMITS, paramsCount: 3 } },
    answer: ['Status: 431', 'end 0 1'],
  },
  {
    name: 'larger variables than the tenant takes',
    config: { limits: { ...LIMITS, paramsBytes: 20 } },
    answer: ['Status: 431', 'end 0 1'],
  },
  {
    name: 'a page of our own',
    config: { pingPath: '/a', pingResponse: 'pong' },
    answer: ['Status: 200', 'end 0 0'],
  },
  {
    name: 'a page of our own that fails',
    config: { pmStatusPath: '/a' },
    answer: ['Status: 500', 'end 0 1'],
  },
  { name: 'no handler', findHandler: failing(NOT_FOUND), answer: ['Status: 404', 'end 0 1'] },
  {
    name: 'no handler, known later',
    findHandler: () => Promise.reject(NOT_FOUND),
    answer: ['Status: 404', 'end 0 1'],
  },
  { name: 'a file', findHandler: () => FILES, answer: ['Status: 200', 'end 0 0'] },
  {
    name: 'a file, known later',
    findHandler: async () => FILES,
    answer: ['Status: 200', 'end 0 0'],
  },
  {
    name: 'a module that cannot be loaded',
    findHandler: () => guestWith(Promise.reject(UNREADABLE)),
    answer: ['Status: 404', 'end 0 1'],
  },
  {
    name: 'a guest that cannot be run',
    findHandler: () => guestWith({}),
    answer: ['Status: 500', 'end 0 1'],
  },
]

function setUp(step: Step) {
  const stdout = new CollectingSink()
  const ends: string[] = []
  const encoded = encodeParams(Object.entries(step.params ?? PARAMS))
  const { params } = readParams(encoded, { paramsPairs: 100, paramNameBytes: 100 })
  const request: FastCgiRequest = {
    ...{ id: 1, role: Role.Responder, keepConnection: true, params },
    ...{ stdin: emptySource, data: emptySource, stdout, stderr: new CollectingSink() },
    end: (protocolStatus, appStatus) => void ends.push(`end ${protocolStatus} ${appStatus}`),
    breakOff: (appStatus) => void ends.push(`broken off ${appStatus}`),
    onAbort: () => undefined,
    countIn: () => undefined,
  }
  const tenant = {
    config: { name: 't', limits: LIMITS, ...step.config },
    settings: { response: DEFAULT_RESPONSE_LIMITS },
    slots: { maxChildren: 1, queueMax: 1, queueTimeoutMs: 1000 },
  }
  const gateway = {
    logger: createLogger('silent', false),
    clock: new FakeClock(),
    nextRequestId: () => 'r1',
    poolStatus: () => Promise.reject(new Error('no status')),
    statusPaths: new Map(),
    router: {
      findTenant: step.findTenant ?? (() => tenant),
      findHandler: step.findHandler ?? (() => FILES),
    },
    scheduler: { run: failing(new Error('no pool')), stateOf: failing(new Error('no pool')) },
  } as unknown as Gateway
  return { request, gateway, stdout, ends }
}

for (const step of STEPS) {
  test(step.name, async () => {
    const { request, gateway, stdout, ends } = setUp(step)
    handleRequest(request, 'pool', gateway)
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
    const [start, end] = step.answer
    expect(stdout.text.slice(0, start.length)).toBe(start)
    expect(ends).toEqual([end])
  })
}

test('a request whose parameters cannot be taken is refused', () => {
  const { request, gateway, stdout, ends } = setUp({ name: '', answer: ['', ''] })
  refuseRequest(request, new FastCgiError('FASTCGI_PARAMS_TOO_LARGE', 'too large'), gateway)
  expect(stdout.text).toMatch(/^Status: 431/)
  expect(ends).toEqual(['end 0 1'])
})
