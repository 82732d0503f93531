/** What a component meets in a run that nobody has asked for. */
import { expect, test } from 'vitest'
import type { HandlerSettings } from '../../../src/gateway/handler-settings.ts'
import { rehearsalOf } from '../../../src/gateway/warm-requests.ts'
import { DEFAULT_WASI_LIMITS } from '../../../src/wasi/session.ts'

test('GET / of its tenant, with its variables, and no files, connections or buckets', () => {
  const settings = { env: { GREETING: 'hi' } } as unknown as HandlerSettings
  const hosts = ['*.acme.example', 'acme.example']
  const { grants } = rehearsalOf(settings, { hosts, limits: DEFAULT_WASI_LIMITS })
  expect(Object.keys(grants).sort()).toEqual(['env', 'limits', 'preopens', 'random'])
  expect(grants.preopens).toEqual([])
  const variables = grants.env.map((entry) => Buffer.from(entry).toString('latin1'))
  expect(variables).toEqual(
    expect.arrayContaining([
      'REQUEST_METHOD=GET',
      'REQUEST_URI=/',
      'HTTP_HOST=acme.example',
      'PATH_INFO=/',
      'GREETING=hi',
    ]),
  )
})
