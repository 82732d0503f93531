/** Who gets to see the password, and what is done with tokens. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Behaviour, type FakeRegistry, serve } from './fake-registry.ts'
import { MODULE, usePullPlace, WASM } from './pull-place.ts'

const place = usePullPlace()
const { start, pull } = place

const CREDENTIALS = { username: 'deploy', password: 'se:cret' }
// printf 'deploy:se:cret' | base64
const BASIC = 'Basic ZGVwbG95OnNlOmNyZXQ='

/** A registry that wants `Bearer TOKEN` and sends everybody else away with that header. */
async function startAsking(challenge: string, token = 'good'): Promise<FakeRegistry> {
  const ask: Behaviour = ({ headers }, response) => {
    if (headers.authorization === `Bearer ${token}`) return false
    response.writeHead(401, { 'www-authenticate': challenge }).end('{}')
    return true
  }
  return await start(ask, ...serve([WASM]))
}

const answer =
  (status: number, body: string): Behaviour =>
  (_asked, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    return true
  }

test('a token from another host, for which it gets the password', async () => {
  const tokens = await start(answer(200, '{"token":"good","expires_in":60}'))
  const realm = `http://localhost:${tokens.port}/token?a=b`
  const registry = await startAsking(
    `Bearer realm="${realm}",service="registry & co",scope="repository:other/thing:delete"`,
  )
  const { path } = await pull(registry, { credentials: CREDENTIALS })
  expect(readFileSync(path)).toEqual(MODULE)
  expect(tokens.asked).toHaveLength(1)
  const [asked] = tokens.asked
  expect(asked?.headers.authorization).toBe(BASIC)
  // What we want to do, not what the registry says we want.
  expect(Object.fromEntries(new URL(asked?.path ?? '', realm).searchParams)).toEqual({
    a: 'b',
    service: 'registry & co',
    scope: 'repository:acme/shop:pull',
  })
  // The registry itself sees tokens only, and the token is used for all that follows.
  const shown = registry.asked.map(({ headers }) => headers.authorization)
  expect(shown).toEqual([undefined, 'Bearer good', 'Bearer good'])
})

test('a token for anybody', async () => {
  const tokens = await start(answer(200, '{"access_token":"good"}'))
  const registry = await startAsking(`Bearer realm="http://${tokens.host}/token"`)
  await pull(registry)
  expect(tokens.asked[0]?.headers.authorization).toBeUndefined()
})

test('a token that runs out in the middle is got anew', async () => {
  const tokens = await start(answer(200, '{"token":"good"}'))
  let isOver = false
  const registry = await start(
    ({ path, headers }, response) => {
      const isFirstBlob = path.includes('/blobs/') && !isOver
      if (isFirstBlob) isOver = true
      if (headers.authorization === 'Bearer good' && !isFirstBlob) return false
      const realm = `Bearer realm="http://${tokens.host}/token"`
      response.writeHead(401, { 'www-authenticate': realm }).end()
      return true
    },
    ...serve([WASM]),
  )
  await pull(registry)
  expect(tokens.asked).toHaveLength(2)
})

const FAILURES: readonly (readonly [
  name: string,
  behaviour: Behaviour,
  code: string,
  tries: number,
])[] = [
  ['refuses', answer(401, '{}'), 'OCI_DENIED', 1],
  ['gives another token', answer(200, '{"token":"bad"}'), 'OCI_DENIED', 1],
  ['gives none', answer(200, '{}'), 'OCI_BAD_ANSWER', 1],
  ['gives no text', answer(200, '{"token":{"toString":1}}'), 'OCI_BAD_ANSWER', 1],
  ['gives two headers', answer(200, '{"token":"a\\r\\nx-evil: 1"}'), 'OCI_BAD_ANSWER', 1],
  ['gives a page', answer(200, '<html>'), 'OCI_BAD_ANSWER', 1],
  ['has no end', answer(200, `"${'x'.repeat(70_000)}"`), 'OCI_LIMIT_EXCEEDED', 1],
  ['is broken', answer(500, ''), 'OCI_BUSY', 4],
  [
    'sends us on',
    (_asked, response) => {
      response.writeHead(302, { location: '/elsewhere' }).end()
      return true
    },
    'OCI_DENIED',
    1,
  ],
]

test.each(FAILURES)('a token server that %s', async (_name, behaviour, code, tries) => {
  const tokens = await start(behaviour)
  const registry = await startAsking(`Bearer realm="http://${tokens.host}/token"`)
  await expect(pull(registry, { credentials: CREDENTIALS })).rejects.toMatchObject({ code })
  expect(tokens.asked).toHaveLength(tries)
  expect(readdirSync(place.into)).toEqual([])
})

const CHALLENGES: readonly (readonly [challenge: string, code: string])[] = [
  ['Bearer service="x"', 'OCI_BAD_ANSWER'],
  ['Bearer realm="file:///etc/passwd"', 'OCI_BAD_ANSWER'],
  ['Bearer realm="http://tokens.example/"', 'OCI_PLAIN_HTTP'],
  ['Negotiate', 'OCI_DENIED'],
  ['', 'OCI_DENIED'],
]

test.each(CHALLENGES)('a registry that asks for %s', async (challenge, code) => {
  const registry = await startAsking(challenge)
  await expect(pull(registry, { credentials: CREDENTIALS })).rejects.toMatchObject({ code })
  expect(registry.asked).toHaveLength(1)
  expect(registry.asked[0]?.headers.authorization).toBeUndefined()
})

test('a refused password is not shown again', async () => {
  const registry = await startAsking('Basic realm="x"')
  await expect(pull(registry, { credentials: CREDENTIALS })).rejects.toMatchObject({
    code: 'OCI_DENIED',
    message: expect.not.stringContaining('se:cret'),
  })
  expect(registry.asked.map(({ headers }) => headers.authorization)).toEqual([undefined, BASIC])
})

test('a host that blobs are on cannot ask for anything', async () => {
  const thief = await start(answer(200, '{"token":"x"}'))
  const challenge = `Bearer realm="http://${thief.host}/token", Basic realm="x"`
  const storage = await start((_asked, response) => {
    response.writeHead(401, { 'www-authenticate': challenge }).end()
    return true
  })
  const registry = await start(
    ({ path }, response) => {
      if (!path.includes('/blobs/')) return false
      response.writeHead(307, { location: `http://localhost:${storage.port}/x` }).end()
      return true
    },
    ...serve([WASM]),
  )
  await expect(pull(registry, { credentials: CREDENTIALS })).rejects.toMatchObject({
    code: 'OCI_DENIED',
  })
  expect(thief.asked).toEqual([])
  expect(storage.asked.map(({ headers }) => headers.authorization)).toEqual([undefined])
})

test('a password that is good for a part only', async () => {
  const registry = await start(
    ({ path, headers }, response) => {
      if (headers.authorization === BASIC && !path.includes('/blobs/')) return false
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      return true
    },
    ...serve([WASM]),
  )
  await expect(pull(registry, { credentials: CREDENTIALS })).rejects.toMatchObject({
    code: 'OCI_DENIED',
  })
  expect(registry.asked.filter(({ path }) => path.includes('/blobs/'))).toHaveLength(1)
})
