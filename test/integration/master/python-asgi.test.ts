/** ASGI applications: what their event loop does and does not, their lifespan, and what is left of a request. */
import { chmodSync, cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { havePythonRuntime, PYTHON_RUNTIME } from '../../support/python-runtime.ts'
import { Client, configText, makeFolder, type Serving, serve } from './serve.ts'

const has = havePythonRuntime()

interface Tenant {
  readonly name: string
  readonly app: string
  readonly warm?: readonly string[]
}

async function start(tenants: readonly Tenant[]) {
  const folder = makeFolder()
  cpSync(resolve('test/support/python'), folder, { recursive: true })
  const data = join(folder, 'data')
  mkdirSync(data)
  chmodSync(data, 0o777)
  const whole = configText(folder, {
    top: `[[runtime]]\nname = "python"\nmodule = "${PYTHON_RUNTIME}"\nextensions = [".py"]\n`,
    pool: 'workers = 1',
  })
  const tables = tenants.map(
    ({ name, app, warm = [] }) => `[[tenant]]
name = "${name}"
hosts = ["${name}.example"]
root = "${folder}"
runtimes = ["python"]
app = "asynchronous:${app}"
warm = ${JSON.stringify(warm)}
env = { DATA = "${data}" }
limits = { cpu = "2s", wall = "10s" }
[[tenant.mounts]]
host = "${data}"
guest = "${data}"
writable = true
`,
  )
  const config = `${whole.slice(0, whole.indexOf('[[tenant]]'))}${tables.join('')}`
  const serving: Serving = await serve({ folder, config })
  const client = new Client(serving.socket)
  onTestFinished(() => client.close())
  const ask = (name: string, path = '') => client.get(path, '', { HTTP_HOST: `${name}.example` })
  return { client, serving, ask, log: () => readFileSync(join(data, 'log.txt'), 'utf8') }
}

test.skipIf(!has)(
  'a lifespan begins once, and each request begins where it has left the memory',
  async () => {
    const app = 'application'
    const { ask, log, serving } = await start([{ name: 'a', app, warm: ['/warm'] }])
    const left = Array(10).fill('/warm') // how often a request is run ahead
    for (const path of ['one', 'two']) {
      const { status, body } = await ask('a', path)
      expect(status, serving.log()).toBe(200)
      expect(JSON.parse(body)).toMatchObject({
        left: [...left, `/${path}`],
        state: { made: 'at startup', mine: 1 },
        root_path: '',
      })
    }
    expect(log()).toBe('startup\n')
    const { body } = await ask('a', 'go_on')
    expect(JSON.parse(body).left, 'an answer does not wait for what goes on').toContain('/go_on')
    await vi.waitFor(() => expect(log()).toBe('startup\nbehind the answer\n'), 5000)

    for (const [path, says] of [
      ['connect', /OSError: .*asyncio has no connections, processes and pipes here/],
      ['wait_for_nobody', /RuntimeError: the event loop waits for what cannot come/],
      ['no_answer', /RuntimeError: the application has returned without an answer/],
      [
        'body_first',
        /RuntimeError: the application has sent 'http\.response\.body', wanted 'http\.response\.start'/,
      ],
      ['half', /RuntimeError: the application has returned before its answer was complete/],
    ] as const) {
      const from = serving.log().length
      // What little there is of an answer has not been sent.
      expect(await ask('a', path), path).toMatchObject({
        status: 500,
        body: expect.stringContaining('Internal Server Error'),
      })
      await serving.logged(says, from)
      expect((await ask('a')).status, path).toBe(200)
    }
  },
)

test.skipIf(!has)('a web socket is refused, with the reason', async () => {
  const { client, serving } = await start([{ name: 'a', app: 'application' }])
  const upgrade = { HTTP_UPGRADE: 'WebSocket', HTTP_CONNECTION: 'Upgrade', HTTP_HOST: 'a.example' }
  const { status, body } = await client.get('chat', '', upgrade)
  expect(status, serving.log()).toBe(501)
  expect(body).toMatch(/^a web socket cannot be had here: FastCGI carries requests and answers/)
  await serving.logged(/"stream":"stderr","msg":"\/chat: a web socket cannot be had here/)
  const other = await client.get('one', '', { ...upgrade, HTTP_UPGRADE: 'h2c' })
  expect(other.status, 'others may be ignored').toBe(200)
})

test.skipIf(!has)('how applications are told apart, and one that does not start', async () => {
  const apps = ['without_lifespan', 'an_object', 'wsgi', 'fails_to_start']
  const tenants = apps.map((app) => ({ name: app.replaceAll('_', '-'), app }))
  const { ask, serving } = await start(tenants)
  expect((await ask('without-lifespan')).body, serving.log()).toBe('no state')
  expect((await ask('an-object')).body, serving.log()).toBe('no state')
  expect((await ask('wsgi')).body, serving.log()).toBe('a coroutine of WSGI')
  expect((await ask('fails-to-start')).status).toBe(500)
  await serving.logged(/GUEST_NO_APPLICATION.*the application has not started: no database/)
})
