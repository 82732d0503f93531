import { expect, test } from 'vitest'
import { startProgress, startWaiting } from '../../../src/cli/progress.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function screen(isTTY: boolean, columns = 44) {
  const clock = new FakeClock()
  const written: string[] = []
  const write = (text: string): void => {
    written.push(text)
  }
  return { clock, written, stream: { isTTY, columns, write } }
}

test('a bar with a total', () => {
  const to = screen(true)
  const progress = startProgress('upload', 200, to)
  to.clock.advance(100)
  progress.update(50)
  progress.update(60) // too soon
  progress.update(200) // the end is always shown
  progress.end()
  progress.end()
  progress.update(10)
  expect(to.written).toEqual([
    '\r\x1b[Kupload     [....................] 0 %',
    '\r\x1b[Kupload     [#####...............] 25 %',
    '\r\x1b[Kupload     [####################] 100 %',
    '\r\x1b[K',
  ])
})

test('without a total it says how much there is so far', () => {
  const to = screen(true)
  const progress = startProgress('read', undefined, to)
  to.clock.advance(100)
  progress.update(3 * 1024 * 1024)
  progress.end()
  expect(to.written).toEqual([
    '\r\x1b[Kread       ...',
    '\r\x1b[Kread       3.0 MiB ...',
    '\r\x1b[K',
  ])
})

test('nothing where there is no terminal', () => {
  const to = screen(false)
  const progress = startProgress('upload', 10, to)
  progress.update(10)
  progress.end()
  expect(to.written).toEqual([])
})

test('what cannot say how far it is shows that it goes on, and for how long', () => {
  const to = screen(true, 39)
  const waiting = startWaiting('compile', to)
  to.clock.advance(250)
  waiting.end()
  waiting.end()
  to.clock.advance(1000)
  expect(to.written).toEqual([
    '\r\x1b[Kcompile    [###............] 0.0 s',
    '\r\x1b[Kcompile    [.###...........] 0.1 s',
    '\r\x1b[Kcompile    [..###..........] 0.2 s',
    '\r\x1b[K',
  ])
  expect(to.clock.pending).toBe(0)
  startWaiting('compile', to)
  to.clock.advance(1300)
  expect(to.written.at(-2)).toContain('[............###] 1.2 s')
  expect(to.written.at(-1)).toContain('[...........###.] 1.3 s')
  const nowhere = screen(false)
  startWaiting('compile', nowhere)
  expect([nowhere.written, nowhere.clock.pending]).toEqual([[], 0])
  const narrow = screen(true, 10)
  startWaiting('compile', narrow)
  expect(narrow.written.at(-1)).toContain('[] 0.0 s')
})

test('a total of nothing, and more than all of it', () => {
  for (const [total, done] of [
    [0, 0],
    [10, 20],
  ] as const) {
    const to = screen(true)
    startProgress('x', total, to).update(done)
    expect(to.written.at(-1)).toContain('] 100 %')
  }
})
