/** What is not there yet when a server starts: it is served once it is, without a reload. */
import { execFile, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { PROGRAM } from '../../support/program.ts'
import { Client, configText, makeFolder, serve } from '../master/serve.ts'

const MODULE = resolve('build/guests/c/hello.wasm')
const FRESH_MS = 20_000

/** Runs a command that sees `folder`/lib as /var/lib: the usual store is this test's own then. */
function withVarLib(folder: string, command: readonly string[]): string[] {
  const mount = 'mount --bind "$0" /var/lib && exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', mount, join(folder, 'lib'), ...command]
}

const canMount = spawnSync('unshare', ['--mount', 'true']).status === 0

test.skipIf(!canMount)(
  'the first release in the usual store is served by the server that runs already',
  async () => {
    const folder = makeFolder()
    mkdirSync(join(folder, 'lib'))
    const serving = await serve({ folder, through: (command) => withVarLib(folder, command) })
    const client = new Client(serving.socket)
    expect((await client.get('app')).status).toBe(404)
    const [program = '', ...args] = withVarLib(folder, [
      ...[process.execPath, ...PROGRAM, 'publish', MODULE],
      ...['--tenant', 'site', '--route', '/app'],
    ])
    const { stdout } = await promisify(execFile)(program, args)
    expect(stdout).toContain('answers /app')
    expect(await untilFound(client, 'app')).toContain('Hello from C')
  },
)

test('a document root that is made later is served', async () => {
  const folder = makeFolder()
  const root = join(folder, 'later')
  const config = configText(folder).replace(`root = "${folder}"`, `root = "${root}"`)
  const client = new Client((await serve({ folder, config })).socket)
  expect((await client.get('hello.wasm')).status).toBe(404)
  mkdirSync(root)
  copyFileSync(MODULE, join(root, 'hello.wasm'))
  expect(await untilFound(client, 'hello.wasm')).toContain('Hello from C')
})

async function untilFound(client: Client, path: string): Promise<string> {
  const limitMs = systemClock.nowMs() + FRESH_MS
  for (;;) {
    const { status, body } = await client.get(path)
    if (status === 200) return body
    if (systemClock.nowMs() > limitMs) throw new Error(`still ${status} after ${FRESH_MS} ms`)
    await new Promise(setImmediate)
  }
}
