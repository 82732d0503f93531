import { expect, test } from 'vitest'
import { parseChallenges } from '../../../src/oci/challenge.ts'

const CASES: readonly (readonly [header: string, ...(readonly [string, object])[]])[] = [
  [''],
  [',,  ,'],
  ['Basic realm="x"', ['basic', { realm: 'x' }]],
  ['Basic', ['basic', {}]],
  [
    'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
    [
      'bearer',
      {
        realm: 'https://auth.example/token',
        service: 'registry.example',
        scope: 'repository:a/b:pull,push',
      },
    ],
  ],
  [
    'BEARER Realm = token , error=insufficient',
    ['bearer', { realm: 'token', error: 'insufficient' }],
  ],
  [
    'Negotiate, Basic realm="a, b=c", Bearer realm="d"',
    ['negotiate', {}],
    ['basic', { realm: 'a, b=c' }],
    ['bearer', { realm: 'd' }],
  ],
  ['Basic realm="a \\"quoted\\" \\\\ one"', ['basic', { realm: 'a "quoted" \\ one' }]],
  ['Basic realm=""', ['basic', { realm: '' }]],
  // Not closed: what can be read before it counts.
  ['Bearer service="s", realm="x', ['bearer', { service: 's' }], ['realm', {}]],
  ['realm="x"'],
]

test.for(CASES)('%s', ([header, ...wanted]) => {
  const found = parseChallenges(header)
  expect(found.map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])).toEqual(
    wanted,
  )
})

test('a hostile header takes no time', () => {
  const header = `Bearer realm="${'\\"'.repeat(4000)}, ${'a='.repeat(2000)}${' ,'.repeat(2000)}`
  const startMs = performance.now()
  parseChallenges(header)
  expect(performance.now() - startMs).toBeLessThan(500)
})
