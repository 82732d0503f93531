/** Bytes of all connections of a listener, whatever becomes of them. */
import { expect, test } from 'vitest'
import { detach } from '../../../src/base/raw-socket.ts'
import { connectRaw, get, listenFor, readRecords, sayHello } from './responder.ts'

const REQUEST = get(1, true)
const LAST_REQUEST = get(1, false)

test('they are counted while it is open, when it is closed, and when it is handed over', async () => {
  const { listener, target } = await listenFor(sayHello, {
    handOver: (socket) => {
      const raw = detach(socket)
      raw?.close()
      return raw !== undefined
    },
  })
  const traffic = (): number[] => [listener.receivedBytes, listener.sentBytes]
  expect(traffic()).toEqual([0, 0])
  const kept = connectRaw(target)
  kept.socket.write(REQUEST)
  const answer = await kept.until((bytes) => readRecords(bytes).ends === 1)
  expect(traffic()).toEqual([REQUEST.length, answer.length])
  const closed = connectRaw(target)
  closed.socket.write(LAST_REQUEST)
  await closed.over
  await expect.poll(() => listener.connections).toBe(1)
  const all = [REQUEST.length + LAST_REQUEST.length, 2 * answer.length]
  expect(traffic()).toEqual(all)
  listener.handOverKept()
  expect([listener.connections, ...traffic()]).toEqual([0, ...all])
})
