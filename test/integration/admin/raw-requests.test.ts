/** Requests that no client sends by mistake, with a tenant's good token: none reaches another tenant or what operators do, and none is a fault of ours. */
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { type RunningApi, startApi } from './api.ts'

/** What is asked, and what it may be answered; 0: nothing, the connection is closed. */
const LINES: ReadonlyArray<readonly [string, ...number[]]> = [
  ['GET http://127.0.0.1/v1/tenants/other HTTP/1.1', 404],
  ['GET /v1/tenants/acme/../other HTTP/1.1', 404],
  ['GET /v1/tenants/acme/%2e%2e/other HTTP/1.1', 404],
  ['GET /v1/tenants/acme%2f..%2fother HTTP/1.1', 404],
  ['GET /v1//tenants/other HTTP/1.1', 404],
  ['GET /v1/tenants/other#/acme HTTP/1.1', 404],
  ['GET /v1/tenants/acme%00 HTTP/1.1', 404],
  ['GET /v1/tenants/ACME HTTP/1.1', 404],
  ['OPTIONS * HTTP/1.1', 404],
  ['CONNECT other:80 HTTP/1.1', 0],
  ['TRACE /v1/status HTTP/1.1', 405],
  ['GET /v1/status HTTP/1.1', 403],
  ['GET /v1/status HTTP/9.9', 400],
  ['PRI * HTTP/2.0', 400],
  ['\x16\x03\x01\x02\x00', 400],
]

/** Header fields in place of, or beside, the good one. */
const FIELDS: ReadonlyArray<{
  readonly name: string
  readonly fields: (good: string, others: string) => string
  readonly status: number
}> = [
  { name: 'two tokens', fields: (good, others) => `${good}\r\n${others}`, status: 401 },
  { name: 'two in one', fields: (good) => `${good}, ${good.slice(15)}`, status: 401 },
  { name: 'folded', fields: (good) => good.replace(' ', '\r\n '), status: 400 },
  { name: 'a zero byte', fields: (good) => `${good}\0`, status: 400 },
  {
    name: 'another method and path by the way',
    fields: (good) => `${good}\r\nX-HTTP-Method-Override: GET\r\nX-Original-URL: /v1/health`,
    status: 403,
  },
  { name: 'an upgrade', fields: (good) => `${good}\r\nUpgrade: h2c`, status: 403 },
  {
    name: 'two kinds of length',
    fields: (good) => `${good}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked`,
    status: 400,
  },
  {
    name: 'two lengths',
    fields: (good) => `${good}\r\nContent-Length: 5\r\nContent-Length: 6`,
    status: 400,
  },
  { name: 'a negative length', fields: (good) => `${good}\r\nContent-Length: -1`, status: 400 },
  { name: 'an unknown encoding', fields: (good) => `${good}\r\nTransfer-Encoding: x`, status: 400 },
]

test('lines and fields', async () => {
  const api = await startApi()
  const [good, others] = [await field(api, 'acme'), await field(api, 'other')]
  for (const [line, status] of LINES) {
    expect([line, await statusOf(api, line, good)]).toEqual([line, status])
  }
  for (const { name, fields, status } of FIELDS) {
    const line = 'GET /v1/status HTTP/1.1'
    const actual = await statusOf(api, line, fields(good, others))
    expect([name, actual]).toEqual([name, status])
  }
})

async function field(api: RunningApi, tenant: string): Promise<string> {
  return `Authorization: Bearer ${await api.token(tenant, ['publish', 'read'])}`
}

/** Of the answer; 0: there was none. */
function statusOf({ port }: RunningApi, line: string, fields: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (more: string) => {
    text += more
  })
  socket.on('error', () => undefined)
  socket.on('close', () => resolve(Number(/^HTTP\/1\.1 ([0-9]+)/.exec(text)?.[1] ?? 0)))
  socket.write(`${line}\r\nHost: x\r\n${fields}\r\nConnection: close\r\n\r\n`)
  return promise
}
