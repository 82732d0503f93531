import { expect, test } from 'vitest'
import { SWEEP_INTERVAL_MS, Sweep, type Swept } from '../../../../src/gateway/listen/sweep.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

class Member implements Swept {
  place = -1
  readonly name: string
  readonly visits: number[] = []
  constructor(name: string) {
    this.name = name
  }
  sweep(nowMs: number): void {
    this.visits.push(nowMs)
  }
}

function setUp(names: string) {
  const clock = new FakeClock()
  const sweep = new Sweep<Member>(clock)
  const members = new Map([...names].map((name) => [name, new Member(name)]))
  for (const member of members.values()) sweep.add(member)
  const shown = (): string =>
    [...sweep]
      .map(({ name }) => name)
      .sort()
      .join('')
  return { clock, sweep, members, shown }
}

const GOING = [
  { name: 'nobody', leave: '', left: 'abcd' },
  { name: 'the first', leave: 'a', left: 'bcd' },
  { name: 'the last', leave: 'd', left: 'abc' },
  { name: 'one after the other, whoever took whose place', leave: 'adb', left: 'c' },
  { name: 'somebody twice', leave: 'bb', left: 'acd' },
  { name: 'everybody', leave: 'bdca', left: '' },
]

for (const { name, leave, left } of GOING) {
  test(`leaving: ${name}`, () => {
    const { sweep, members, shown } = setUp('abcd')
    for (const one of leave) sweep.delete(members.get(one) as Member)
    expect(shown()).toBe(left)
    expect(sweep.size).toBe(left.length)
  })
}

test('a stranger that thinks it has a place takes nobody with it', () => {
  const { sweep, shown } = setUp('ab')
  const stranger = new Member('x')
  stranger.place = 1
  sweep.delete(stranger)
  expect(shown()).toBe('ab')
})

test('who leaves while all are gone over is gone over, and nobody is left out', () => {
  const { sweep } = setUp('abcd')
  let seen = ''
  for (const member of sweep) {
    seen += member.name
    sweep.delete(member)
  }
  expect(seen).toBe('abcd')
  expect(sweep.size).toBe(0)
})

test('members are visited in every interval; without any the timer runs out', () => {
  const { clock, sweep, members } = setUp('ab')
  const startMs = clock.nowMs()
  clock.advance(2 * SWEEP_INTERVAL_MS)
  const visits = members.get('b')?.visits.map((atMs) => atMs - startMs)
  expect(visits).toEqual([SWEEP_INTERVAL_MS, 2 * SWEEP_INTERVAL_MS])
  for (const member of members.values()) sweep.delete(member)
  expect(clock.pending).toBe(1)
  clock.advance(SWEEP_INTERVAL_MS)
  expect(clock.pending).toBe(0)
  expect(members.get('a')?.visits.length).toBe(2)
})
