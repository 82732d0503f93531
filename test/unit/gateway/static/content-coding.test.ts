import { expect, test } from 'vitest'
import { acceptedCodings } from '../../../../src/gateway/static/content-coding.ts'

const CASES: ReadonlyArray<readonly [field: string | undefined, names: string]> = [
  [undefined, ''],
  ['', ''],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['GZIP, Br', 'br gzip'],
  ['gzip, deflate, br, zstd', 'br zstd gzip'],
  ['gzip;q=1.0, br;q=0.5', 'gzip br'],
  ['gzip ; q=0.2 ,\tbr ; q=0.3', 'br gzip'],
  ['br;q=0, gzip', 'gzip'],
  ['br;q=0.000, gzip;q=0', ''],
  ['*', 'br zstd gzip'],
  ['*;q=0, gzip', 'gzip'],
  ['*;q=0.5, br;q=0', 'zstd gzip'],
  ['identity', ''],
  ['identity, gzip;q=0.5', ''],
  ['identity;q=0.5, gzip', 'gzip'],
  ['identity;q=0, gzip;q=0.1', 'gzip'],
  ['gzip;q=2', ''],
  ['gzip;q=0.1234', ''],
  ['gzip;level=9', ''],
  ['gzip gzip', ''],
  ['gz ip, br', 'br'],
  [`${'x,'.repeat(31)}gzip`, 'gzip'],
  [`${'x,'.repeat(32)}gzip`, ''],
]

for (const [field, names] of CASES) {
  test(`Accept-Encoding: ${field?.slice(0, 60)}`, () => {
    expect(
      acceptedCodings(field)
        .map(({ name }) => name)
        .join(' '),
    ).toBe(names)
  })
}
