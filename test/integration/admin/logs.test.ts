/** Logs over the admin API: whose lines are seen, and what readers do that stall, vanish or lose their rights. */
import { appendFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { AdminLimits } from '../../../src/admin/limits.ts'
import { type RunningApi, startApi, until } from './api.ts'

/** Their names do not matter to the test; how long they take does. */
const QUICK: Partial<AdminLimits> = { logLookMs: 5, logCheckMs: 20 }

function line(tenant: string, msg: string): string {
  return `${JSON.stringify({ level: 30, time: 1_767_225_600_000, tenant, msg, pid: 7 })}\n`
}

async function startWithLogs(limits: Partial<AdminLimits> = QUICK) {
  const main = 'error_log = "error.log"'
  const api = await startApi({
    limits,
    main,
    acme: 'access_log = "acme.log"\naccess_format = "%r"',
  })
  const errorLog = join(api.folder, 'error.log')
  const own = join(api.folder, 'acme.log')
  writeFileSync(errorLog, line('acme', 'one') + line('other', 'secret') + line('acme', 'two'))
  writeFileSync(own, 'GET /x\n')
  return { api, errorLog, own }
}

interface Reader {
  /** `name: data` of each event so far. */
  readonly events: readonly string[]
  readonly response: IncomingMessage
  readonly isOver: () => boolean
}

async function follow(api: RunningApi, token: string, path = '/v1/tenants/acme/logs') {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = httpRequest(
    {
      port: api.port,
      path,
      agent: false,
      headers: { accept: 'text/event-stream', authorization: `Bearer ${token}` },
    },
    resolve,
  )
  request.on('error', reject)
  request.end()
  const response = await promise
  const events: string[] = []
  let isOver = false
  let text = ''
  response.setEncoding('utf8').on('data', (chunk) => {
    text += String(chunk)
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, name, value] = /^event: (\w+)\ndata: (.*)$/s.exec(block) ?? []
      if (name !== undefined) events.push(`${name}: ${value}`)
    }
  })
  response.on('close', () => {
    isOver = true
  })
  response.on('error', () => undefined)
  onTestFinished(() => void response.destroy())
  const reader: Reader = { events, response, isOver: () => isOver }
  return reader
}

function has(reader: Reader, text: string): () => boolean {
  return () => reader.events.some((event) => event.includes(text))
}

test('a tenant sees the last lines of its own, and nothing else; an operator all', async () => {
  const { api } = await startWithLogs()
  const token = await api.token('acme', ['read'])
  const ask = (path: string, of = token) => api.send('GET', path, { token: of })
  const { json } = await ask('/v1/tenants/acme/logs')
  const entry = (msg: string) => ({
    file: 'error.log',
    entry: { level: 30, time: 1_767_225_600_000, tenant: 'acme', msg },
  })
  expect(json).toEqual({
    notes: expect.any(Array),
    entries: [{ file: 'acme.log', text: 'GET /x' }, entry('one'), entry('two')],
  })
  const one = (await ask('/v1/tenants/acme/logs?lines=1')).json
  expect(one).toMatchObject({ entries: [entry('two')] })
  expect((await ask('/v1/tenants/other/logs')).code).toBe('ADMIN_UNKNOWN_TENANT')
  expect((await ask('/v1/logs')).code).toBe('ADMIN_FORBIDDEN')
  expect((await ask('/v1/tenants/acme/logs', await api.token('acme', ['publish']))).code).toBe(
    'ADMIN_MISSING_SCOPE',
  )
  for (const lines of ['-1', '1001', 'x', '']) {
    expect((await ask(`/v1/tenants/acme/logs?lines=${lines}`)).code).toBe('ADMIN_BAD_REQUEST')
  }
  const all = await ask('/v1/logs', await api.token(undefined, ['read']))
  expect(all.text).toContain('secret')
  expect(all.text).toContain(join(api.folder, 'error.log'))
  expect(all.text).toContain('"pid":7')
})

test('text of others that names the tenant is not shown to it', async () => {
  const { api, errorLog } = await startWithLogs()
  appendFileSync(errorLog, '[12:00:00] a secret of others\n    tenant: "acme"\n')
  const ask = async (token: string) =>
    (await api.send('GET', '/v1/tenants/acme/logs', { token })).text
  expect(await ask(await api.token('acme', ['read']))).not.toContain('a secret of others')
})

test('a log that is a link, which a worker could have put there, is not followed', async () => {
  const { api, own, errorLog } = await startWithLogs()
  renameSync(own, `${own}.1`)
  symlinkSync(errorLog, own)
  const token = await api.token('acme', ['read'])
  const reply = await api.send('GET', '/v1/tenants/acme/logs', { token })
  expect([reply.status, reply.code]).toEqual([503, 'LOGS_UNREADABLE'])
  expect(reply.text).not.toContain(api.folder)
})

