/** Requests that a component of WASI 0.3 sends: its body and the answer's are streams, and their trailers futures. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'vitest'
import {
  BYTE,
  type Channel,
  type Items,
  Channel as Stream,
} from '../../../src/component/channel.ts'
import { makeFuture, resolveFuture, takeFuture } from '../../../src/component/host/host-future.ts'
import { Fields } from '../../../src/component/host/http-fields.ts'
import {
  HttpRequest,
  type HttpResponse3,
  ownBody,
} from '../../../src/component/host/http-messages-3.ts'
import { FOR_HOST } from '../../../src/component/lift-bounds.ts'
import { type Case, caseOf, err, NONE, OK, ok, some } from '../../../src/component/value.ts'
import { beginOutbound, type OutboundRun, outcomeOf } from '../../support/component-outbound.ts'
import { answer, makeComponent } from '../../support/component-run.ts'
import { componentWat, HELLO_3_WAT } from '../../support/component-wat.ts'
import { sourceOf } from '../../support/guest.ts'
import { callOrWait } from '../../support/host-function-call.ts'

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-a: b\r\n\r\nhi'
const UNHEARD = { owner: undefined, onProgress: () => undefined }
const NO_TRAILERS = ok(NONE)

/** Answers when a whole request has come. */
const answering =
  (answer: string, end = '\r\n\r\n') =>
  (socket: Socket): void => {
    let come = ''
    socket.on('data', (bytes: Buffer) => {
      come += bytes.toString('latin1')
      if (come.endsWith(end)) socket.end(answer)
    })
  }

interface Wanted {
  readonly method?: Case
  readonly fields?: ReadonlyArray<readonly [string, string]>
  readonly body?: string
  readonly trailers?: Case
  readonly authority?: string
}

interface Sent {
  /** What `send` answers. */
  readonly answer: Case
  /** What the guest is told of its request. */
  readonly told: () => Case | undefined
}

/** Goes on until `isDone`. */
async function until(run: OutboundRun, isDone: () => boolean): Promise<void> {
  await run.host.work.until(isDone)
}

async function send(run: OutboundRun, wanted: Wanted): Promise<Sent> {
  const { method = caseOf('get'), fields = [], body, trailers = NO_TRAILERS } = wanted
  const behind = makeFuture()
  const contents = body === undefined ? undefined : new Stream(false)
  const given = ownBody(contents === undefined ? NONE : some(contents), behind)
  const list = fields.map(([name, value]) => [name, Buffer.from(value)] as const)
  const request = new HttpRequest(new Fields(list), given)
  Object.assign(request, { method, path: some('/a'), scheme: some(caseOf('HTTP')) })
  request.authority = some(wanted.authority ?? `127.0.0.1:${run.port}`)
  resolveFuture(behind, trailers)
  if (contents !== undefined) give(run, contents, Buffer.from(body ?? ''))
  return sent(run, request)
}

async function sent(run: OutboundRun, request: HttpRequest): Promise<Sent> {
  let told: Case | undefined
  if (request.body !== undefined)
    takeFuture(request.body.sent, (value) => {
      told = value as Case
    })
  const called = callOrWait(run.host, { from: 'wasi:http/client@0.3', name: 'send' }, [request])
  return { answer: await outcomeOf(run, called), told: () => told }
}

/** Writes all of it, and gives its end up when that is taken. */
function give({ host }: OutboundRun, channel: Channel, bytes: Uint8Array): void {
  let at = 0
  channel.start({
    ...{ side: 'write', ...UNHEARD, onDone: () => undefined },
    buffer: {
      ...{ element: BYTE, isEmpty: false },
      get remain(): number {
        return bytes.length - at
      },
      read: (count: number): Items => {
        at += count
        return bytes.subarray(at - count, at)
      },
    },
  })
  host.work.add({
    step: () => {
      if (at < bytes.length && !channel.isDropped) return 'idle'
      channel.drop()
      return 'over'
    },
    wishes: () => [],
  })
}

/** Reads all of a body, and what comes behind it. */
async function read(run: OutboundRun, response: HttpResponse3): Promise<[string, Case]> {
  const body = response.body ?? assert.fail('it has no body')
  let text = ''
  let hasEnded = false
  let trailers: Case | undefined
  takeFuture(body.trailers, (value) => {
    trailers = value as Case
  })
  const more = (): void => {
    let remain = 1_000
    body.contents?.start({
      ...{ side: 'read', ...UNHEARD },
      onDone: (result) => {
        hasEnded = result === 'dropped'
        if (!hasEnded) more()
      },
      onProgress: () => {
        body.contents?.cancel()
      },
      buffer: {
        ...{ element: BYTE, isEmpty: false, bounds: FOR_HOST },
        get remain(): number {
          return remain
        },
        write: (items: Items, count: number) => {
          remain -= count
          text += Buffer.from(items as Uint8Array).toString('latin1')
        },
      },
    })
  }
  more()
  await until(run, () => hasEnded && trailers !== undefined)
  return [text, trailers as Case]
}

