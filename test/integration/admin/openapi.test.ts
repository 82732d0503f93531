/** The OpenAPI document against the server: it lists what is served and nothing else, and its schemas are what is answered. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import * as schemas from '../../../src/admin/schemas.ts'
import { encodeSignature, signRelease } from '../../../src/store/signature.ts'
import { createSigningKey } from '../../../src/store/signing-key.ts'
import { STATUS } from '../../unit/gateway/status/sample-status.ts'
import { type Reply, type RunningApi, startApi } from './api.ts'

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>
}

async function documentOf(api: RunningApi): Promise<Document> {
  return (await api.send('GET', '/v1/openapi.json')).json as Document
}

/** What stands for a name in a path; default: what any of them can be. */
const NAMES: Readonly<Record<string, string>> = {
  '{release}': 'a'.repeat(64),
  '{key}': '0123456789abcdef',
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

test('what is in it is served, and what is not is not', async () => {
  const api = await startApi()
  const { openapi, paths } = await documentOf(api)
  expect(openapi).toBe('3.1.0')
  for (const [path, operations] of Object.entries(paths)) {
    const real = path.replace(/\{\w+\}/g, (name) => NAMES[name] ?? 'x1')
    const known = Object.keys(operations).map((method) => method.toUpperCase())
    for (const method of METHODS.filter((one) => one !== 'HEAD')) {
      const reply = await api.send(method, real, { isLocal: true })
      const what = `${method} ${path}`
      if (known.includes(method)) expect([what, reply.code]).not.toEqual([what, 'ADMIN_BAD_METHOD'])
      else {
        expect([what, reply.status, reply.code]).toEqual([what, 405, 'ADMIN_BAD_METHOD'])
        expect(reply.headers.allow?.split(', ').sort()).toEqual([...known].sort())
      }
    }
  }
  const elsewhere = [
    '/',
    '/v1',
    '/v1/',
    '/v2/health',
    '/v1/health/',
    '/v1/health/x',
    '/v1/tenants/',
    '/v1/tenants/acme/',
    '/v1/tenants/a%2e/releases',
    '/v1/tenants/../tokens',
    '/v1/tenants/.hidden',
    `/v1/tenants/${'x'.repeat(64)}`,
    '/v1/tenants/acme/handlers/',
    `/v1/tenants/acme/releases/${'a'.repeat(65)}/switch`,
    '/v1/tenants/acme/releases/hello/switch',
    '/v1/tenants/acme/releases/1/signatures/0123456789abcde',
    '/v1//tokens',
  ]
  for (const path of elsewhere) {
    const { status, code } = await api.send('GET', path, { isLocal: true })
    expect([path, status, code]).toEqual([path, 404, 'ADMIN_UNKNOWN_PATH'])
  }
})

test('every operation has a name of its own, what it needs, and what it answers', async () => {
  const { paths } = await documentOf(await startApi())
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({
      path,
      operation: new Map(Object.entries(operation)),
    })),
  )
  const names = operations.map(({ operation }) => operation.get('operationId'))
  expect(new Set(names).size).toBe(names.length)
  for (const { path, operation } of operations) {
    const parameters = (operation.get('parameters') ?? []) as ReadonlyArray<{
      readonly name: string
      readonly in: string
    }>
    const inPath = parameters.filter((one) => one.in === 'path').map(({ name }) => `{${name}}`)
    expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? [])
    const isOpen = ['/v1/health', '/v1/openapi.json'].includes(path)
    expect(operation.get('security')).toEqual(isOpen ? [] : [{ token: [] }])
    expect(Object.keys(Object(operation.get('responses')))).toContain(isOpen ? '200' : '401')
  }
})

test('answers are what the schemas say', async () => {
  const api = await startApi()
  const acme = '/v1/tenants/acme'
  const module = readFileSync('build/guests/c/hello.wasm')
  const publish = (query: string): Promise<Reply> =>
    api.send('POST', `${acme}/releases?${query}`, {
      isLocal: true,
      type: 'application/wasm',
      body: module,
      headers: { accept: 'application/json' },
    })
  check(schemas.publishedSchema, await publish('handler=one&route=/a'), 201)
  check(schemas.publishedSchema, await publish('handler=two&route=/b'), 201)
  const echo = readFileSync('build/guests/c/echo.wasm')
  const lines = await api.send('POST', `${acme}/releases?handler=one&route=/a&weight=10`, {
    isLocal: true,
    type: 'application/wasm',
    body: echo,
  })
  expect(lines.status).toBe(200)
  for (const line of lines.text.trimEnd().split('\n')) {
    schemas.publishLineSchema.parse(JSON.parse(line))
  }
  const get = (path: string): Promise<Reply> => api.send('GET', path, { isLocal: true })
  const post = (path: string, body: object): Promise<Reply> =>
    api.send('POST', path, { isLocal: true, body })
  check(schemas.healthSchema, await get('/v1/health'))
  check(schemas.tenantsSchema, await get('/v1/tenants'))
  check(schemas.tenantSchema, await get(acme))
  check(schemas.releasesSchema, await get(`${acme}/releases`))
  check(schemas.routesSchema, await get(`${acme}/routes`))
  const status = await get(`${acme}/status`)
  check(schemas.tenantStatusSchema, status)
  // Of two workers.
  expect(status.json).toMatchObject({
    status: { acceptedConnections: 2 * STATUS.acceptedConnections, own: { workers: 4 } },
  })
  check(schemas.statusSchema, await get('/v1/status'))
  check(schemas.switchedSchema, await post(`${acme}/promote`, { handler: 'one', weight: 50 }))
  check(schemas.switchedSchema, await post(`${acme}/promote`, { handler: 'one' }))
  check(schemas.switchedSchema, await post(`${acme}/rollback`, { handler: 'one' }))
  const stored = await publish('handler=one&route=/a&switch=false')
  check(schemas.storedSchema, stored, 201)
  const { release } = stored.json as { readonly release: string }
  const { key } = createSigningKey()
  const signature = await api.send(
    'PUT',
    `${acme}/releases/${release}/signatures/${key.publicKey.id}`,
    {
      isLocal: true,
      type: 'application/json',
      body: encodeSignature(signRelease(key, { tenant: 'acme', release })),
    },
  )
  check(schemas.signedSchema, signature)
  check(schemas.switchedSchema, await post(`${acme}/releases/${release}/switch`, {}))
  check(
    schemas.withdrawnSchema,
    await api.send('DELETE', `${acme}/handlers/two`, { isLocal: true }),
  )
  check(schemas.reloadedSchema, await post('/v1/reload', {}))
  const body = { tenant: 'acme', scopes: ['read'], expiresInSeconds: 60 }
  const token = await post('/v1/tokens', body)
  check(schemas.newTokenSchema, token, 201)
  check(schemas.tokensSchema, await get('/v1/tokens'))
  const { id } = token.json as { readonly id: string }
  check(schemas.tokenSchema, await api.send('DELETE', `/v1/tokens/${id}`, { isLocal: true }))
  check(schemas.errorSchema, await get('/v1/tenants/nobody'), 404)
})

/** Strict: what is answered is in the schema, all of it. */
function check(schema: z.ZodObject, { status, json, text }: Reply, wanted = 200): void {
  expect([status, text]).toEqual([wanted, text])
  schema.strict().parse(json)
}
