import { expect, test } from 'vitest'
import { hashOf, idOf, isExpired, isTokenOf, mintToken } from '../../../src/admin/bearer-token.ts'

const NOW_MS = Date.parse('2026-03-01T00:00:00Z')

const mint = (changes = {}) =>
  mintToken({
    name: 'ci',
    tenant: 'acme',
    scopes: ['read', 'publish'],
    nowMs: NOW_MS,
    lifeMs: undefined,
    ...changes,
  })

test('a token has 256 random bits, and its record has none of them', () => {
  const { token, record } = mint({ lifeMs: 86_400_000 })
  expect(token).toMatch(/^wfpm_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/)
  expect(Buffer.from(token.slice(-43), 'base64url')).toHaveLength(32)
  expect(record).toEqual({
    id: token.slice(5, 17),
    name: 'ci',
    tenant: 'acme',
    scopes: ['publish', 'read'],
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    createdAt: '2026-03-01T00:00:00.000Z',
    expiresAt: '2026-03-02T00:00:00.000Z',
  })
  expect(JSON.stringify(record)).not.toContain(token.slice(-43))
})

test('no two tokens are alike', () => {
  const all = Array.from({ length: 200 }, () => mint().token)
  expect(new Set(all).size).toBe(200)
  expect(new Set(all.map((token) => token.slice(-43))).size).toBe(200)
})

test('the hash is SHA-256 of the whole text', () => {
  // sha256sum of "abc", FIPS 180-2, appendix B.1.
  expect(hashOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('only the token itself is that of its record', () => {
  const { token, record } = mint()
  expect(isTokenOf(token, record)).toBe(true)
  for (let at = 0; at < token.length; at += 1) {
    const other = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
    expect(isTokenOf(other, record)).toBe(false)
  }
  expect(isTokenOf('', record)).toBe(false)
  expect(isTokenOf(token, mint().record)).toBe(false)
  expect(isTokenOf(token, { hash: '' })).toBe(false)
})

const SECRET = 'A'.repeat(43)
const IDS = [
  { text: `wfpm_0123456789ab_${SECRET}`, id: '0123456789ab' },
  { text: `wfpm_0123456789ab_${'_-'.repeat(21)}9`, id: '0123456789ab' },
  { text: '', id: undefined },
  { text: SECRET, id: undefined },
  { text: `wfpm_0123456789AB_${SECRET}`, id: undefined },
  { text: `wfpm_0123456789a_${SECRET}`, id: undefined },
  { text: `wfpm_0123456789ab_${SECRET}A`, id: undefined },
  { text: `wfpm_0123456789ab_${SECRET.slice(1)}`, id: undefined },
  { text: `wfpm_0123456789ab_${SECRET.slice(1)}=`, id: undefined },
  { text: ` wfpm_0123456789ab_${SECRET}`, id: undefined },
  { text: `wfpm_0123456789ab_${SECRET}\n`, id: undefined },
  { text: `WFPM_0123456789ab_${SECRET}`, id: undefined },
]

test.for(IDS)('the id in $text', ({ text, id }) => {
  expect(idOf(text)).toBe(id)
})

const EXPIRIES = [
  { expiresAt: undefined, isOver: false },
  { expiresAt: '2026-03-01T00:00:00.001Z', isOver: false },
  { expiresAt: '2026-03-01T00:00:00.000Z', isOver: true },
  { expiresAt: '2026-02-28T23:59:59.999Z', isOver: true },
  { expiresAt: 'when pigs fly', isOver: true },
]

test.for(EXPIRIES)('until $expiresAt', ({ expiresAt, isOver }) => {
  expect(isExpired({ expiresAt }, NOW_MS)).toBe(isOver)
})
