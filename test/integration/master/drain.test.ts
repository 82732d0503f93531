/** What load balancers are told, and how: on request, before a stop, and while requests go on being answered. */
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { freePort } from '../../support/peers/child.ts'
import { Client, configText, makeFolder, serve, startLoad } from './serve.ts'

/** All that comes from a port, after `said`. */
function read(port: number, said: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ host: '127.0.0.1', port })
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', reject)
  socket.on('close', () => resolve(text))
  socket.write(said)
  return promise
}

const GET = 'GET /any HTTP/1.1\r\nHost: x\r\n\r\n'

async function setUp(drainDelay: string) {
  const folder = makeFolder()
  const port = await freePort()
  const top = `drain_delay = "${drainDelay}"
[agent]
listen = "127.0.0.1:${port}"
slow_start = "0"
[metrics]
listen = "127.0.0.1:${await freePort()}"`
  const config = configText(folder, { top, tenant: 'ready_path = "/ready"' })
  const serving = await serve({ folder, config })
  const client = new Client(serving.socket)
  /** As three kinds of load balancers see it. */
  const look = async (): Promise<unknown[]> => {
    const page = await client.get('ready')
    const http = await read(port, GET)
    return [page.status, page.body, (await read(port, '')).split(' ')[0], http.slice(9, 12)]
  }
  return { folder, port, config, serving, client, look }
}

const READY = [200, 'ready\n', 'up', '200']
const DRAINING = [503, 'draining\n', 'drain\n', '503']

test('drain and undrain are told everywhere, and requests are answered meanwhile', async () => {
  const { port, serving, client, look } = await setUp('0')
  expect(await look()).toEqual(READY)
  expect(await read(port, 'state please\n')).toMatch(/^up ready \d+%\n$/)
  expect(await read(port, GET)).toMatch(/\r\n\r\n\{"state":"ready","weight":\d+,"load":[\d.]+\}\n$/)
  expect(await serving.command('drain')).toEqual({ code: 0, stdout: 'draining\n', stderr: '' })
  await expect.poll(look).toEqual(DRAINING)
  expect((await client.get('hello.wasm')).status).toBe(200)
  expect((await serving.command('status')).stdout).toMatch(/^master .*, draining\n/)
  expect(await serving.command('undrain')).toEqual({ code: 0, stdout: 'ready\n', stderr: '' })
  await expect.poll(look).toEqual(READY)
})

test('a worker that has crashed is told what holds', async () => {
  const { serving } = await setUp('0')
  await serving.command('drain')
  for (const pid of serving.workers()) process.kill(pid, 'SIGKILL')
  await expect.poll(() => serving.workers().length).toBe(2)
  const client = new Client(serving.socket)
  await expect.poll(async () => (await client.get('ready')).body).toBe('draining\n')
})

test('drain_delay: a graceful stop is told first, and nothing is refused until then', async () => {
  const { serving, look } = await setUp('6s')
  const startMs = performance.now()
  const load = startLoad(serving.socket, 2, 5)
  serving.child.kill('SIGTERM')
  await expect.poll(look, { interval: 10 }).toEqual(DRAINING)
  expect((await serving.command('undrain')).stderr).toContain('MASTER_BUSY')
  const late = new Client(serving.socket)
  expect((await late.get('hello.wasm')).status).toBe(200)
  await load.stop()
  expect(load.failures).toEqual([])
  expect(await serving.exit).toBe(0)
  expect(performance.now() - startMs).toBeGreaterThan(6000)
})

test('who has drained for as long does not wait again, and SIGINT ends the wait', async () => {
  for (const isDrained of [true, false]) {
    const { serving } = await setUp(isDrained ? '200ms' : '60s')
    if (isDrained) await serving.command('drain')
    else serving.child.kill('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 300))
    const startMs = performance.now()
    serving.child.kill(isDrained ? 'SIGTERM' : 'SIGINT')
    expect(await serving.exit).toBe(0)
    expect(performance.now() - startMs).toBeLessThan(5000)
  }
})

test('a reload opens, moves and closes the port', async () => {
  const { config, folder, port, serving } = await setUp('0')
  const next = await freePort()
  serving.writeConfig(config.replace(`:${port}`, `:${next}`))
  expect((await serving.command('reload')).code).toBe(0)
  expect(await read(next, '')).toMatch(/^up ready/)
  await expect(read(port, '')).rejects.toThrow('ECONNREFUSED')
  serving.writeConfig(configText(folder))
  expect((await serving.command('reload')).code).toBe(0)
  await expect(read(next, '')).rejects.toThrow('ECONNREFUSED')
})
