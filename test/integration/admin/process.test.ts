/** The admin API as the master runs it: from a real upload to the live answer, reloads, crashes, sockets and their modes. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Client, makeFolder, type Serving, serve } from '../master/serve.ts'
import { type Reply, readReply, until } from './api.ts'

const ADMIN_READY = /"msg":"admin API is ready"/

function configText(folder: string, { admin = '', more = '' } = {}): string {
  return `store = "store"
[admin]
listen = ["${folder}/admin.sock"]
${admin}
[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
workers = 2
[[tenant]]
name = "acme"
hosts = ["*"]
${more}`
}

function ask(
  socketPath: string,
  method: string,
  path: string,
  { body, type, token }: { body?: Uint8Array; type?: string; token?: string } = {},
): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const headers = {
    ...(type === undefined ? {} : { 'content-type': type }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const request = httpRequest({ socketPath, method, path, headers, agent: false }, (response) => {
    void readReply(response).then(resolve, reject)
  })
  request.on('error', reject)
  request.end(body)
  return promise
}

/** The process of the admin API: the one that says so. */
function adminPids(serving: Serving): number[] {
  return serving.workers().filter((pid) => {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return command.includes('admin/main.js') || command.startsWith('wasm-fpm: admin')
  })
}

test('from an upload to the answer of a worker that runs', async () => {
  const folder = makeFolder()
  const serving = await serve({ folder, config: configText(folder) })
  const socket = join(folder, 'admin.sock')
  expect(statSync(socket).mode & 0o777).toBe(0o600)
  const before = await new Client(serving.socket).get('hello')
  expect(before.status).toBe(404)
  const published = await ask(
    socket,
    'POST',
    '/v1/tenants/acme/releases?handler=hello&route=/hello',
    { type: 'application/wasm', body: readFileSync('build/guests/c/hello.wasm') },
  )
  expect(published.json).toMatchObject({ event: 'published', handler: 'hello' })
  const client = new Client(serving.socket)
  await expect.poll(async () => (await client.get('hello')).status).toBe(200)
  const status = await ask(socket, 'GET', '/v1/tenants/acme/status')
  expect(status.json).toMatchObject({
    tenant: 'acme',
    status: { pool: 'acme', acceptedConnections: expect.any(Number), own: { workers: 2 } },
  })
  expect((await ask(socket, 'GET', '/v1/status')).json).toMatchObject({ pid: serving.child.pid })
  const withdrawn = await ask(socket, 'DELETE', '/v1/tenants/acme/handlers/hello')
  expect(withdrawn.status).toBe(200)
  await expect.poll(async () => (await client.get('hello')).status).toBe(404)
  client.close()
})

test('a reload over the API: new tenants at once, a new [admin] by a new process', async () => {
  const folder = makeFolder()
  const serving = await serve({ folder, config: configText(folder) })
  const socket = join(folder, 'admin.sock')
  const [first] = adminPids(serving)
  expect(first).toBeDefined()
  serving.writeConfig(
    configText(folder, { more: '[[tenant]]\nname = "other"\nhosts = ["other.example"]\n' }),
  )
  const reload = await ask(socket, 'POST', '/v1/reload')
  expect(reload.json).toEqual({ message: 'pools: 1, workers: 2, tenants: 2' })
  expect((await ask(socket, 'GET', '/v1/tenants/other')).status).toBe(200)
  expect(adminPids(serving)).toEqual([first])

  serving.writeConfig('nonsense')
  const wrong = await ask(socket, 'POST', '/v1/reload')
  expect([wrong.status, wrong.code]).toEqual([409, 'CONFIG_SYNTAX'])

  serving.writeConfig(configText(folder, { admin: 'require_token = true' }))
  expect((await ask(socket, 'POST', '/v1/reload')).status).toBe(200)
  await until(() => adminPids(serving).length === 1 && adminPids(serving)[0] !== first)
  expect((await ask(socket, 'GET', '/v1/tenants')).status).toBe(401)

  // Without the table nobody listens any more.
  serving.writeConfig(configText(folder).replace(/\[admin\]\nlisten = .*\n/, ''))
  expect((await serving.command('reload')).code).toBe(0)
  await until(() => adminPids(serving).length === 0)
  await expect(ask(socket, 'GET', '/v1/health')).rejects.toMatchObject({ code: 'ENOENT' })
})

