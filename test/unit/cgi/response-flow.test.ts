/** When a response goes out: what is held back, failures before and after, back-pressure. */
import { expect, test } from 'vitest'
import { DEFAULT_RESPONSE_LIMITS } from '../../../src/cgi/response-stream.ts'
import { bytes, ID, open } from './response-sink.ts'

test('the header goes out together with the first of the body', () => {
  const { sink, stream } = open()
  stream.write(bytes('Content-Type: a/b\n\n'))
  expect(sink.writes).toEqual([])
  stream.write(bytes('x'.repeat(300)))
  const head = `Status: 200 OK\r\nContent-Type: a/b\r\n${ID}`
  expect(sink.writes).toEqual([head, 'x'.repeat(100), 'x'.repeat(200)])
})

test('flush sends what is held back, and nothing before the header is complete', () => {
  const { sink, stream } = open()
  stream.write(bytes('Content-Type: a/b\n'))
  stream.flush()
  expect([sink.text, stream.headSent]).toEqual(['', false])
  stream.write(bytes('\none'))
  stream.flush()
  expect([sink.text, stream.headSent]).toEqual([
    `Status: 200 OK\r\nContent-Type: a/b\r\n${ID}one`,
    true,
  ])
  stream.write(bytes('two'))
  stream.flush()
  expect([sink.writes.at(-1), stream.bodyBytes, stream.status]).toEqual(['two', 6, 200])
  expect(stream.finish()).toEqual({ kind: 'complete' })
})

test('a guest that fails while its output is held back becomes an error page', () => {
  const { sink, stream } = open()
  stream.write(bytes('Content-Type: a/b\n\nsecret'))
  expect(stream.fail(503, { retryAfterS: 2 })).toBe(true)
  expect(sink.ended).toBe(true)
  expect(sink.text).toMatch(/^Status: 503 Service Unavailable\r\n/)
  expect(sink.text).toMatch(/\r\nRetry-After: 2\r\n/)
  expect(sink.text).not.toMatch(/secret/)
  expect([stream.status, stream.bodyBytes, stream.fail(500)]).toEqual([503, 0, false])
  expect(stream.write(bytes('more'))).toBe(4)
  expect(sink.text).not.toMatch(/more/)
})

test('a guest that fails after its header went out cannot be put right', () => {
  const { sink, stream } = open()
  stream.write(bytes('Content-Type: a/b\n\nhi'))
  stream.flush()
  expect(stream.fail(500)).toBe(false)
  expect(sink.ended).toBe(false)
})

test('a short body is an error page while held back, and a failure afterwards', () => {
  for (const isFlushed of [false, true]) {
    const { sink, stream } = open()
    stream.write(bytes('Content-Length: 9\n\nhi'))
    if (isFlushed) stream.flush()
    expect(stream.finish().kind).toBe('failed')
    expect([stream.error?.code, sink.ended, stream.fail(502)]).toEqual([
      'CGI_SHORT_BODY',
      false,
      !isFlushed,
    ])
  }
})

test('the error is there as soon as the limit is passed', () => {
  const { stream } = open()
  stream.write(bytes(`X-A: b\n\n${'x'.repeat(1000)}`))
  expect(stream.error).toBe(undefined)
  stream.write(bytes('x'))
  expect(stream.error?.code).toBe('CGI_BODY_TOO_LARGE')
})

test('back-pressure: a full output stops the guest, and finish waits for the rest', () => {
  const { sink, stream } = open()
  sink.room = 10
  const body = 'y'.repeat(150)
  const first = stream.write(bytes(`Content-Type: a/b\n\n${body}`))
  expect(first).toBe(19 + 100)
  expect(stream.write(bytes('z'))).toBe(0)
  let woken = 0
  stream.onWritable(() => {
    woken += 1
  })
  sink.makeRoom(20)
  expect(woken).toBe(0)
  sink.makeRoom(1000)
  expect(woken).toBe(1)
  expect(stream.write(bytes(body.slice(100)))).toBe(50)
  sink.room = 0
  expect(stream.write(bytes('z'))).toBe(0)
  stream.onWritable(() => {
    woken += 1
  })
  sink.makeRoom(Number.POSITIVE_INFINITY)
  expect(woken).toBe(2)
  expect(stream.finish().kind).toBe('complete')
  expect(sink.text).toBe(`Status: 200 OK\r\nContent-Type: a/b\r\n${ID}${body}`)
})

test('finish with a full output ends it only when everything has been taken', () => {
  const { sink, stream } = open()
  sink.room = 5
  stream.write(bytes('Content-Type: a/b\n\nhi'))
  expect(stream.finish()).toEqual({ kind: 'complete' })
  expect([stream.isDrained, sink.ended]).toEqual([false, false])
  let woken = false
  stream.onWritable(() => {
    woken = true
  })
  sink.makeRoom(1000)
  expect([stream.isDrained, sink.ended, woken]).toEqual([true, true, true])
  expect(sink.text.endsWith('\r\n\r\nhi')).toBe(true)
})

test('after end the guest prints into the void', () => {
  const { sink, stream } = open()
  stream.write(bytes('Content-Type: a/b\n\nhi'))
  stream.end()
  expect(stream.write(bytes('more'))).toBe(4)
  stream.finish()
  expect(sink.text.endsWith('\r\n\r\nhi')).toBe(true)
})

test('the defaults are within what nginx and Apache take', () => {
  expect(DEFAULT_RESPONSE_LIMITS.headerBytes).toBe(16_384)
})

test('it is told when the output has taken the header, once, before the end', () => {
  const told: string[] = []
  for (const room of [0, 30, Number.POSITIVE_INFINITY]) {
    const { sink, stream } = open()
    sink.room = room
    stream.onHeadTaken(() => told.push(`${room}: ${sink.text.endsWith('body')} ${sink.ended}`))
    stream.write(bytes('Content-Type: text/plain\n\nbody'))
    stream.finish()
    sink.makeRoom(1000)
    stream.onHeadTaken(() => told.push('late'))
  }
  expect(told).toEqual([0, 30, 'Infinity'].flatMap((room) => [`${room}: true false`, 'late']))
  const { sink, stream } = open()
  stream.onHeadTaken(() => told.push(`page: ${sink.text !== ''} ${sink.ended}`))
  stream.fail(500)
  expect(told.at(-1)).toBe('page: true false')
})
