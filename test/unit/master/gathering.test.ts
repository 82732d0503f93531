import { expect, test } from 'vitest'
import { Gathering, type Member } from '../../../src/master/gathering.ts'
import { FakeClock } from '../../support/fake-clock.ts'

class FakeWorker implements Member {
  isBusy = false
  doGuestsWait = false
  load = 0
  isActive = false
  part = 'takes part'

  takePart(): void {
    this.part = 'takes part'
  }

  standBy(isWatching: boolean): void {
    this.part = isWatching ? 'watches' : 'rests'
  }
}

/** `free`: share of a processor that nobody uses. */
function setUp(count: number, free = 0) {
  const clock = new FakeClock()
  const workers = Array.from({ length: count }, () => new FakeWorker())
  const gathering = new Gathering({
    clock,
    members: () => workers,
    idleMs: () => clock.nowMs() * free,
  })
  gathering.isOn = true
  const parts = () => workers.map(({ part }) => part)
  const at = (index: number): FakeWorker => {
    const worker = workers[index]
    if (worker === undefined) throw new Error(`no worker ${index}`)
    return worker
  }
  /** It says so at every measurement. */
  const busy = (index: number, changes: Partial<FakeWorker> = {}): void => {
    Object.assign(at(index), { isBusy: true, ...changes })
    for (let count = 0; count < 2; count += 1) {
      gathering.busy(at(index))
      clock.advance(50)
    }
  }
  const beat = (index: number, load: number): void => {
    Object.assign(at(index), { load, isActive: load > 0 })
    gathering.beat(at(index))
  }
  return { gathering, workers, parts, busy, beat, at }
}

test('one takes part, the others rest', () => {
  expect(setUp(3).parts()).toEqual(['takes part', 'rests', 'rests'])
})

test('while there are requests the others watch', () => {
  const { parts, beat } = setUp(2)
  beat(0, 0.2)
  expect(parts()).toEqual(['takes part', 'watches'])
  beat(0, 0)
  expect(parts()).toEqual(['takes part', 'rests'])
})

const CASES = [
  { name: 'processor time is free', free: 0.9, guests: false, takingPart: 2 },
  {
    name: 'no processor time is free: one more would only take it from others',
    free: 0.2,
    guests: false,
    takingPart: 1,
  },
  { name: 'guests wait for each other, whatever is free', free: 0, guests: true, takingPart: 2 },
]

for (const { name, free, guests, takingPart } of CASES) {
  test(`a worker is busy, and ${name}`, () => {
    const { parts, busy } = setUp(3, free)
    busy(0, { doGuestsWait: guests })
    expect(parts().filter((part) => part === 'takes part')).toHaveLength(takingPart)
  })
}

test('nobody is called before all that take part are busy', () => {
  const { parts, busy, at } = setUp(3, 2)
  busy(0)
  busy(0)
  expect(parts()).toEqual(['takes part', 'takes part', 'rests'])
  busy(1)
  expect(parts()).toEqual(['takes part', 'takes part', 'takes part'])
  at(0).isBusy = false
})

test('one fewer takes part when the others can carry its load, for two beats', () => {
  const { parts, busy, beat } = setUp(2, 2)
  busy(0)
  beat(0, 0.5)
  beat(1, 0.5)
  beat(1, 0.5)
  expect(parts()).toEqual(['takes part', 'takes part'])
  beat(0, 0.3)
  beat(1, 0.2)
  expect(parts()).toEqual(['takes part', 'takes part'])
  beat(1, 0.2)
  expect(parts()).toEqual(['takes part', 'watches'])
})

test('one that steps in takes part until the others can carry its load', () => {
  const { gathering, parts, beat, at } = setUp(3)
  gathering.steppedIn(at(2))
  expect(parts()).toEqual(['takes part', 'takes part', 'takes part'])
  for (const worker of [2, 2, 1, 1]) beat(worker, 0)
  expect(parts()).toEqual(['takes part', 'rests', 'rests'])
})

test('when the one that takes part has gone, the next one does', () => {
  const { gathering, workers, parts } = setUp(3)
  workers.shift()
  gathering.update()
  expect(parts()).toEqual(['takes part', 'rests'])
})

test('off: all take part', () => {
  const { gathering, parts, beat } = setUp(3)
  gathering.isOn = false
  beat(0, 0)
  expect(parts()).toEqual(['takes part', 'takes part', 'takes part'])
})
