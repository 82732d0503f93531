/** Every endpoint against every wrong token, and against the right one. The endpoints are those that the server says it has. */
import { expect, test } from 'vitest'
import { type Reply, type RunningApi, startApi } from './api.ts'

interface Operation {
  readonly method: string
  readonly path: string
  readonly reach: string
  readonly scope: 'publish' | 'read' | 'operate' | undefined
}

async function operationsOf(api: RunningApi): Promise<readonly Operation[]> {
  const { json } = await api.send('GET', '/v1/openapi.json')
  const paths = (json as { paths: Record<string, Record<string, Record<string, string>>> }).paths
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      reach: operation['x-reach'] ?? 'open',
      scope: operation['x-scope'] as Operation['scope'],
    })),
  )
}

/** A request for tenant acme that would do something, if it were let in. */
function requestOf(api: RunningApi, { method, path }: Operation, token: string | undefined) {
  const real = path
    .replace('{tenant}', 'acme')
    .replace('{handler}', 'hello')
    .replace('{token}', '0123456789ab')
    .replace('{release}', 'a'.repeat(64))
    .replace('{key}', '0123456789abcdef')
  return api.send(method, real, { token, ...(method === 'POST' ? { body: {} } : {}) })
}

const ALL = ['publish', 'read', 'operate'] as const

test('nothing is done, and nothing is said, for a wrong token', async () => {
  const api = await startApi({ limits: { badTokens: 10_000 }, admin: 'rate_limit = 100000' })
  const operations = (await operationsOf(api)).filter(({ reach }) => reach !== 'open')
  expect(operations.length).toBeGreaterThanOrEqual(18)
  const operator = await api.token(undefined, ALL)
  const revoked = await api.token(undefined, ALL)
  await api.tokens.remove(revoked.slice(5, 17))
  const expired = await api.token(undefined, ALL, -1000)
  const wrong = [
    { name: 'none', token: undefined, code: 'ADMIN_NO_TOKEN' },
    { name: 'malformed', token: 'secret', code: 'ADMIN_BAD_TOKEN' },
    { name: 'unknown', token: `wfpm_0123456789ab_${'A'.repeat(43)}`, code: 'ADMIN_BAD_TOKEN' },
    {
      name: 'wrong secret',
      token: operator.slice(0, 18) + 'A'.repeat(43),
      code: 'ADMIN_BAD_TOKEN',
    },
    { name: 'revoked', token: revoked, code: 'ADMIN_BAD_TOKEN' },
    { name: 'expired', token: expired, code: 'ADMIN_EXPIRED_TOKEN' },
  ]
  for (const operation of operations) {
    for (const { name, token, code } of wrong) {
      const reply = await requestOf(api, operation, token)
      const what = `${operation.method} ${operation.path}, ${name}`
      expect([what, reply.status, reply.code]).toEqual([what, 401, code])
      expect(reply.headers['www-authenticate']).toMatch(/^Bearer realm="wasm-fpm"/)
    }
  }
  expect(api.asked).toEqual([])
  expect(await api.store.tenants()).toEqual([])
  // Every one of them is written down.
  expect(api.audit()).toHaveLength(operations.length * wrong.length)
})

test('a token of a tenant does not get at another one, nor at what operators do', async () => {
  const api = await startApi()
  const operations = await operationsOf(api)
  const other = await api.token('other', ALL)
  for (const operation of operations.filter(({ reach }) => reach === 'tenant')) {
    const foreign = await requestOf(api, operation, other)
    const what = `${operation.method} ${operation.path}`
    expect([what, foreign.status, foreign.code]).toEqual([what, 404, 'ADMIN_UNKNOWN_TENANT'])
    // In the same words as for one that does not exist.
    const missing = await requestOf(
      api,
      { ...operation, path: operation.path.replace('{tenant}', 'nobody') },
      other,
    )
    expect(missing.text.replaceAll('nobody', 'acme')).toBe(foreign.text)
  }
  for (const operation of operations.filter(({ reach }) => reach === 'operator')) {
    const reply = await requestOf(api, operation, other)
    const what = `${operation.method} ${operation.path}`
    expect([what, reply.status, reply.code]).toEqual([what, 403, 'ADMIN_FORBIDDEN'])
  }
  const { json } = await api.send('GET', '/v1/tenants', { token: other })
  expect((json as { tenants: object[] }).tenants).toMatchObject([{ name: 'other' }])
  expect(api.asked).toEqual([])
  expect(await api.tokens.list()).toHaveLength(1)
})

/** Ways to write another tenant's name, or to lead to it. */
const NAMES = [
  ...[
    'other',
    'OTHER',
    'Other',
    '%6fther',
    'other%20',
    'other%00',
    'acme%00other',
    'acme%2f..%2fother',
  ],
  ...['../other', 'acme/../other', './other', '/other', 'acme//other', 'acme;other', 'acme,other'],
  ...['*', 'o*', '[o]ther', '{tenant}', '__proto__', 'acm', 'acme2', 'a'.repeat(64), '', '.', '..'],
]

test('no name leads a token of a tenant to another one', async () => {
  const api = await startApi()
  const token = await api.token('acme', ['read', 'publish'])
  for (const name of NAMES) {
    for (const rest of ['', '/logs', '/status', '/routes', '/releases']) {
      const { status, code } = await api.send('GET', `/v1/tenants/${name}${rest}`, { token })
      expect([name, status]).toEqual([name, 404])
      expect(code).toMatch(/^ADMIN_UNKNOWN_(?:TENANT|PATH)$/)
    }
  }
  const twice = await api.send('GET', '/v1/tenants/acme/logs?tenant=other', { token })
  expect(twice.code).toBe('ADMIN_BAD_REQUEST')
  expect(api.asked).toEqual([])
})

