/** A request of which a part has come, however small, is answered: its connection is neither closed nor handed over before. */
import { expect, test } from 'vitest'
import type { Listener } from '../../../src/gateway/listen/listener.ts'
import { connectRaw, get, listenFor, ManualClock, readRecords, sayHello } from './responder.ts'

const REQUEST = get(1, true)
/** Without the last record, an empty STDIN: `sayHello` answers before it has come. */
const UNANSWERED_BYTES = REQUEST.length - 8
const KEEP_ALIVE_IDLE_MS = 5000

const PARTINGS: ReadonlyArray<{
  readonly name: string
  readonly part: (listener: Listener) => void
  /** How many hand-overs there are once the request is answered. */
  readonly handedOver: number
}> = [
  { name: 'handOverKept', part: (listener) => listener.handOverKept(), handedOver: 0 },
  { name: 'closeIdle', part: (listener) => listener.closeIdle(), handedOver: 1 },
]

for (const { name, part, handedOver } of PARTINGS) {
  test(`${name} at every byte of a request`, async () => {
    for (let cut = 1; cut < UNANSWERED_BYTES; cut += 1) {
      let over = 0
      const handOver = (): boolean => {
        over += 1
        return true
      }
      const { listener, target } = await listenFor(sayHello, { handOver })
      const peer = connectRaw(target)
      peer.socket.write(REQUEST)
      await peer.until((bytes) => readRecords(bytes).ends === 1)
      peer.socket.write(REQUEST.subarray(0, cut))
      await turns()
      part(listener)
      expect({ cut, over }).toEqual({ cut, over: 0 })
      peer.socket.write(REQUEST.subarray(cut))
      const bytes = await peer.until((sofar) => readRecords(sofar).ends === 2)
      await turns()
      expect({ cut, over, ends: readRecords(bytes).ends }).toEqual({
        cut,
        over: handedOver,
        ends: 2,
      })
    }
  })
}

test('an idle connection is handed over, and read no more', async () => {
  let taken = 0
  const handOver = (): boolean => {
    taken += 1
    return true
  }
  const { listener, target } = await listenFor(sayHello, { handOver })
  const peer = connectRaw(target)
  peer.socket.write(REQUEST)
  await peer.until((bytes) => readRecords(bytes).ends === 1)
  listener.handOverKept()
  peer.socket.write(REQUEST)
  await turns()
  expect([taken, listener.connections, readRecords(peer.received()).ends]).toEqual([1, 0, 1])
})

test('one that nobody takes stays as it is', async () => {
  const { listener, target } = await listenFor(sayHello, { handOver: () => false })
  const peer = connectRaw(target)
  for (let ends = 1; ends <= 3; ends += 1) {
    peer.socket.write(REQUEST)
    await peer.until((bytes) => readRecords(bytes).ends === ends)
    listener.handOverKept()
  }
  expect(readRecords(peer.received()).ends).toBe(3)
})

test('a peer that stops in the middle of its next request is given up after the time of an idle one', async () => {
  const clock = new ManualClock()
  const timeouts = { keepAliveIdleMs: KEEP_ALIVE_IDLE_MS }
  const { listener, target } = await listenFor(sayHello, { clock, timeouts })
  const peer = connectRaw(target)
  peer.socket.write(REQUEST)
  await peer.until((bytes) => readRecords(bytes).ends === 1)
  peer.socket.write(REQUEST.subarray(0, 5))
  await turns()
  clock.pass(2 * KEEP_ALIVE_IDLE_MS)
  await peer.over
  await listener.drained()
})

/** What has been sent is read. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
}
