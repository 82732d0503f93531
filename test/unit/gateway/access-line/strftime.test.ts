/** Against strftime(3) itself, through date(1): the C library is the reference. */
import { execFileSync } from 'node:child_process'
import { afterEach, expect, test, vi } from 'vitest'
import { strftime } from '../../../../src/gateway/access-line/strftime.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

const LETTERS = 'aAbBcCdDeFgGhHIjklmMpPrRsSTuUVwWxXyYz%'
const FORMAT = [...LETTERS].map((letter) => `${letter}=%${letter}`).join('|')

/** Ends and starts of years, whose ISO weeks belong to the other year; leap days; midnights and noons. */
const MOMENTS = [
  '2026-01-01T00:00:00Z',
  '2026-01-04T23:59:59Z',
  '2024-02-29T12:00:00Z',
  '2024-12-30T12:34:56Z',
  '2020-12-31T23:30:00Z',
  '2021-01-03T05:00:00Z',
  '2026-06-07T00:00:01Z',
  '1999-12-31T13:00:00Z',
]

for (const zone of ['UTC', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Kiritimati']) {
  test(`every conversion in ${zone} as date(1) has it`, () => {
    vi.stubEnv('TZ', zone)
    const seconds = MOMENTS.map((moment) => Date.parse(moment) / 1000)
    const theirs = seconds.map((second) =>
      execFileSync('date', ['-d', `@${second}`, `+${FORMAT}`], {
        env: { TZ: zone, LC_ALL: 'C', PATH: '/usr/bin:/bin' },
        encoding: 'utf8',
      }).trimEnd(),
    )
    expect(seconds.map((second) => strftime(FORMAT, second * 1000))).toEqual(theirs)
  })
}

test('what is no conversion stays, E and O are passed over', () => {
  vi.stubEnv('TZ', 'UTC')
  expect(strftime('%Q %Ey %Od 100%', 0)).toBe('%Q 70 01 100%')
  expect(strftime('%n%t', 0)).toBe('\n\t')
})

test('the name of the zone', () => {
  vi.stubEnv('TZ', 'UTC')
  expect(strftime('%Z', 0)).toBe('UTC')
})