test('two tokens are none, whosever they are', async () => {
  const api = await startApi()
  const [acme, operator] = [await api.token('acme', ['read']), await api.token(undefined, ['read'])]
  for (const pair of [
    [acme, operator],
    [operator, acme],
    [acme, acme],
  ]) {
    const headers = { authorization: pair.map((token) => `Bearer ${token}`) }
    expect((await api.send('GET', '/v1/status', { headers })).code).toBe('ADMIN_BAD_TOKEN')
    const joined = { authorization: pair.map((token) => `Bearer ${token}`).join(', ') }
    expect((await api.send('GET', '/v1/status', { headers: joined })).code).toBe('ADMIN_BAD_TOKEN')
  }
})

test('each scope is good for what it says and for nothing else', async () => {
  const api = await startApi()
  const operations = await operationsOf(api)
  for (const operation of operations) {
    const { reach, scope } = operation
    if (scope === undefined) continue
    const whose = reach === 'operator' ? undefined : 'acme'
    const what = `${operation.method} ${operation.path}`
    const lacking = await api.token(
      whose,
      ALL.filter((one) => one !== scope),
    )
    const refused = await requestOf(api, operation, lacking)
    expect([what, refused.status, refused.code]).toEqual([what, 403, 'ADMIN_MISSING_SCOPE'])
    expect(refused.headers['www-authenticate']).toContain('insufficient_scope')
    const right = await requestOf(api, operation, await api.token(whose, [scope]))
    expect(REFUSALS, `${what}: ${right.text}`).not.toContain(right.code)
  }
})

const REFUSALS = [
  'ADMIN_NO_TOKEN',
  'ADMIN_BAD_TOKEN',
  'ADMIN_FORBIDDEN',
  'ADMIN_MISSING_SCOPE',
  'ADMIN_UNKNOWN_TENANT',
]

const status = async (reply: Promise<Reply>): Promise<number> => (await reply).status

test('without a token: the operator’s own socket, and no other', async () => {
  const path = '/v1/tenants'
  const own = await startApi()
  expect(await status(own.send('GET', path, { isLocal: true }))).toBe(200)
  expect(await status(own.send('GET', path))).toBe(401)
  // What comes through a proxy comes from anybody.
  for (const name of ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via']) {
    const headers = { [name]: '192.0.2.1' }
    expect(await status(own.send('GET', path, { isLocal: true, headers }))).toBe(401)
  }
  // A wrong token is none the better for the socket it comes by.
  expect(await status(own.send('GET', path, { isLocal: true, token: 'secret' }))).toBe(401)
  const open = await startApi({ isOpenSocket: true })
  expect(await status(open.send('GET', path, { isLocal: true }))).toBe(401)
  const strict = await startApi({ admin: 'require_token = true' })
  expect(await status(strict.send('GET', path, { isLocal: true }))).toBe(401)
  const token = await strict.token('acme', ['read'])
  expect(await status(strict.send('GET', path, { isLocal: true, token }))).toBe(200)
})

test('a token is good as long as it is in the file, whoever takes it out', async () => {
  const api = await startApi()
  const token = await api.token('acme', ['read'])
  for (let round = 0; round < 3; round += 1) {
    expect(await status(api.send('GET', '/v1/tenants', { token }))).toBe(200)
  }
  await api.tokens.remove(token.slice(5, 17))
  expect(await status(api.send('GET', '/v1/tenants', { token }))).toBe(401)
})

test('tokens over the network: no more than one has oneself', async () => {
  const api = await startApi()
  const token = await api.token(undefined, ['operate', 'read'])
  const make = (body: object) => api.send('POST', '/v1/tokens', { token, body })
  for (const body of [
    { tenant: 'acme', scopes: ['publish'] },
    { operator: true, scopes: ['operate', 'publish'] },
  ]) {
    expect((await make(body)).code).toBe('ADMIN_FORBIDDEN')
  }
  for (const body of [
    {},
    { scopes: [] },
    { scopes: ['read'] },
    { tenant: 'acme', operator: true, scopes: ['read'] },
    { tenant: 'acme', scopes: ['operate'] },
    { tenant: 'acme', scopes: ['root'] },
    { tenant: 'acme', scopes: ['read'], more: 1 },
    { tenant: 'acme', scopes: ['read'], expiresInSeconds: 0 },
  ]) {
    expect((await make(body)).code).toBe('ADMIN_BAD_REQUEST')
  }
  expect((await make({ tenant: 'nobody', scopes: ['read'] })).code).toBe('ADMIN_UNKNOWN_TENANT')
  const made = await make({ tenant: 'acme', scopes: ['read'], name: 'x', expiresInSeconds: 60 })
  expect(made.status).toBe(201)
  const { id, token: fresh } = made.json as { id: string; token: string }
  expect(await status(api.send('GET', '/v1/tenants/acme', { token: fresh }))).toBe(200)
  expect(await status(api.send('GET', '/v1/tenants/other', { token: fresh }))).toBe(404)
  const list = await api.send('GET', '/v1/tokens', { token })
  expect(list.text).toContain(id)
  expect(list.text).not.toMatch(/hash|wfpm_/)
  expect(await status(api.send('DELETE', `/v1/tokens/${id}`, { token }))).toBe(200)
  expect(await status(api.send('GET', '/v1/tenants/acme', { token: fresh }))).toBe(401)
  const changes = api.audit().filter(({ status: one }) => one === 201 || one === 200)
  expect(changes.map(({ what, token: of }) => [what, of])).toEqual([
    ['createToken', id],
    ['revokeToken', id],
  ])
  expect(JSON.stringify(api.audit())).not.toContain(fresh.slice(-43))
})
