/** A table of requests: whatever comes and goes in whatever order, what is there is found, counted and listed. */
import { expect, test } from 'vitest'
import { ActiveRequests } from '../../../src/fastcgi/active-requests.ts'

test('answers as a Map does', () => {
  const table = new ActiveRequests<{ readonly id: number; readonly turn: number }>()
  const model = new Map<number, { readonly id: number; readonly turn: number }>()
  let seed = 7
  for (let turn = 0; turn < 5000; turn += 1) {
    seed = (seed * 1_103_515_245 + 12_345) % 0x8000_0000
    const id = (seed >> 8) % 5
    if (turn % 997 === 0) {
      table.clear()
      model.clear()
    } else if (model.has(id)) {
      table.delete(id)
      model.delete(id)
    } else {
      table.add({ id, turn })
      model.set(id, { id, turn })
    }
    table.delete(9) // there is none
    expect(table.size).toBe(model.size)
    expect([0, 1, 2, 3, 4].map((one) => table.get(one)?.turn)).toEqual(
      [0, 1, 2, 3, 4].map((one) => model.get(one)?.turn),
    )
    expect(
      table
        .all()
        .map((one) => one.turn)
        .sort(),
    ).toEqual([...model.values()].map((one) => one.turn).sort())
  }
})