const responseOf = ({ answer }: Sent): HttpResponse3 => {
  assert.equal(answer.tag, 'ok', JSON.stringify(answer))
  return answer.value as HttpResponse3
}

test('one without a body', async () => {
  const run = await beginOutbound(answering(ANSWER))
  const request = await send(run, { fields: [['x-b', 'c']] })
  const response = responseOf(request)
  assert.equal(response.status, 200)
  assert.deepEqual(response.fields.named('x-a').map(String), ['b'])
  assert.deepEqual(await read(run, response), ['hi', NO_TRAILERS])
  assert.deepEqual(request.told(), OK)
  assert.equal(
    run.sent,
    `GET /a HTTP/1.1\r\nhost: 127.0.0.1:${run.port}\r\nx-b: c\r\nte: trailers\r\nconnection: close, te\r\n\r\n`,
  )
})

test('a body goes out as it is taken, its trailers behind it', async () => {
  const run = await beginOutbound(answering(ANSWER, '0\r\nx-sum: 1\r\n\r\n'))
  const body = 'ab'.repeat(75_000)
  const trailers = ok(some(new Fields([['x-sum', Buffer.from('1')]])))
  const request = await send(run, { method: caseOf('post'), body, trailers })
  assert.deepEqual(await read(run, responseOf(request)), ['hi', NO_TRAILERS])
  assert.deepEqual(request.told(), OK)
  const [head = ''] = run.sent.split('\r\n\r\n')
  assert.match(head, /^POST \/a HTTP\/1\.1\r\n/)
  assert.match(head, /\r\ntransfer-encoding: chunked\r\n/)
  assert.equal(bodyIn(run), `${body}x-sum: 1\r\n`)
})

test('a body of which its request says how long it is', async () => {
  const run = await beginOutbound(answering(ANSWER, '\r\n\r\nabc'))
  const fields = [['content-length', '3']] as const
  const request = await send(run, { method: caseOf('post'), fields, body: 'abc' })
  assert.deepEqual(await read(run, responseOf(request)), ['hi', NO_TRAILERS])
  assert.deepEqual(request.told(), OK)
  assert.match(run.sent, /content-length: 3\r\nte: trailers\r\nconnection: close, te\r\n\r\nabc$/)
})

test.each([
  ['shorter', 'ab', 2n],
  ['longer', 'abcd', 4n],
])('a body that is %s than its request says', async (_, body, bytes) => {
  const run = await beginOutbound(() => undefined)
  const fields = [['content-length', '3']] as const
  const { answer, told } = await send(run, { method: caseOf('post'), fields, body })
  await until(run, () => told() !== undefined)
  assert.deepEqual(told(), err(caseOf('HTTP-request-body-size', some(bytes))))
  assert.equal((answer.value as Case).tag, 'HTTP-request-body-size')
  await run.hasClosed
})

test.each([
  ['no body', undefined],
  ['a body', 'abc'],
])('where nobody may send, and with %s: it is denied at once', async (_, body) => {
  const run = await beginOutbound(() => undefined)
  const { answer, told } = await send(run, {
    ...{ method: caseOf('post'), authority: 'other.example' },
    ...(body === undefined ? {} : { body }),
  })
  assert.deepEqual(answer, err(caseOf('HTTP-request-denied')))
  assert.deepEqual(told(), answer)
  assert.equal(run.sent, '')
})

test('trailers that are an error: it is not sent to its end', async () => {
  const run = await beginOutbound(() => undefined)
  const trailers = err(caseOf('configuration-error'))
  const { answer, told } = await send(run, { method: caseOf('post'), body: 'abc', trailers })
  assert.deepEqual(answer, trailers)
  assert.deepEqual(told(), trailers)
  await run.hasClosed
  assert.doesNotMatch(run.sent, /\r\n0\r\n/)
})

test('trailers that must be known before: it is not sent to its end', async () => {
  const run = await beginOutbound(() => undefined)
  const trailers = ok(some(new Fields([['host', Buffer.from('other')]])))
  const { answer } = await send(run, { method: caseOf('post'), body: 'abc', trailers })
  assert.deepEqual(answer, err(caseOf('HTTP-protocol-error')))
  await run.hasClosed
})

test.each([
  ['no body', {}],
  ['a body of a length', { body: 'abc', fields: [['content-length', '3']] }],
] as const)('trailers of what is not sent in chunks, with %s', async (_, wanted) => {
  const run = await beginOutbound(() => undefined)
  const trailers = ok(some(new Fields([['x-sum', Buffer.from('1')]])))
  const { answer, told } = await send(run, { method: caseOf('post'), trailers, ...wanted })
  assert.deepEqual(answer, err(caseOf('HTTP-protocol-error')))
  assert.deepEqual(told(), answer)
})

