import { expect, test } from 'vitest'
import { parseAccessFormat } from '../../../src/config/access-format.ts'

const CASES: ReadonlyArray<readonly [format: string, tokens: string | undefined]> = [
  ['%R - %u', 'R;text: - ;u'],
  ['100%%', 'text:100;text:%'],
  ['%C %{USER}C %{system}C', 'C:total;text: ;C:user;text: ;C:system'],
  [
    '%d%{milli}d%{milliseconds}d%{micro}d',
    'd:seconds;d:milliseconds;d:milliseconds;d:microseconds',
  ],
  ['%{mili}d%{miliseconds}d%{MILISECONDS}d', 'd:milliseconds;d:milliseconds;d:milliseconds'],
  ['%M%{kilo}M%{megabytes}M', 'M:bytes;M:kilobytes;M:megabytes'],
  ['%{HTTP_HOST}e%{Content-Type}o', 'e:HTTP_HOST;o:Content-Type'],
  ['%t%{%Y}T', 't:%d/%b/%Y:%H:%M:%S %z;T:%Y'],
  ['\t%s', 'text:\t;s'],
  ['é%s', 'text:é;s'],
  ['', ''],
  // What php-fpm refuses.
  ['%', undefined],
  ['%z', undefined],
  ['%é', undefined],
  ['%{x', undefined],
  ['%{x}', undefined],
  ['%e', undefined],
  ['%o', undefined],
  ['%{}e', undefined],
  ['%{x}s', undefined],
  ['%{}s', undefined],
  ['%{hours}d', undefined],
  ['%{mili}M', undefined],
  ['%{giga}M', undefined],
  ['%{idle}C', undefined],
  ['%{constructor}d', undefined],
  // What would make two lines of one.
  ['%s\n%r', undefined],
  ['%s\r', undefined],
  ['x'.repeat(4097), undefined],
]
for (const [format, tokens] of CASES) {
  test(`format ${JSON.stringify(format.slice(0, 40))}`, () => {
    const found = parseAccessFormat(format)
    const print = ({ letter, modifier }: { letter: string; modifier: string }) =>
      modifier === '' ? letter : `${letter}:${modifier}`
    expect(found?.map(print).join(';')).toBe(tokens)
  })
}