test('lines come as they are written, through a rotation; others’ do not', async () => {
  const { api, errorLog } = await startWithLogs()
  const reader = await follow(api, await api.token('acme', ['read']))
  await until(has(reader, 'two'))
  expect(reader.response.headers['content-type']).toBe('text/event-stream')
  appendFileSync(errorLog, line('other', 'hidden') + line('acme', 'three'))
  await until(has(reader, 'three'))
  renameSync(errorLog, `${errorLog}.1`)
  writeFileSync(errorLog, line('other', 'hidden') + line('acme', 'four'))
  await until(has(reader, 'four'))
  expect(reader.events.join()).not.toMatch(/hidden|secret/)
  await api.close()
  await until(reader.isOver)
  expect(reader.events.at(-1)).toBe('end: {"reason":"the server ends"}')
})

test('a token that is revoked ends the stream, and the audit log says so', async () => {
  const { api } = await startWithLogs()
  const token = await api.token('acme', ['read'])
  const reader = await follow(api, token)
  await until(has(reader, 'two'))
  const [record] = await api.tokens.list()
  await api.tokens.remove(record?.id ?? '')
  await until(reader.isOver)
  expect(reader.events.at(-1)).toMatch(/^failed: .*ADMIN_BAD_TOKEN/)
  expect(api.audit().at(-1)).toMatchObject({ what: 'getTenantLogs', status: 401 })
})

test('logs that belong to others by now end the stream', async () => {
  const { api } = await startWithLogs()
  const reader = await follow(api, await api.token('acme', ['read']))
  await until(has(reader, 'two'))
  api.reconfigure((text) =>
    text.replace('name = "other"', 'name = "other"\naccess_log = "acme.log"'),
  )
  await until(reader.isOver)
  expect(reader.events.at(-1)).toContain('the configuration has other logs now')
})

test('so many readers, so many of a tenant; one that vanishes is forgotten', async () => {
  const { api } = await startWithLogs({ ...QUICK, logReaders: 3, tenantLogReaders: 2 })
  const token = await api.token('acme', ['read'])
  const first = await follow(api, token)
  await follow(api, token)
  const ask = async () => (await api.send('GET', '/v1/tenants/acme/logs', { token })).code
  expect(await ask()).toBe('ADMIN_BUSY')
  first.response.destroy()
  let code: string | undefined = 'ADMIN_BUSY'
  while (code !== undefined) code = await ask()
})

test('a reader that takes nothing holds nobody, is not kept for, and is let go', async () => {
  const limits = { ...QUICK, logStallMs: 300, logBehindBytes: 1024 * 1024, tenantLogReaders: 2 }
  const { api, errorLog } = await startWithLogs(limits)
  const token = await api.token('acme', ['read'])
  const stalled = connect({ port: api.port })
  onTestFinished(() => void stalled.destroy())
  stalled.pause()
  stalled.on('error', () => undefined)
  stalled.write(
    `GET /v1/tenants/acme/logs HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )
  const reader = await follow(api, token)
  await until(has(reader, 'two'))
  const before = process.memoryUsage.rss()
  const many = line('acme', 'x'.repeat(10_000)).repeat(100)
  for (let count = 0; count < 40; count += 1) {
    appendFileSync(errorLog, many + line('acme', `mark ${count}.`))
    await until(has(reader, `mark ${count}.`))
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024)
  // Its place is free again.
  let code: string | undefined = 'ADMIN_BUSY'
  while (code !== undefined) {
    code = (await api.send('GET', '/v1/tenants/acme/logs', { token })).code
  }
})

test('a reader that is too slow goes on near the end, and is told', async () => {
  const { api, errorLog } = await startWithLogs({ ...QUICK, logBehindBytes: 300_000 })
  const reader = await follow(
    api,
    await api.token('acme', ['read']),
    '/v1/tenants/acme/logs?lines=0',
  )
  // All at once: no reader is as fast as that.
  appendFileSync(errorLog, line('acme', 'y'.repeat(1000)).repeat(1000) + line('acme', 'last'))
  await until(has(reader, 'last'))
  const skipped = /^skipped: \{"bytes":(\d+)\}$/m.exec(reader.events.join('\n'))?.[1]
  expect(Number(skipped)).toBeGreaterThan(700_000)
  expect(reader.events.length).toBeLessThan(400)
})

test('no log is a file, and more files than one reader may have', async () => {
  const api = await startApi()
  const reply = await api.send('GET', '/v1/tenants/acme/logs', { isLocal: true })
  expect([reply.status, reply.code]).toEqual([404, 'LOGS_NO_FILE'])
  const { api: small } = await startWithLogs({ logFiles: 1 })
  const many = await small.send('GET', '/v1/logs', { isLocal: true })
  expect([many.status, many.code]).toEqual([400, 'ADMIN_BAD_REQUEST'])
})
