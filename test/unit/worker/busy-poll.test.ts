/** A worker looks for the next request only where that pays, and never for longer than it may. */
import { beforeEach, expect, test } from 'vitest'
import { BusyPoll } from '../../../src/worker/busy-poll.ts'

const LIMIT_MS = 0.25
/** What one look takes. */
const LOOK_MS = 1 / 64

let nowMs = 0
let gaveWay = 0
/** How long the others take. */
let othersMs = 0
let pending: (() => void) | undefined
let poll: BusyPoll

beforeEach(() => {
  nowMs = 0
  gaveWay = 0
  othersMs = 0
  pending = undefined
  poll = new BusyPoll({
    nowMs: () => nowMs,
    giveWay: () => {
      gaveWay += 1
      nowMs += othersMs
    },
    schedule: (callback) => {
      expect(pending).toBeUndefined()
      pending = callback
    },
  })
  poll.limitMs = LIMIT_MS
})

/** A request that takes no time, `afterMs` after the one before. */
function request(afterMs: number): void {
  nowMs += afterMs
  poll.requestBegins()
  poll.requestEnded()
}

/** One turn of the event loop; whether it was one of looking. */
function turn(): boolean {
  const look = pending
  if (look === undefined) return false
  pending = undefined
  nowMs += LOOK_MS
  look()
  return true
}

function looks(): number {
  let count = 0
  while (turn()) count += 1
  return count
}

test('does not look after the first request, nor after a long wait', () => {
  request(0)
  expect(looks()).toBe(0)
  request(LIMIT_MS)
  expect(looks()).toBe(0)
  expect(poll.spentMs).toBe(0)
})

test('looks after a short wait, gives way each time, and stops at the limit', () => {
  request(0)
  request(LIMIT_MS / 2)
  const count = looks()
  expect(count).toBe(LIMIT_MS / LOOK_MS)
  expect(gaveWay).toBe(count)
  expect(poll.spentMs).toBe(LIMIT_MS)
})

test('looks again only after another short wait', () => {
  request(0)
  request(LIMIT_MS / 2)
  looks()
  request(10 * LIMIT_MS)
  expect(looks()).toBe(0)
  request(LIMIT_MS / 2)
  expect(looks()).toBeGreaterThan(0)
})

test('goes on looking while one request follows another, and counts only the looks', () => {
  request(0)
  request(LIMIT_MS / 2)
  for (let count = 0; count < 5; count += 1) {
    expect(turn()).toBe(true)
    request(0)
  }
  // The first turn; the others had a request.
  expect(poll.spentMs).toBe(LOOK_MS)
  expect(looks()).toBe(LIMIT_MS / LOOK_MS)
  expect(poll.spentMs).toBe(LIMIT_MS)
})

test('leaves it when several requests come in one turn', () => {
  request(0)
  request(LIMIT_MS / 2)
  request(0)
  request(0)
  expect(looks()).toBe(1)
})

test('leaves the processor to others for a while when they need it', () => {
  request(0)
  request(LIMIT_MS / 2)
  othersMs = 1
  expect(looks()).toBe(1)
  othersMs = 0
  request(0)
  request(LIMIT_MS / 2)
  expect(looks()).toBe(0)
  nowMs += 100
  request(0)
  request(LIMIT_MS / 2)
  expect(looks()).toBeGreaterThan(1)
})

test('never looks where it cannot give way', () => {
  poll = new BusyPoll({
    nowMs: () => nowMs,
    giveWay: undefined,
    schedule: (callback) => {
      pending = callback
    },
  })
  poll.limitMs = LIMIT_MS
  request(0)
  request(LIMIT_MS / 2)
  expect(looks()).toBe(0)
})

test('never looks with a limit of 0, from the next wait on', () => {
  request(0)
  request(LIMIT_MS / 2)
  poll.limitMs = 0
  expect(looks()).toBe(1)
  request(0)
  request(0)
  expect(looks()).toBe(0)
})
