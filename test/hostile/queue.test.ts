/** More requests than a tenant may have at once: they wait, or are refused, and its neighbour does neither. */
import { expect, test } from 'vitest'
import { HELLO, setStage } from './stage.ts'

test('requests over max_children wait, and those over the queue are refused at once', async () => {
  using stage = setStage({
    guests: ['sleep'],
    keys: 'max_children = 3',
    limits: 'wall = "300ms"',
    queue: 'max = 2\ntimeout = "5s"',
  })
  const sleepers = Array.from({ length: 3 }, () => stage.ask('hog', 'sleep'))
  const waiting = Array.from({ length: 2 }, () => stage.ask('hog', 'hello'))
  const refused = await Promise.all(Array.from({ length: 4 }, () => stage.ask('hog', 'hello')))
  for (const { status, headers } of refused) {
    expect(status).toBe(503)
    expect(headers).toMatch(/^Retry-After: 1\r?$/m)
  }
  expect((await stage.ask('neighbour', 'hello')).body.toString()).toBe(HELLO)
  for (const { status, body } of await Promise.all(waiting)) {
    expect([status, body.toString()]).toEqual([200, HELLO])
  }
  expect((await Promise.all(sleepers)).map(({ status }) => status)).toEqual([504, 504, 504])
  const codes = stage.failures().map(({ code }) => code)
  expect(codes.filter((code) => code === 'POOL_QUEUE_FULL')).toHaveLength(4)
})

test('a request does not wait longer than the queue lets it', async () => {
  using stage = setStage({
    guests: ['sleep'],
    keys: 'max_children = 1',
    limits: 'wall = "2s"',
    queue: 'timeout = "50ms"',
  })
  const sleeper = stage.begin('hog', 'sleep')
  const { status, headers } = await stage.ask('hog', 'hello')
  expect(status).toBe(503)
  expect(headers).toMatch(/^Retry-After: 1\r?$/m)
  expect(stage.failures()).toEqual([{ code: 'POOL_QUEUE_TIMEOUT', level: 'warn' }])
  sleeper.abort()
  await sleeper.reply
  expect((await stage.ask('hog', 'hello')).body.toString()).toBe(HELLO)
})

test('a request given up while it waits leaves the queue', async () => {
  using stage = setStage({
    guests: ['sleep'],
    keys: 'max_children = 1',
    limits: 'wall = "10s"',
    queue: 'max = 1',
  })
  await stage.ask('hog', 'hello')
  const compiled = stage.begin('hog', 'sleep')
  await stage.running('hog')
  compiled.abort()
  await compiled.reply
  const sleeper = stage.begin('hog', 'sleep')
  const first = stage.begin('hog', 'hello')
  await stage.ask('neighbour', 'hello')
  first.abort()
  await first.reply
  const second = stage.ask('hog', 'hello')
  sleeper.abort()
  expect((await second).body.toString()).toBe(HELLO)
  await sleeper.reply
})

test('a request given up while its module is read never runs', async () => {
  using stage = setStage({ guests: ['sleep'], limits: 'wall = "2s"' })
  const sleeper = stage.begin('hog', 'sleep')
  sleeper.abort()
  await sleeper.reply
  const codes = stage.log.flatMap((line) => (line['msg'] === 'access' ? [line['code']] : []))
  expect(codes).toEqual(['POOL_ABORTED'])
})

test('as many hogs as a tenant may have do not starve its neighbour', async () => {
  using stage = setStage({
    guests: ['endless-loop'],
    keys: 'max_children = 16',
    limits: 'cpu = "30ms"\nwall = "10s"',
  })
  let isOver = false
  const hogs = Promise.all(
    Array.from({ length: 16 }, () => stage.ask('hog', 'endless-loop')),
  ).finally(() => {
    isOver = true
  })
  let served = 0
  while (!isOver) {
    expect((await stage.ask('neighbour', 'hello')).status).toBe(200)
    served += 1
    await new Promise(setImmediate) // as any request over a socket does
  }
  expect((await hogs).map(({ status }) => status)).toEqual(Array(16).fill(503))
  // 16 times 30 ms of hogs, of which the neighbour waits for a slice or two at a time.
  expect(served).toBeGreaterThan(20)
})