test('an answer in chunks, with trailers', async () => {
  const chunks = `2\r\nhi\r\n7530\r\n${'x'.repeat(30_000)}\r\n0\r\nx-sum: 2\r\n\r\n`
  const run = await beginOutbound(
    answering(`HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`),
  )
  const response = responseOf(await send(run, {}))
  assert.equal(response.status, 201)
  const [text, trailers] = await read(run, response)
  assert.equal(text, `hi${'x'.repeat(30_000)}`)
  const fields = ((trailers.value as Case).value ?? assert.fail('no trailers')) as Fields
  assert.deepEqual(fields.named('x-sum').map(String), ['2'])
})

test('an answer that is broken off', async () => {
  const run = await beginOutbound(answering('HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf'))
  const [text, trailers] = await read(run, responseOf(await send(run, {})))
  assert.equal(text, 'half')
  assert.equal(trailers.tag, 'err')
})

test('what is no answer', async () => {
  const run = await beginOutbound(answering('SSH-2.0-x\r\n\r\n'))
  const { answer } = await send(run, {})
  assert.deepEqual(answer, err(caseOf('HTTP-protocol-error')))
})

test('an answer that is given up: its connection is closed', async () => {
  const run = await beginOutbound((socket) =>
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf')),
  )
  responseOf(await send(run, {})).drop()
  await until(run, () => true)
  await run.hasClosed
})

test('the request that has come is sent on, with its body', async () => {
  const run = await beginOutbound(answering(ANSWER, '0\r\n\r\n'))
  const request = new HttpRequest(new Fields(), undefined)
  Object.assign(request, { method: caseOf('post'), scheme: some(caseOf('HTTP')) })
  request.authority = some(`127.0.0.1:${run.port}`)
  assert.deepEqual(await read(run, responseOf(await sent(run, request))), ['hi', NO_TRAILERS])
  assert.match(run.sent, /^POST \/ HTTP\/1.1\r\n(.+\r\n)+\r\n0\r\n\r\n$/)
})

/** What came in chunks, and behind them: each has its length before it, in digits of base 16, and a line of its own. */
function bodyIn({ sent }: OutboundRun): string {
  const chunks = sent.slice(sent.indexOf('\r\n\r\n') + 2)
  return chunks.replaceAll(/\r\n[0-9a-f]{1,5}\r\n/g, '').slice(0, -2)
}

/** A component that sends its request on, and answers what comes. */
const FORWARDING = `${HELLO_3_WAT.split('(core module $memory')[0]}
  (import "wasi:http/client@0.3.0" (instance $client
    (alias outer 1 $request (type $asked))
    (export "request" (type $request (eq $asked)))
    (alias outer 1 $response (type $answered))
    (export "response" (type $response (eq $answered)))
    (alias outer 1 $error-code (type $code))
    (export "error-code" (type $error-code (eq $code)))
    (export "send" (func async (param "request" (own $request))
      (result (result (own $response) (error $error-code)))))))
  (core module $memory (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $m))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $send (canon lower (func $client "send") (memory $m) (realloc $realloc)))
  (core module $main
    (import "host" "send" (func $send (param i32 i32)))
    (func (export "handle") (param $request i32) (result i32)
      (call $send (local.get $request) (i32.const 64))
      (i32.const 64)))
  (core instance $main (instantiate $main (with "host" (instance (export "send" (func $send))))))
  (func $handle async (param "request" (own $request)) (result (result (own $response) (error $error-code)))
    (canon lift (core func $main "handle") (memory $m)))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/handler@0.3.0" (instance $handler)))`

test('a component that sends its request on, and answers what comes', async () => {
  const instance = await makeComponent(await componentWat(FORWARDING))
  for (const body of ['a', 'b'.repeat(50_000)]) {
    const run = await beginOutbound(answering(ANSWER, '0\r\n\r\n'))
    const { preopens } = run.granted
    const env = [`HTTP_HOST=127.0.0.1:${run.port}`, 'HTTP_COOKIE=a=b']
    const given = { preopens, env, stdin: sourceOf([body]) }
    const { report, stdout } = await answer(instance, '/to', given)
    assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
    assert.equal(stdout, 'Status: 200\r\ncontent-length: 2\r\nx-a: b\r\n\r\nhi')
    assert.match(run.sent, /^GET \/to HTTP\/1.1\r\n(.+\r\n)*cookie: a=b\r\n/)
    assert.equal(bodyIn(run), body)
    assert.equal(instance.reset(), true)
  }
})

test('a component that may send nothing: its answer is an error', async () => {
  const instance = await makeComponent(await componentWat(FORWARDING))
  const { stdout } = await answer(instance, '/to')
  assert.equal(stdout, 'Status: 500\r\n\r\n')
})
