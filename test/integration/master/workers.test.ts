/** Workers that die or stand still cost their own requests only, and are replaced. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Client, configText, launch, makeFolder, READY, serve, startLoad } from './serve.ts'

/** What is promised. A machine that is busy with other things is allowed what the first workers took, and half of that. */
const BACK_MS = 1000
const TIMES_FIRST_START = 1.5

test('a worker killed under load costs only what it runs, and is replaced', async () => {
  const serving = await serve()
  const load = startLoad(serving.socket, 2)
  await new Client(serving.socket).get('hello.wasm')
  const [victim = -1] = serving.workers()
  const [firstMs = 0] = startTimes(serving.log()).sort((a, b) => b - a)
  const from = serving.log().length
  process.kill(victim, 'SIGKILL')
  await serving.logged(/worker has crashed and is replaced/, from)
  await serving.logged(/worker is ready/, from)
  const [backMs = 0] = startTimes(serving.log().slice(from))
  expect(backMs).toBeLessThan(Math.max(BACK_MS, firstMs * TIMES_FIRST_START))
  await load.stop()
  // At most one request on each of its connections.
  const lost = 'Error: the connection ended before the answer did'
  expect(load.failures.filter((failure) => failure !== lost)).toEqual([])
  expect(load.failures.length).toBeLessThanOrEqual(2)
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(200)
})

test('a worker that stands still is killed and replaced', async () => {
  const serving = await serve()
  const [victim = -1] = serving.workers()
  process.kill(victim, 'SIGSTOP')
  await serving.logged(/worker is killed: its event loop has stood still for 5000 ms/)
  await serving.logged(/worker has crashed and is replaced/)
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(200)
})

test('workers that crash one after the other come back later and later, and the log says so', async () => {
  const folder = makeFolder()
  const serving = await serve({ folder, config: configText(folder, { pool: 'workers = 1' }) })
  const from = serving.log().length
  const kill = (): void => {
    for (const pid of serving.workers()) process.kill(pid, 'SIGKILL')
  }
  kill()
  await serving.logged(/"delayMs":0,"msg":"worker has crashed/, from)
  await expect.poll(() => serving.workers()).toHaveLength(1)
  kill()
  await serving.logged(/the next one is started in 100 ms/, from)
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(200)
})

test('a worker has a title, a bare environment, and none of the rights it does not need', async () => {
  const serving = await serve({
    spawn: { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, SECRET: 'x' } },
  })
  const [pid] = serving.workers()
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/^wasm-fpm: pool www\0/)
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('SECRET')
  const master = readFileSync(`/proc/${serving.child.pid}/cmdline`, 'utf8')
  expect(master).toMatch(/^wasm-fpm: master \(/)
})

test('a worker that cannot start ends the start, with its reason', async () => {
  const folder = makeFolder()
  const tenant = `mounts = [{ host = "${folder}/nothing-there", guest = "/data" }]`
  const serving = launch({ folder, config: configText(folder, { tenant }) })
  await expect(serving.logged(READY)).rejects.toThrow('nothing-there')
  expect(await serving.exit).toBe(1)
  await expect(new Client(serving.socket).get('hello.wasm')).rejects.toThrow()
})

/** How long workers took until they were ready, in milliseconds, as the log says. */
function startTimes(log: string): number[] {
  const lines = log.matchAll(/"startMs":(\d+)[^\n]*"msg":"worker is ready"/g)
  return [...lines].map(([, ms]) => Number(ms))
}
