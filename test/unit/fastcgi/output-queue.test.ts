/** Whose bytes leave when, what is counted meanwhile, and who is told that they have gone. */
import { expect, test } from 'vitest'
import {
  OutputQueue,
  type Sender,
  SHARED_RECORD_CONTENT,
} from '../../../src/fastcgi/output-queue.ts'
import { RecordWriter } from '../../../src/fastcgi/record-writer.ts'
import { join } from '../../support/fastcgi/hex.ts'
import { splitRecords } from '../../support/fastcgi/records.ts'

const [STDOUT, STDERR] = [6, 7]

class TestSender implements Sender {
  readonly records: RecordWriter
  readonly streamTypes = [STDOUT, STDERR] as const
  countedBytes = 0
  readonly told: (readonly [number, number])[] = []
  onTold: () => void = () => undefined
  readonly #queue: OutputQueue

  constructor(queue: OutputQueue, id: number) {
    this.#queue = queue
    this.records = new RecordWriter(id)
  }

  write(byteCount: number, { type = STDOUT, maxContent = SHARED_RECORD_CONTENT } = {}): this {
    this.records.append(type, new Uint8Array(byteCount), byteCount, maxContent)
    this.#queue.add(this)
    return this
  }

  contentWritten(first: number, second: number): void {
    this.told.push([first, second])
    this.onTold()
  }
}

function setUp() {
  const queue = new OutputQueue()
  const sender = (id: number): TestSender => new TestSender(queue, id)
  return { queue, sender, one: sender(1), two: sender(2), three: sender(3) }
}

type Setting = ReturnType<typeof setUp>

/** Takes everything: the request id of each record. */
const takeIds = (queue: OutputQueue): number[] =>
  splitRecords(join(queue.take())).map(({ id }) => id)

const TURNS: ReadonlyArray<{ name: string; write: (setting: Setting) => void; ids: number[] }> = [
  { name: 'nobody', write: () => undefined, ids: [] },
  { name: 'who has written nothing has none', write: ({ queue, one }) => queue.add(one), ids: [] },
  { name: 'one alone: all of it', write: ({ one }) => one.write(50_000), ids: [1, 1, 1, 1] },
  {
    name: 'two: a turn each, in the order in which they began',
    write: ({ one, two }) => {
      two.write(40_000)
      one.write(40_000)
    },
    ids: [2, 1, 2, 1, 2, 1],
  },
  {
    name: 'a small answer passes a large one, which has the rest to itself',
    write: ({ one, two }) => {
      one.write(70_000)
      two.write(10)
    },
    ids: [1, 2, 1, 1, 1, 1],
  },
  {
    name: 'three of different size',
    write: ({ one, two, three }) => {
      one.write(40_000)
      two.write(10)
      three.write(20_000)
    },
    ids: [1, 2, 3, 1, 3, 1],
  },
  {
    name: 'several small records are one turn',
    write: ({ one, two }) => {
      one.write(10).write(10, { type: STDERR }).write(10)
      two.write(10)
    },
    ids: [1, 1, 1, 2],
  },
  {
    name: 'a record larger than a turn is one',
    write: ({ one, two }) => {
      one.write(65_520, { maxContent: 32_760 })
      two.write(65_520, { maxContent: 32_760 })
    },
    ids: [1, 2, 1, 2],
  },
  {
    name: 'who is settled goes first, with everything, and one that begins its id again comes in turn',
    write: ({ queue, sender, one, two }) => {
      one.write(20_000)
      two.write(40_000)
      queue.settle(2)
      sender(2).write(10)
    },
    ids: [2, 2, 2, 1, 2, 1],
  },
  {
    name: 'an id is settled as often as it is begun again',
    write: ({ queue, sender, one, two }) => {
      two.write(10)
      one.write(10)
      queue.settle(1)
      sender(1).write(40_000)
      queue.settle(1)
    },
    ids: [1, 1, 1, 1, 2],
  },
  {
    name: 'an id that nothing is left of is settled already',
    write: ({ queue, one }) => {
      one.write(10)
      queue.settle(2)
    },
    ids: [1],
  },
]

