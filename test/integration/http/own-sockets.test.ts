/** `serve --http` in front of every kind of pool socket, also of those the pool's own user may not connect to. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../support/peers/child.ts'
import { configText, makeFolder, serve } from '../master/serve.ts'

const isRoot = process.getuid?.() === 0
const POOL_USER = isRoot ? 'user = "games"' : ''

/** As examples/systemd: the socket is the web server's, the workers are somebody else. */
const OTHERS_SOCKET = isRoot ? 'listen_owner = "www-data"\nlisten_group = "www-data"' : ''

const SOCKETS = [
  { name: 'a unix socket of its own', listen: undefined, more: POOL_USER },
  {
    name: "a unix socket of the web server's",
    listen: undefined,
    more: `${POOL_USER}\n${OTHERS_SOCKET}\nlisten_mode = "0600"`,
  },
  { name: 'TCP', listen: '127.0.0.1:PORT', more: POOL_USER },
  {
    name: 'TCP for another client only',
    listen: '127.0.0.1:PORT',
    more: `${POOL_USER}\nallowed_clients = ["192.0.2.1"]`,
  },
  { name: 'a socket of systemd', listen: 'systemd:www', more: POOL_USER },
]

test.for(SOCKETS)('the HTTP front answers before $name', async ({ listen, more }) => {
  const folder = makeFolder()
  const server = createServer().listen(join(folder, 'activated.sock'))
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle
  const address = (listen ?? `${folder}/www.sock`).replace('PORT', String(await freePort()))
  const config = configText(folder, { pool: `workers = 1\n${more}` })
  const serving = await serve({
    folder,
    config: config.replace(`${folder}/www.sock`, address),
    through: (command) => [
      ...['sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=www exec "$@"', '-'],
      ...[...command, '--http', '127.0.0.1:0'],
    ],
    spawn: { stdio: ['ignore', 'pipe', 'pipe', fd] },
  })
  const url = (await serving.logged(/http:\S+\/hello\.wasm/)).trim()
  for (let round = 0; round < 3; round++) {
    const response = await fetch(url)
    expect({ status: response.status, body: await response.text() }).toMatchObject({
      status: 200,
      body: expect.stringContaining('Hello from AssemblyScript'),
    })
  }
})
