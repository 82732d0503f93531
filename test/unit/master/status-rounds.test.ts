import { expect, test } from 'vitest'
import { ROUND_MS, type RoundMember, StatusRounds } from '../../../src/master/status-rounds.ts'
import { FakeClock } from '../../support/fake-clock.ts'

class Member implements RoundMember {
  readonly asked: Array<readonly [id: number, tenant: string]> = []
  readonly told: Array<readonly [id: number, statuses: readonly string[]]> = []

  askStatus(id: number, tenant: string): void {
    this.asked.push([id, tenant])
  }

  tellStatuses(id: number, statuses: readonly string[]): void {
    this.told.push([id, statuses])
  }
}

function setUp() {
  const clock = new FakeClock()
  const rounds = new StatusRounds<Member>(clock)
  const [asker, first, second] = [new Member(), new Member(), new Member()]
  return { clock, rounds, asker, first, second }
}

test('the answers of all others come back to whoever asked', () => {
  const { clock, rounds, asker, first, second } = setUp()
  rounds.start({ asker, id: 7, tenant: 'acme' }, [first, second])
  expect([first.asked, second.asked, asker.asked]).toEqual([[[1, 'acme']], [[1, 'acme']], []])
  rounds.answer(second, 1, 'two')
  expect(asker.told).toEqual([])
  rounds.answer(first, 1, 'one')
  expect(asker.told).toEqual([[7, ['two', 'one']]])
  expect(clock.pending).toBe(0)
})

test('those that do not answer in time are left out', () => {
  const { clock, rounds, asker, first, second } = setUp()
  rounds.start({ asker, id: 1, tenant: 'acme' }, [first, second])
  rounds.answer(first, 1, 'one')
  clock.advance(ROUND_MS - 1)
  expect(asker.told).toEqual([])
  clock.advance(1)
  expect(asker.told).toEqual([[1, ['one']]])
  rounds.answer(second, 1, 'late')
  expect(asker.told).toHaveLength(1)
})

test('nobody answers twice, for others, or what was not asked', () => {
  const { rounds, asker, first, second } = setUp()
  rounds.start({ asker, id: 1, tenant: 'acme' }, [first, second])
  rounds.answer(first, 1, 'one')
  rounds.answer(first, 1, 'again')
  rounds.answer(asker, 1, 'own')
  rounds.answer(second, 99, 'other')
  expect(asker.told).toEqual([])
  rounds.answer(second, 1, undefined)
  expect(asker.told).toEqual([[1, ['one']]])
})

test('nobody waits for a worker that has ended, and a lone worker waits for nobody', () => {
  const { rounds, asker, first, clock } = setUp()
  rounds.start({ asker, id: 1, tenant: 'acme' }, [first])
  rounds.forget(first)
  rounds.start({ asker, id: 2, tenant: 'acme' }, [])
  expect(asker.told).toEqual([
    [1, []],
    [2, []],
  ])
  expect(clock.pending).toBe(0)
})