test.each(TURNS)('turns: $name', ({ write, ids }) => {
  const setting = setUp()
  write(setting)
  expect(setting.queue.isEmpty).toBe(ids.length === 0)
  expect(takeIds(setting.queue)).toEqual(ids)
  expect(setting.queue.isEmpty).toBe(true)
  expect(setting.queue.take()).toEqual([])
})

test('what is held: what waits, its padding once it is taken, and what the socket has not confirmed', () => {
  const { queue, one } = setUp()
  const held: number[] = []
  const steps = [
    () => one.write(5),
    () => queue.add(one), // counted already
    () => one.write(4),
    () => queue.take(),
    () => one.write(8),
    () => queue.written(20),
    () => queue.written(4),
    () => queue.take(),
    () => queue.written(16),
  ]
  for (const step of steps) {
    step()
    held.push(queue.heldBytes)
  }
  expect(held).toEqual([13, 13, 17, 24, 40, 20, 16, 16, 0])
})

test('what is settled stays counted until the socket has it', () => {
  const { queue, one } = setUp()
  one.write(8)
  queue.settle(1)
  expect([queue.isEmpty, queue.heldBytes]).toEqual([false, 16])
  queue.take()
  queue.written(16)
  expect([queue.heldBytes, one.told]).toEqual([0, [[8, 0]]])
})

test('senders are told when all of a taken part has gone, by stream', () => {
  const { queue, one, two } = setUp()
  one.write(8).write(16, { type: STDERR })
  two.write(24)
  queue.take() // 16 + 24 bytes, and 32
  queue.written(39)
  expect([one.told, two.told]).toEqual([[], []])
  queue.written(32)
  expect([one.told, two.told]).toEqual([[[8, 16]], []])
  queue.written(1)
  expect([one.told, two.told]).toEqual([[[8, 16]], [[24, 0]]])
})

test('who is told finds everything counted, and may write and send at once', () => {
  const { queue, one, two } = setUp()
  one.write(8)
  two.write(8)
  queue.take()
  let heldBytes = -1
  one.onTold = () => {
    one.onTold = () => undefined
    heldBytes = queue.heldBytes
    one.write(24)
    queue.take()
  }
  queue.written(32)
  expect([heldBytes, queue.heldBytes]).toEqual([0, 32])
  queue.written(32)
  expect(queue.heldBytes).toBe(0)
  expect([one.told, two.told]).toEqual([
    [
      [8, 0],
      [24, 0],
    ],
    [[8, 0]],
  ])
})

const OTHERS: ReadonlyArray<{ name: string; make: (setting: Setting) => void; has: boolean }> = [
  { name: 'nothing', make: () => undefined, has: false },
  { name: 'its own waits', make: ({ one }) => one.write(8), has: false },
  {
    name: 'its own is in flight',
    make: ({ one, queue }) => {
      one.write(8)
      queue.take()
    },
    has: false,
  },
  { name: 'another’s waits', make: ({ two }) => two.write(8), has: true },
  {
    name: 'another’s is settled',
    make: ({ two, queue }) => {
      two.write(8)
      queue.settle(2)
    },
    has: true,
  },
  {
    name: 'the last byte of another’s is in flight',
    make: ({ two, queue }) => {
      two.write(8)
      queue.take()
      queue.written(15)
    },
    has: true,
  },
  {
    name: 'another’s has gone',
    make: ({ two, queue }) => {
      two.write(8)
      queue.take()
      queue.written(16)
    },
    has: false,
  },
]

test.each(OTHERS)('output of others: $name', ({ make, has }) => {
  const setting = setUp()
  make(setting)
  expect(setting.queue.hasOutputOfOthers(setting.one)).toBe(has)
})

test('what is thrown away is neither sent nor confirmed, and its writers can begin again', () => {
  const { queue, one, two, three } = setUp()
  three.write(8)
  queue.take()
  one.write(8)
  two.write(8)
  queue.settle(2)
  queue.clear()
  expect([queue.isEmpty, queue.heldBytes, queue.hasOutputOfOthers(one)]).toEqual([true, 0, false])
  queue.written(100)
  expect([one.told, two.told, three.told]).toEqual([[], [], []])
  one.write(8)
  expect(queue.heldBytes).toBe(16)
  expect(takeIds(queue)).toEqual([1])
})