test('tenants come and go over the API', async () => {
  const folder = makeFolder()
  const config = `include = ["tenants.d/*.toml"]\n${configText(folder)}`
  const serving = await serve({ folder, config })
  const socket = join(folder, 'admin.sock')
  const body = Buffer.from('{"hosts":["new.example"]}')
  const type = 'application/json'
  const made = await ask(socket, 'PUT', '/v1/tenants/new', { body, type })
  expect([made.status, made.text]).toEqual([201, expect.stringContaining('tenants: 2')])
  expect(readFileSync(join(folder, 'tenants.d', 'new.toml'), 'utf8')).toContain('new.example')
  expect((await ask(socket, 'GET', '/v1/tenants/new')).status).toBe(200)
  const again = await ask(socket, 'PUT', '/v1/tenants/new', { body, type })
  expect(again.status).toBe(409)
  const taken = await ask(socket, 'PUT', '/v1/tenants/third', { body, type })
  expect([taken.status, taken.code]).toEqual([409, 'CONFIG_DUPLICATE'])
  const token = (tenant: string): Promise<Reply> =>
    ask(socket, 'POST', '/v1/tokens', {
      type,
      body: Buffer.from(JSON.stringify({ tenant, scopes: ['read'] })),
    })
  for (const tenant of ['new', 'acme', 'new']) expect((await token(tenant)).status).toBe(201)
  const removed = await ask(socket, 'DELETE', '/v1/tenants/new')
  expect([removed.status, removed.json]).toEqual([
    200,
    { tenant: 'new', message: expect.stringContaining('tenants: 1'), revokedTokens: 2 },
  ])
  const { json } = await ask(socket, 'GET', '/v1/tokens')
  expect(json).toMatchObject({ tokens: [{ tenant: 'acme' }] })
  expect((await ask(socket, 'GET', '/v1/tenants/new')).status).toBe(404)
  // In the main file, with others: that is an editor's work.
  expect((await ask(socket, 'DELETE', '/v1/tenants/acme')).code).toBe('CONFIG_SHARED_FILE')
  expect(serving.child.exitCode).toBeNull()
})

test('a crash: another one comes, and pools do not notice', async () => {
  const folder = makeFolder()
  const serving = await serve({ folder, config: configText(folder) })
  const [first] = adminPids(serving)
  const from = serving.log().length
  process.kill(first ?? -1, 'SIGKILL')
  await serving.logged(ADMIN_READY, from)
  expect(adminPids(serving)).not.toContain(first)
  const reply = await ask(join(folder, 'admin.sock'), 'GET', '/v1/tenants')
  expect(reply.status).toBe(200)
  serving.child.kill('SIGTERM')
  expect(await serving.exit).toBe(0)
})

test('an event loop that stands still: the process is killed, and another one comes', async () => {
  const folder = makeFolder()
  const serving = await serve({ folder, config: configText(folder) })
  const [first] = adminPids(serving)
  const from = serving.log().length
  process.kill(first ?? -1, 'SIGSTOP')
  // Asked while nobody can answer: the connection waits at the socket, which the master holds.
  const reply = ask(join(folder, 'admin.sock'), 'GET', '/v1/tenants')
  await serving.logged(/admin process is killed: its event loop has stood still for 5000 ms/, from)
  await serving.logged(ADMIN_READY, from)
  expect(adminPids(serving)).toHaveLength(1)
  expect(adminPids(serving)).not.toContain(first)
  expect((await reply).status).toBe(200)
})

test('a socket that others can reach needs a token, which the command line makes', async () => {
  const folder = makeFolder()
  const admin = 'listen_mode = "0660"'
  await serve({ folder, config: configText(folder, { admin }) })
  const socket = join(folder, 'admin.sock')
  expect(statSync(socket).mode & 0o777).toBe(0o660)
  expect((await ask(socket, 'GET', '/v1/tenants')).code).toBe('ADMIN_NO_TOKEN')
})

test('an address that is taken, or a store that is none, stops the start', async () => {
  const folder = makeFolder()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen({ path: join(folder, 'admin.sock') }, resolve))
  await expect(serve({ folder, config: configText(folder) })).rejects.toThrow(
    /GATEWAY_LISTEN_IN_USE|in use/i,
  )
  await new Promise((resolve) => server.close(resolve))
  const other = makeFolder()
  writeFileSync(join(other, 'tokens.json'), '{')
  await expect(serve({ folder: other, config: configText(other) })).rejects.toThrow(
    /Cannot read the tokens/,
  )
})
