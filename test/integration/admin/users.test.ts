/** The admin API as another user than the master. Needs root. */
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { Client, makeFolder, serve } from '../master/serve.ts'
import { type Reply, readReply } from './api.ts'

/** A user every Debian has. */
const DAEMON = 1

const isRoot = process.getuid?.() === 0
if (!isRoot) process.stderr.write('not root: an admin API of another user is not tested\n')

test.skipIf(!isRoot)('store, tokens and audit log are its own, whoever makes them', async () => {
  const folder = makeFolder()
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o755 })
  chownSync(data, DAEMON, DAEMON)
  const config = `store = "data/store"
[admin]
listen = ["${folder}/admin.sock"]
user = "${DAEMON}"
[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
workers = 1
[[tenant]]
name = "acme"
hosts = ["*"]
`
  const serving = await serve({ folder, config })
  const socketPath = join(folder, 'admin.sock')
  expect(statSync(socketPath)).toMatchObject({ uid: DAEMON, gid: DAEMON })
  const owners = serving.workers().map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return /^Uid:\t(.*)$/m.exec(status)?.[1]
  })
  expect(owners).toContain('1\t1\t1\t1')

  const ask = (method: string, path: string, type: string, body: Uint8Array): Promise<Reply> => {
    const { promise, resolve: done, reject } = Promise.withResolvers<Reply>()
    const headers = { 'content-type': type }
    const request = httpRequest({ socketPath, method, path, headers, agent: false }, (response) => {
      void readReply(response).then(done, reject)
    })
    request.on('error', reject)
    request.end(body)
    return promise
  }
  const module = readFileSync('build/guests/c/hello.wasm')
  const path = '/v1/tenants/acme/releases?handler=hello&route=/hello'
  const published = await ask('POST', path, 'application/wasm', module)
  expect(published.json).toMatchObject({ event: 'published' })
  const client = new Client(serving.socket)
  await expect.poll(async () => (await client.get('hello')).status).toBe(200)
  client.close()

  // By root, then by the server, then by root again: one file, and always its own.
  const token = (...args: readonly string[]): string =>
    execFileSync(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--input-type=module',
        '-e',
        `const { tokenCommand } = await import(${JSON.stringify(resolve('dist/src/cli/token.js'))});
         await tokenCommand().parseAsync(${JSON.stringify([...args, '--config', join(folder, 'wasm-fpm.toml')])}, { from: 'user' })`,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    )
  token('create', '--tenant', 'acme', '--scope', 'read')
  const body = Buffer.from('{"tenant":"acme","scopes":["read"]}')
  expect((await ask('POST', '/v1/tokens', 'application/json', body)).status).toBe(201)
  token('create', '--operator', '--scope', 'read')
  expect(JSON.parse(token('list', '--json'))).toHaveLength(3)
  for (const name of ['tokens.json', 'tokens.json.lock', 'audit.log', 'store']) {
    expect([name, statSync(join(data, name)).uid]).toEqual([name, DAEMON])
  }
  for (const name of readdirSync(join(data, 'store'))) {
    expect([name, statSync(join(data, 'store', name)).uid]).toEqual([name, DAEMON])
  }
})
