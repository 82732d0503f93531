import { expect, test } from 'vitest'
import {
  type GivenAway,
  MAX_CONNECTIONS,
  Passage,
  type Taker,
} from '../../../src/master/passage.ts'

interface FakeWorker extends Taker {
  canTake: boolean
  takesPart: boolean
  isBusy: boolean
  /** Ids of connections that were sent to it. */
  readonly sent: number[]
}

function makeWorker(more: Partial<FakeWorker> = {}): FakeWorker {
  const sent: number[] = []
  return {
    canTake: true,
    takesPart: true,
    isBusy: false,
    sent,
    adopt: (id) => void sent.push(id),
    ...more,
  }
}

function giftOf(from: FakeWorker): GivenAway<FakeWorker> & { readonly isClosed: () => boolean } {
  let isClosed = false
  const connection = {
    close: () => {
      isClosed = true
    },
  }
  return { from, address: '/s', connection, isClosed: () => isClosed }
}

function setUp(...others: FakeWorker[]) {
  const from = makeWorker()
  const workers = [from, ...others]
  return { from, workers, passage: new Passage<FakeWorker>(() => workers) }
}

const PLACES: ReadonlyArray<{
  readonly name: string
  readonly others: ReadonlyArray<Partial<FakeWorker>>
  /** Who may get it; -1: back to whom it came from. */
  readonly wanted: readonly number[]
}> = [
  { name: 'those that have time', others: [{ isBusy: true }, {}, {}], wanted: [1, 2] },
  { name: 'a busy one', others: [{ isBusy: true }], wanted: [0] },
  { name: 'one that takes part', others: [{ takesPart: false }, { isBusy: true }], wanted: [1] },
  { name: 'one that stands by', others: [{ takesPart: false }], wanted: [0] },
  { name: 'none that starts or ends', others: [{ canTake: false }], wanted: [-1] },
  { name: 'back, if there is no other', others: [], wanted: [-1] },
]

for (const { name, others, wanted } of PLACES) {
  test(`goes to ${name}`, () => {
    const made = others.map(makeWorker)
    const { from, passage } = setUp(...made)
    for (let count = 0; count < 4; count += 1) passage.send(giftOf(from))
    const getters = [...made, from].filter(({ sent }) => sent.length > 0)
    expect(getters).toEqual(wanted.map((index) => made[index] ?? from))
  })
}

test('it stays open here until the worker says that it has it, and that one only', () => {
  const [heir, liar] = [makeWorker(), makeWorker({ takesPart: false })]
  const { from, passage } = setUp(heir, liar)
  const gift = giftOf(from)
  passage.send(gift)
  const [id = 0] = heir.sent
  for (const [worker, said] of [
    [liar, id],
    [heir, id + 1],
  ] as const) {
    passage.taken(worker, said)
    expect(gift.isClosed()).toBe(false)
  }
  passage.taken(heir, id)
  expect(gift.isClosed()).toBe(true)
  expect(passage.takeBack(heir)).toEqual([])
})

test('those of a worker that ends, and what it declines, can be sent anew; what it has taken is its own', () => {
  const heir = makeWorker()
  const { from, passage } = setUp(heir)
  const gifts = [0, 1, 2, 3].map(() => giftOf(from))
  for (const gift of gifts) passage.send(gift)
  const [first = 0, second = 0] = heir.sent
  passage.taken(heir, first)
  expect(passage.takeBack(heir, second)).toEqual([gifts[1]])
  expect(passage.takeBack(heir)).toEqual(gifts.slice(2))
  expect(gifts.map((gift) => gift.isClosed())).toEqual([true, false, false, false])
})

test('without a worker they wait for one', () => {
  const { from, passage } = setUp()
  from.canTake = false
  const gift = giftOf(from)
  passage.send(gift)
  expect([from.sent, gift.isClosed()]).toEqual([[], false])
  expect(passage.takeWaiting()).toEqual([gift])
  expect(passage.takeWaiting()).toEqual([])
})

test('more than it may hold are closed', () => {
  const { from, passage } = setUp(makeWorker())
  const gifts = Array.from({ length: MAX_CONNECTIONS + 1 }, () => giftOf(from))
  for (const gift of gifts) passage.send(gift)
  expect(gifts.map((gift) => gift.isClosed()).indexOf(true)).toBe(MAX_CONNECTIONS)
})
