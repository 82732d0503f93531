import { expect, test } from 'vitest'
import { InputStream } from '../../../src/fastcgi/input-stream.ts'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { whenRestIsRead } from '../../../src/gateway/rest-of-body.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A request whose body comes as a test says, and how often its answer was asked for. */
function setUp(wantedBytes = Number.POSITIVE_INFINITY, before = '') {
  const clock = new FakeClock()
  const held = { bytes: 0 }
  const stdin = new InputStream({
    inputHeld: (delta) => {
      held.bytes += delta
    },
  })
  let giveUp = (): void => undefined
  const request = {
    stdin,
    onAbort: (callback: () => void) => {
      giveUp = callback
    },
  } as unknown as FastCgiRequest
  const send = (text: string): void => stdin.push(Buffer.from(text), 0, text.length)
  if (before !== '') send(before)
  const told = { times: 0 }
  whenRestIsRead(request, { wantedBytes, clock }, () => {
    told.times += 1
  })
  return { clock, held, stdin, send, told, abort: () => giveUp() }
}

test('the end of the body, its last byte and a peer that gives up end the wait, once', () => {
  const ends: ReadonlyArray<(set: ReturnType<typeof setUp>) => void> = [
    ({ stdin }) => stdin.end(),
    ({ send }) => send('1234567'),
    ({ abort }) => abort(),
  ]
  for (const end of ends) {
    const set = setUp(10)
    set.send('abc')
    expect(set.told.times).toBe(0)
    end(set)
    expect([set.told.times, set.held.bytes]).toEqual([1, 0])
    set.stdin.end()
    set.abort()
    set.clock.advance(100_000)
    expect([set.told.times, set.clock.pending]).toEqual([1, 0])
  }
})

test('what has come already is not waited for', () => {
  expect(setUp(3, 'abc').told.times).toBe(1)
})

test('a body of which nothing comes is waited for up to 6 s, one that comes for 30 s', () => {
  const { clock, told, send } = setUp()
  send('a')
  clock.advance(3000)
  expect(told.times).toBe(0)
  clock.advance(3000)
  expect(told.times).toBe(1)
  const slow = setUp()
  for (let second = 1; second < 30; second += 1) {
    slow.send('a')
    slow.clock.advance(1000)
  }
  expect([slow.told.times, slow.held.bytes]).toEqual([0, 0])
  slow.clock.advance(1000)
  expect([slow.told.times, slow.clock.pending]).toEqual([1, 0])
})
