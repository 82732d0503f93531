import { expect, test } from 'vitest'
import { authenticate } from '../../../src/admin/authenticate.ts'
import { mintToken } from '../../../src/admin/bearer-token.ts'

const NOW_MS = Date.parse('2026-03-01T00:00:00Z')

function mint(name: string, lifeMs: number | undefined) {
  const scopes = ['publish'] as const
  return mintToken({ name, tenant: 'acme', scopes, nowMs: NOW_MS - 1000, lifeMs })
}

const good = mint('good', undefined)
const expired = mint('expired', 1000)
const revoked = mint('revoked', undefined)
const tokens = {
  find: async (id: string) =>
    [good, expired].map(({ record }) => record).find((record) => record.id === id),
}

/** The right id, and somebody else's secret. */
const mixed = good.token.slice(0, 18) + revoked.token.slice(18)

const CASES = [
  { name: 'no field', authorization: [], code: 'ADMIN_NO_TOKEN' },
  { name: 'an empty field', authorization: [''], code: 'ADMIN_BAD_TOKEN' },
  { name: 'no token', authorization: ['Bearer'], code: 'ADMIN_BAD_TOKEN' },
  { name: 'another scheme', authorization: [`Basic ${good.token}`], code: 'ADMIN_BAD_TOKEN' },
  { name: 'no scheme', authorization: [good.token], code: 'ADMIN_BAD_TOKEN' },
  { name: 'something else', authorization: ['Bearer secret'], code: 'ADMIN_BAD_TOKEN' },
  { name: 'two in one', authorization: [`Bearer ${good.token} x`], code: 'ADMIN_BAD_TOKEN' },
  {
    name: 'two fields',
    authorization: [`Bearer ${good.token}`, `Bearer ${good.token}`],
    code: 'ADMIN_BAD_TOKEN',
  },
  { name: 'revoked', authorization: [`Bearer ${revoked.token}`], code: 'ADMIN_BAD_TOKEN' },
  { name: 'a wrong secret', authorization: [`Bearer ${mixed}`], code: 'ADMIN_BAD_TOKEN' },
  { name: 'expired', authorization: [`Bearer ${expired.token}`], code: 'ADMIN_EXPIRED_TOKEN' },
]

test.for(CASES)('$name', async ({ authorization, code }) => {
  for (const isOperatorsOwn of [false, true]) {
    // What is sent counts on the operator's own socket, too: only nothing at all is no token.
    if (isOperatorsOwn && authorization.length === 0) continue
    await expect(
      authenticate({ authorization, isOperatorsOwn }, tokens, NOW_MS),
    ).rejects.toMatchObject({ code })
  }
})

test.for([`Bearer ${good.token}`, `bearer   ${good.token} `])('%s', async (field) => {
  const credentials = { authorization: [field], isOperatorsOwn: false }
  expect(await authenticate(credentials, tokens, NOW_MS)).toEqual({
    id: good.record.id,
    name: 'good',
    tenant: 'acme',
    scopes: new Set(['publish']),
  })
})

test('the operator at the operator’s own socket', async () => {
  const credentials = { authorization: [], isOperatorsOwn: true }
  expect(await authenticate(credentials, tokens, NOW_MS)).toEqual({
    id: 'local',
    name: undefined,
    tenant: undefined,
    scopes: new Set(['publish', 'read', 'operate']),
  })
})
