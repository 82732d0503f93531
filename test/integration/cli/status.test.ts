/** `wasm-fpm status` through the control socket of a real server. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Client, configText, makeFolder, serve } from '../master/serve.ts'
import { emptyFolder, type } from './cli.ts'

test('tenants and workers, as tables and as JSON', async () => {
  const folder = makeFolder()
  const quiet = `[[tenant]]\nname = "quiet"\npool = "www"\nhosts = ["quiet.example"]\n`
  // Long enough for a machine that has other things to do.
  const tenant = 'process_idle_timeout = "10m"'
  const serving = await serve({ folder, config: configText(folder, { tenant }) + quiet })
  const at = ['--config', join(folder, 'wasm-fpm.toml')]
  const client = new Client(serving.socket)
  for (let count = 0; count < 3; count += 1) await client.get('hello.wasm')
  const { code, stdout } = await type(['status', ...at])
  expect(code).toBe(0)
  expect(stdout).toMatch(new RegExp(`^master ${serving.child.pid}, up \\S+ \\S+, \\d+ MiB\n`))
  expect(stdout).toMatch(/\nsite +www +[12] +0 +0 +3 +[\d.]+ ms +\d+ KiB +0 +0\n/)
  expect(stdout).toMatch(/\nquiet +www +0 +0 +0 +0 +0\.0 ms +0 bytes +0 +0\n/)
  for (const pid of serving.workers()) {
    expect(stdout).toMatch(new RegExp(` *${pid} +www +ready +\\S+ \\S+ +\\d+ MiB\n`))
  }
  const json = JSON.parse((await type(['status', '--json', ...at])).stdout)
  expect(json).toMatchObject({
    pid: serving.child.pid,
    state: 'normal',
    tenants: [
      { tenant: 'site', pool: 'www', status: { acceptedConnections: 3, own: { workers: 2 } } },
      { tenant: 'quiet', status: { acceptedConnections: 0 } },
    ],
  })
  expect(json.workers.map(({ pid }: { readonly pid: number }) => pid).toSorted()).toEqual(
    serving.workers().toSorted(),
  )
  const full = await type(['status', 'site', ...at])
  expect(full.stdout).toMatch(
    /^pool: +site\n[\s\S]*\naccepted conn: +3\n[\s\S]*request URI: +\/hello/,
  )
  client.close()
})

test('a worker that stands still is left out, and the answer comes', async () => {
  const folder = makeFolder()
  const serving = await serve({ folder, config: configText(folder) })
  const at = ['--config', join(folder, 'wasm-fpm.toml')]
  const [stopped = -1] = serving.workers()
  process.kill(stopped, 'SIGSTOP')
  const { stdout } = await type(['status', '--json', ...at])
  process.kill(stopped, 'SIGCONT')
  expect(JSON.parse(stdout).tenants).toMatchObject([{ status: { own: { workers: 1 } } }])
})

test('no server: exit code 1 and where it would be', async () => {
  const file = join(emptyFolder(), 'wasm-fpm.toml')
  const { code, stderr } = await type(['status', '--config', file])
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^wasm-fpm: Cannot reach .*control-.*\.sock \[MASTER_NOT_RUNNING\]\n {2}next: .*\n$/,
  )
})
