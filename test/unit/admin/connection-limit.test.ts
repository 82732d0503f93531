import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { ConnectionLimit } from '../../../src/admin/connection-limit.ts'

class FakeSocket extends EventEmitter {
  destroyed = false

  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
}

function several(connections: ConnectionLimit, count: number): readonly FakeSocket[] {
  return Array.from({ length: count }, () => {
    const socket = new FakeSocket()
    connections.add(socket as unknown as Socket)
    return socket
  })
}

const closed = (sockets: readonly FakeSocket[]) => sockets.map(({ destroyed }) => destroyed)

test('the one that has been idle for longest goes for a new one', () => {
  const connections = new ConnectionLimit(3)
  const sockets = several(connections, 3)
  connections.hold(sockets[0] as unknown as Socket)()
  const more = several(connections, 1)
  expect(closed([...sockets, ...more])).toEqual([false, true, false, false])
  expect(connections.size).toBe(3)
})

test('none goes on which somebody waits, however often', () => {
  const connections = new ConnectionLimit(2)
  const sockets = several(connections, 2)
  const [first, second] = sockets as unknown as [Socket, Socket]
  const ends = [connections.hold(first), connections.hold(first), connections.hold(second)]
  expect(closed([...sockets, ...several(connections, 1)])).toEqual([false, false, true])
  ends[0]?.()
  expect(closed(several(connections, 1))).toEqual([true])
  ends[1]?.()
  expect(closed([...sockets, ...several(connections, 1)])).toEqual([true, false, false])
})

test('what closes by itself is forgotten, also while somebody waits', () => {
  const connections = new ConnectionLimit(2)
  const [first, second] = several(connections, 2)
  const end = connections.hold(first as unknown as Socket)
  first?.destroy()
  second?.destroy()
  end()
  connections.hold(second as unknown as Socket)()
  expect(connections.size).toBe(0)
})
