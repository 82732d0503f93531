/** A PSGI application and the requests it answers: nothing is left of one for the next, nothing random repeats, and what breaks is one request. */
import { chmodSync, cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { haveRuntime, runtimePath } from '../../support/have-runtime.ts'
import { Client, configText, makeFolder, type Serving, serve } from './serve.ts'

const SITE = resolve('test/support/perl')
const RUNTIME = runtimePath('perl')
const REQUESTS = 300
const has = haveRuntime('Perl', RUNTIME, [])

interface Application {
  readonly folder: string
  readonly serving: Serving
  readonly client: Client
}

/** `tenant`: more of its lines. */
async function start(tenant = ''): Promise<Application> {
  const folder = makeFolder()
  cpSync(SITE, folder, { recursive: true })
  const data = join(folder, 'data')
  mkdirSync(data)
  chmodSync(data, 0o777)
  const config = configText(folder, {
    top: `[[runtime]]\nname = "perl"\nmodule = "${RUNTIME}"\nextensions = [".pl"]\nmemory = "128MiB"\nboot_timeout = "60s"\n`,
    pool: 'workers = 1',
    tenant: `runtimes = ["perl"]\napp = "isolation.psgi"\nenv = { DATA = "${data}" }\nlimits = { cpu = "2s", wall = "20s" }\nqueue = { timeout = "60s" }\n${tenant}
[[tenant.mounts]]\nhost = "${data}"\nguest = "${data}"\nwritable = true\n`,
  })
  const serving = await serve({ folder, config })
  return { folder, serving, client: new Client(serving.socket) }
}

test.skipIf(!has)('nothing is left of a request, and nothing that is drawn repeats', async () => {
  const { client, folder, serving } = await start('warm = ["/drawn"]')
  for (let count = 0; count < 5; count += 1) {
    const { body, status } = await client.get('left')
    expect(status, serving.log()).toBe(200)
    expect(JSON.parse(body)).toEqual({
      ...{ seen: 0, global: 0, function: 0, module: 0, environment: 0, path: 0, file: 0 },
      ...{ query: 0, separator: 0, handler: 0 },
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
  expect(values.size).toBe(2)
  for (const [name, { size }] of values) expect(size, name).toBe(REQUESTS)
  expect(readFileSync(join(folder, 'data/log.txt'), 'utf8')).toBe(`loaded\n${'asked\n'.repeat(5)}`)
})

const BREAKING: Readonly<Record<string, { readonly status: number; readonly log: RegExp }>> = {
  loop: { status: 503, log: /"code":"OUTCOME_CPU/ },
  memory: { status: 500, log: /Out of memory/ },
  regex: { status: 503, log: /"code":"OUTCOME_CPU/ },
  recursion: { status: 500, log: /Out of memory|OUTCOME_/ },
  dies: { status: 500, log: /boom at .*isolation\.psgi line \d+/ },
  exit: { status: 500, log: /it has called exit/ },
  missing: { status: 500, log: /Can't locate Not\/There\.pm in @INC/ },
  header: { status: 500, log: /a header is .*, wanted text without control characters/ },
  nothing: { status: 500, log: /the answer is no reference to an array/ },
}

test.skipIf(!has)('what breaks a request breaks that one', async () => {
  const { client, serving } = await start()
  for (const [name, { status, log }] of Object.entries(BREAKING)) {
    const from = serving.log().length
    const answer = await client.get(name)
    expect(answer.status, `${name}: ${serving.log().slice(from)}`).toBe(status)
    await serving.logged(log, from)
    expect((await client.get('drawn')).status, `${name}: ${serving.log().slice(from)}`).toBe(200)
  }
  client.close()
})

test.skipIf(!has)('an answer in parts, and a body', async () => {
  const { client, serving } = await start()
  const parts = await client.get('stream')
  expect(parts, serving.log()).toEqual({ status: 200, body: 'part 1\npart 2\npart 3\n' })
  expect(await client.get('body')).toEqual({ status: 201, body: '0' })
  client.close()
})
