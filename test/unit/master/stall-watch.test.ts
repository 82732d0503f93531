import { expect, test } from 'vitest'
import { StallWatch } from '../../../src/master/stall-watch.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function watch(stallMs: number) {
  const clock = new FakeClock()
  let stalls = 0
  const watched = new StallWatch({
    clock,
    stallMs,
    onStall: () => {
      stalls += 1
    },
  })
  return { clock, watched, stalls: () => stalls }
}

function seconds(clock: FakeClock, count: number): void {
  for (let second = 0; second < count; second += 1) clock.advance(1000)
}

test('a process that beats is left alone; one that does not is noticed once', () => {
  const { clock, watched, stalls } = watch(3000)
  watched.start()
  for (let round = 0; round < 20; round += 1) {
    seconds(clock, 2)
    watched.beat()
  }
  expect(stalls()).toBe(0)
  seconds(clock, 4)
  expect(stalls()).toBe(0)
  seconds(clock, 1)
  expect(stalls()).toBe(1)
  seconds(clock, 20)
  expect(stalls()).toBe(1)
})

test('time that passes while the watcher itself is asleep does not count', () => {
  const { clock, watched, stalls } = watch(3000)
  watched.start()
  // One late timer, as after a suspend: nobody has looked in the meantime.
  for (let night = 0; night < 3; night += 1) {
    clock.ns += 3_600_000_000_000n
    clock.advance(0)
    watched.beat()
  }
  expect(stalls()).toBe(0)
  watched.stop()
  seconds(clock, 20)
  expect(stalls()).toBe(0)
})
