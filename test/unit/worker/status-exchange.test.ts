import { expect, test } from 'vitest'
import type { WorkerMessage } from '../../../src/ipc/messages.ts'
import { STATUS_WAIT_MS, StatusExchange } from '../../../src/worker/status-exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'

test('each question has its own answer, and one without an answer ends in time', async () => {
  const clock = new FakeClock()
  const sent: WorkerMessage[] = []
  const statuses = new StatusExchange({ clock, send: (message) => void sent.push(message) })
  const [first, second] = [statuses.ask('a'), statuses.ask('b')]
  expect(sent).toEqual([
    { kind: 'ask-status', id: 1, tenant: 'a' },
    { kind: 'ask-status', id: 2, tenant: 'b' },
  ])
  const told = { statuses: ['of b'], droppedLines: { master: 1, admin: 2 } }
  statuses.settle(2, told)
  expect(await second).toEqual(told)
  clock.advance(STATUS_WAIT_MS)
  expect(await first).toEqual({ statuses: [] })
  statuses.settle(1, { statuses: ['late'] })
  expect(clock.pending).toBe(0)
})
