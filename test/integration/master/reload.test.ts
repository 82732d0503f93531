/** A new configuration reaches the workers that run, and nobody notices. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Client, configText, launch, makeFolder, serve, startLoad } from './serve.ts'

test('20 reloads under load lose no request and no connection', async () => {
  const serving = await serve()
  const before = serving.workers()
  const load = startLoad(serving.socket, 4)
  for (let count = 0; count < 20; count += 1) {
    const from = serving.log().length
    const { answered } = load
    serving.writeConfig(configText(serving.folder, { tenant: `env = { COUNT = "${count}" }` }))
    serving.child.kill('SIGHUP')
    await serving.logged(/reload is done/, from)
    await expect.poll(() => load.answered).toBeGreaterThan(answered)
  }
  await load.stop()
  expect(load.failures).toEqual([])
  expect(load.connections).toBe(4)
  expect(serving.workers()).toEqual(before)
})

test('a storm of signals loses no request, and the latest configuration counts', async () => {
  const serving = await serve()
  const before = serving.workers()
  const load = startLoad(serving.socket, 2)
  for (let count = 0; count < 50; count += 1) {
    serving.child.kill('SIGHUP')
    await new Promise(setImmediate)
  }
  await load.stop()
  expect(load.failures).toEqual([])
  serving.writeConfig(
    configText(serving.folder).replace('hosts = ["*"]', 'hosts = ["other.example"]'),
  )
  serving.child.kill('SIGHUP')
  const client = new Client(serving.socket)
  await expect.poll(async () => (await client.get('hello.wasm')).status).toBe(404)
  expect(serving.workers()).toEqual(before)
})

test('a reload that comes while it starts counts, and leaves nothing double', async () => {
  const folder = makeFolder()
  const serving = launch({ folder, config: configText(folder) })
  await expect.poll(() => existsSync(serving.socket)).toBe(true)
  serving.writeConfig(configText(folder).replace('hosts = ["*"]', 'hosts = ["other.example"]'))
  serving.child.kill('SIGHUP')
  await serving.logged(/reload is done/)
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(404)
  expect(serving.workers()).toHaveLength(2)
})

test('a wrong configuration changes nothing and is told to whoever asked', async () => {
  const serving = await serve()
  serving.writeConfig(configText(serving.folder, { tenant: 'roof = "/"' }))
  const { code, stderr } = await serving.command('reload')
  expect(code).toBe(78)
  expect(stderr).toContain('roof is not a key')
  expect(serving.log()).toContain('reload has changed nothing')
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(200)
})

test('what only a worker can find out changes nothing either', async () => {
  const serving = await serve()
  const mount = `mounts = [{ host = "${serving.folder}/nothing-there", guest = "/data" }]`
  serving.writeConfig(configText(serving.folder, { tenant: mount }))
  const { code, stderr } = await serving.command('reload')
  expect(code).toBe(1)
  expect(stderr).toContain('nothing-there')
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(200)
})

test('a request finishes with what it started with; the next one gets the new configuration', async () => {
  const serving = await serve()
  const client = new Client(serving.socket)
  const slow = client.get('slow.wasm', 'n=3&ms=300')
  serving.writeConfig(
    configText(serving.folder).replace('hosts = ["*"]', 'hosts = ["other.example"]'),
  )
  expect((await serving.command('reload')).code).toBe(0)
  expect(await slow).toEqual({ status: 200, body: 'line 1 of 3\nline 2 of 3\nline 3 of 3\n' })
  expect((await client.get('hello.wasm')).status).toBe(404)
})

test('sockets, pools and numbers of workers come and go', async () => {
  const serving = await serve()
  const { folder } = serving
  const other = `[[pool]]\nname = "other"\nlisten = ["${folder}/other.sock"]\nworkers = 1\n[[tenant]]\nname = "o"\npool = "other"\nhosts = ["site.example"]\nroot = "${folder}"\n`
  const more = configText(folder, { pool: 'workers = 3' }).replace(
    'www.sock"',
    `www.sock", "${folder}/second.sock"`,
  )
  serving.writeConfig(more + other)
  expect((await serving.command('reload')).stdout).toBe('pools: 2, workers: 4, tenants: 2\n')
  for (const name of ['www', 'second', 'other']) {
    expect((await new Client(`${folder}/${name}.sock`).get('hello.wasm')).status).toBe(200)
  }
  const kept = new Client(serving.socket)
  await kept.get('hello.wasm')
  const before = serving.workers().length
  serving.writeConfig(configText(folder, { pool: 'workers = 3' }))
  expect((await serving.command('reload')).code).toBe(0)
  expect((await kept.get('hello.wasm')).status).toBe(200)
  expect(before).toBeGreaterThanOrEqual(4)
  for (const name of ['second', 'other']) {
    await expect(new Client(`${folder}/${name}.sock`).get('hello.wasm')).rejects.toThrow()
  }
})

test('restart replaces every worker and loses no request', async () => {
  const serving = await serve()
  const before = serving.workers()
  const load = startLoad(serving.socket, 4)
  for (let count = 0; count < 2; count += 1) {
    const { answered } = load
    expect((await serving.command('restart')).code).toBe(0)
    await expect.poll(() => load.answered).toBeGreaterThan(answered)
  }
  await load.stop()
  expect(load.failures).toEqual([])
  // Not even a connection: they are handed over.
  expect(load.connections).toBe(4)
  expect(serving.workers().filter((pid) => before.includes(pid))).toEqual([])
})
