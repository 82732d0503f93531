/** A Rack application and the requests it answers: nothing is left of one for the next, nothing random repeats, and what breaks is one request. */
import { chmodSync, cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import {
  haveRubyRuntime,
  haveSinatra,
  mountGems,
  RUBY_RUNTIME,
} from '../../support/ruby-runtime.ts'
import { Client, configText, makeFolder, type Serving, serve } from './serve.ts'

const SITE = resolve('test/support/ruby')
const REQUESTS = 300
const has = haveRubyRuntime()

interface Application {
  readonly folder: string
  readonly serving: Serving
  readonly client: Client
}

/** `tenant`: more of its lines. `tables`: after them. */
async function start(
  app: string,
  { tenant = '', tables = (_: string): string => '' } = {},
): Promise<Application> {
  const folder = makeFolder()
  cpSync(SITE, folder, { recursive: true })
  const data = join(folder, 'data')
  mkdirSync(data)
  chmodSync(data, 0o777)
  const config = configText(folder, {
    top: `[[runtime]]\nname = "ruby"\nmodule = "${RUBY_RUNTIME}"\nextensions = [".rb"]\nsessions = "off"\nmemory = "160MiB"\nboot_timeout = "60s"\n`,
    pool: 'workers = 1',
    tenant: `runtimes = ["ruby"]\napp = "${app}"\nenv = { DATA = "${data}" }\nlimits = { cpu = "1s", wall = "20s" }\nqueue = { timeout = "60s" }\n${tenant}
[[tenant.mounts]]\nhost = "${data}"\nguest = "${data}"\nwritable = true\n${tables(folder)}`,
  })
  const serving = await serve({ folder, config })
  return { folder, serving, client: new Client(serving.socket) }
}

test.skipIf(!has)('nothing is left of a request, and nothing that is drawn repeats', async () => {
  const { client, folder, serving } = await start('isolation.ru', { tenant: 'warm = ["/drawn"]' })
  for (let count = 0; count < 5; count += 1) {
    const { body, status } = await client.get('left')
    expect(status, serving.log()).toBe(200)
    expect(JSON.parse(body)).toEqual({
      ...{ seen: 0, global: false, constant: false, method: false, environment: false },
      ...{ path: false, cwd: folder, local: false, file: false, query: false },
      ...{ variable: false, frozen: false },
    })
  }
  const values = new Map<string, Set<unknown>>()
  for (let count = 0; count < REQUESTS; count += 1) {
    const { body, status } = await client.get('drawn')
    expect(status, serving.log()).toBe(200)
    for (const [name, value] of Object.entries(JSON.parse(body))) {
      const known = values.get(name) ?? new Set()
      values.set(name, known.add(value))
    }
  }
  client.close()
  expect(values.size).toBe(6)
  for (const [name, { size }] of values) expect(size, name).toBe(REQUESTS)
  expect(readFileSync(join(folder, 'data/log.txt'), 'utf8')).toBe(`loaded\n${'asked\n'.repeat(5)}`)
  expect(serving.log()).not.toContain('at exit')
})

const BREAKING: Readonly<Record<string, { readonly status: number; readonly log: RegExp }>> = {
  loop: { status: 503, log: /"code":"OUTCOME_CPU/ },
  fiber: { status: 503, log: /"code":"OUTCOME_CPU/ },
  memory: { status: 500, log: /NoMemoryError/ },
  recursion: { status: 500, log: /SystemStackError|OUTCOME_STACK_OVERFLOW/ },
  regexp: { status: 503, log: /"code":"OUTCOME_CPU/ },
  raises: { status: 500, log: /isolation\.ru:\d+:.*boom \(RuntimeError\)/ },
  exit: { status: 500, log: /SystemExit/ },
  missing: { status: 500, log: /cannot load such file -- not_there \(LoadError\)/ },
  thread: { status: 500, log: /can't create Thread|NotImplementedError/ },
  fork: { status: 500, log: /fork\(\) function is unimplemented|NotImplementedError/ },
  system: { status: 500, log: /there are no processes here \(NotImplementedError\)/ },
  output: { status: 500, log: /there are no processes here \(NotImplementedError\)/ },
  spawn: { status: 500, log: /there are no processes here \(NotImplementedError\)/ },
  popen: { status: 500, log: /there are no processes here \(NotImplementedError\)/ },
  socket: { status: 500, log: /cannot load such file -- socket/ },
}

test.skipIf(!has)('what breaks a request breaks that one', async () => {
  const { client, serving } = await start('isolation.ru')
  const seen: Record<string, unknown> = {}
  for (const [name, { log }] of Object.entries(BREAKING)) {
    const from = serving.log().length
    const { status } = await client.get(name)
    const said = log.exec(serving.log().slice(from)) ?? (await serving.logged(log, from))
    seen[name] = said === null ? 'nothing' : status
    expect((await client.get('drawn')).status, `${name}: ${serving.log().slice(from)}`).toBe(200)
  }
  client.close()
  expect(seen).toEqual(
    Object.fromEntries(Object.entries(BREAKING).map(([name, { status }]) => [name, status])),
  )
})

test.skipIf(!haveSinatra())('Sinatra, from files of Debian', async () => {
  const { client, serving } = await start('shop.ru', { tables: mountGems })
  const page = await client.get('page')
  expect(page, serving.log()).toMatchObject({ status: 200 })
  expect(page.body).toContain('<li>59</li></ul>')
  expect(await client.get('', 'name=you')).toEqual({ status: 200, body: 'Hello you' })
  expect(await client.get('to')).toMatchObject({ status: 302 })
  expect(await client.get('stream')).toEqual({ status: 200, body: 'part 0\npart 1\npart 2\n' })
  expect(await client.get('nowhere')).toMatchObject({ status: 404 })
  expect(await client.get('fail')).toMatchObject({ status: 500 })
  await serving.logged(/boom/)
  client.close()
})
