/** Programs written for libfcgi: what is paid once, what is left of a request, and those that do what they should not. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Role } from '../../../src/fastcgi/constants.ts'
import { type ExchangeResult, exchange } from '../../../src/worker/memory-exchange.ts'
import { Site } from '../../support/site.ts'

const PROGRAMS = ['conduct', 'counter', 'interleaved', 'never'] as const
let files: Readonly<Record<string, Uint8Array>>
let site: Site

beforeAll(async () => {
  const build = ['guests/build.ts', '--only', 'fcgi', '--require-all']
  await promisify(execFile)(process.execPath, build)
  files = Object.fromEntries(
    PROGRAMS.map((name) => [`${name}.wasm`, readFileSync(`build/guests/fcgi/${name}.wasm`)]),
  )
}, 120_000)

afterEach(() => site?.close())

function open(tenant = ''): void {
  site = new Site({ files, tenant })
}

/** What the request is ended with, too. */
async function ask(program: string, query: string, more: Partial<Parts> = {}): Promise<Told> {
  const { role = Role.Responder, method = 'POST', body = '', data = '', params = {} } = more
  const result = await exchange(site.gateway, {
    pool: 'www',
    role,
    params: Object.entries({
      REQUEST_METHOD: method,
      SCRIPT_NAME: `/${program}.wasm`,
      QUERY_STRING: query,
      CONTENT_LENGTH: String(body.length),
      HTTP_HOST: 'acme.example',
      ...params,
    }),
    body: Buffer.from(body),
    ...(role === Role.Filter ? { data: Buffer.from(data) } : {}),
  })
  const text = result.stdout.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const status = Number(/^Status: (\d+)/m.exec(text)?.[1])
  return { ...result, status, text: text.slice(end + 4) }
}

interface Parts {
  readonly role: Role
  readonly method: string
  readonly body: string
  readonly data: string
  readonly params: Readonly<Record<string, string>>
}

interface Told extends ExchangeResult {
  readonly status: number
  readonly text: string
}

/** How the latest request ended, once its guest has. */
async function ended(count: number): Promise<string | undefined> {
  while (site.access.length < count) await new Promise((next) => setImmediate(next))
  return site.access.at(-1)?.code
}

const line = (request: number, kept: string): string =>
  `prepared 1, request ${request}, table 3969, kept ${kept}\n`

describe('counter', () => {
  test('reset: what comes before the first Accept is paid once, and nothing is left of a request', async () => {
    open('lifetime = "reset"\n')
    for (const query of ['one', 'two', 'three'])
      expect((await ask('counter', query)).text).toBe(line(1, 'nothing'))
    const { counters } = site.gateway.scheduler.tenants.get('acme') ?? {}
    expect(counters?.instancesRenewed).toBe(0)
  })

  test('persistent: it goes on where it was, until it has had max_requests', async () => {
    open('lifetime = "persistent"\nmax_requests = 1000\nmax_children = 1\n')
    const told = []
    for (const query of ['one', 'two', 'three']) told.push((await ask('counter', query)).text)
    expect(told).toEqual([line(1, 'nothing'), line(2, 'one'), line(3, 'two')])
  })

  test('persistent: its successor begins as it did, and no request notices', async () => {
    open('lifetime = "persistent"\nmax_requests = 1\nmax_children = 1\n')
    for (const query of ['one', 'two', 'three']) {
      const answer = await ask('counter', query)
      expect(answer).toMatchObject({ status: 200, text: line(1, 'nothing'), isComplete: true })
    }
  })

  test.each(['reset', 'persistent'])(
    '%s: one that exits has answered, and another one follows',
    async (lifetime) => {
      open(`lifetime = "${lifetime}"\nmax_children = 1\n`)
      await ask('counter', 'one')
      const exited = await ask('counter', 'exit=4')
      expect(exited).toMatchObject({ status: 200, isComplete: true, appStatus: 4 })
      expect(exited.text).toBe(lifetime === 'reset' ? line(1, 'nothing') : line(2, 'one'))
      expect(await ask('counter', 'three')).toMatchObject({
        text: line(1, 'nothing'),
        appStatus: 0,
      })
    },
  )

  test('the exit status is that of END_REQUEST', async () => {
    open()
    expect(await ask('counter', 'status=7')).toMatchObject({ status: 200, appStatus: 7 })
  })

  test('requests at once, each in an instance of its own', async () => {
    open('lifetime = "reset"\nmax_children = 8\n')
    const all = await Promise.all(Array.from({ length: 20 }, () => ask('counter', 'x')))
    expect(new Set(all.map(({ text }) => text))).toEqual(new Set([line(1, 'nothing')]))
  })
})

describe.each(['reset', 'persistent'])('conduct, %s', (lifetime) => {
  const begin = (more = ''): void => open(`lifetime = "${lifetime}"\nmax_children = 1\n${more}`)
  const good = async (): Promise<void> => {
    expect(await ask('conduct', 'echo', { body: 'as ever' })).toMatchObject({ text: 'as ever' })
  }

  test('Accept again and again without an answer', async () => {
    begin()
    for (let count = 1; count <= 3; count += 1) {
      expect(await ask('conduct', 'nothing')).toMatchObject({ status: 502, isComplete: true })
      expect(await ended(count)).toBe('CGI_NO_HEADER')
    }
    await good()
  })

  test('Accept from two places', async () => {
    begin()
    const isKept = lifetime === 'persistent'
    expect((await ask('conduct', 'accept-again')).text).toBe('one place')
    const body = 'as ever'
    for (const query of ['x', 'y', 'back'])
      expect((await ask('conduct', query, { body })).text).toBe(
        isKept ? `the other place, ${query}` : body,
      )
    await good()
  })

  test('Finish, twice, and output behind it: the client has its answer, and the guest goes on', async () => {
    begin()
    const answer = await ask('conduct', 'finish', { body: 'not read' })
    expect(answer).toMatchObject({ status: 200, text: 'answered', isComplete: true })
    expect(await ended(1)).toBeUndefined()
    expect(site.access[0]?.cpuMs).toBeGreaterThan(1)
    await good()
  })

  test('a trap, and no end, behind Finish: the client has its answer', async () => {
    begin('[tenant.limits]\ncpu = "50ms"\n')
    for (const [index, [query, code]] of [
      ['trap', 'OUTCOME_TRAPPED'],
      ['forever', 'OUTCOME_CPU_EXCEEDED'],
    ].entries()) {
      const answer = await ask('conduct', query ?? '')
      expect(answer).toMatchObject({ status: 200, text: 'answered', isComplete: true })
      expect(await ended(index + 1)).toBe(code)
    }
    await good()
  })

  test('all ways to read and write', async () => {
    begin()
    const lines = await ask('conduct', 'lines', { body: 'a\nlonger than eight' })
    expect(lines.text).toBe('[a\n][longer ][than ei][ght] end 1, then -1, give back 120')
    expect((await ask('conduct', 'files')).text).toBe('-1 -1 -1 1 in a file 0')
    expect((await ask('conduct', 'close')).text).toBe('so far')
    const large = await ask('conduct', 'large')
    expect(large.text).toBe(
      Array.from({ length: 20_000 }, (_, index) => `${String(index).padStart(8, '0')} `).join(''),
    )
    expect(large.stderr.toString()).toContain('large is done')
    const body = 'x'.repeat(300_000)
    expect((await ask('conduct', 'echo', { body })).text).toBe(body)
  })

  test('a Filter has two inputs, and others one', async () => {
    begin()
    const filter = {
      role: Role.Filter,
      body: 'body',
      data: 'file',
      params: { FCGI_DATA_LENGTH: '4' },
    }
    expect((await ask('conduct', 'data', filter)).text).toBe('body|0|file|1')
    expect((await ask('conduct', 'echo', filter)).text).toBe('body')
    expect((await ask('conduct', 'data', { body: 'body' })).text).toBe('body|-5||1')
  })

  test('an Authorizer', async () => {
    begin()
    expect((await ask('conduct', 'echo', { role: Role.Authorizer })).status).toBe(200)
  })

  test('many variables', async () => {
    begin()
    const params = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`HTTP_X_${index}`, 'v'.repeat(100)]),
    )
    expect((await ask('conduct', 'variables', { params })).text).toBe('1')
    await good()
  })
})

test('the names of fcgiapp.h', async () => {
  open('lifetime = "persistent"\nmax_children = 1\n')
  for (const turn of [0, 1, 2]) {
    const method = turn === 1 ? 'PUT' : 'POST'
    const { text, appStatus } = await ask('interleaved', '', { method, body: 'in' })
    expect(text).toBe(
      `turn ${turn}, role 1, method ${method}, cgi 0, refused 1, other 1 -1\nin\n2 bytes, at the end -1, error 0\n`,
    )
    expect(appStatus).toBe(turn)
  }
  // It ends: the next one is another one's first.
  expect((await ask('interleaved', '', { method: 'DELETE' })).text).toContain('turn 3, ')
  expect((await ask('interleaved', '')).text).toContain('turn 0, ')
})

describe('one that never accepts', () => {
  test('ends', async () => {
    open()
    expect((await ask('never', '')).status).toBe(502)
    expect(site.access[0]).toMatchObject({ code: 'GUEST_BOOT_FAILED' })
    // It may be another time: it is tried again.
    expect((await ask('never', '')).status).toBe(502)
  })

  test('goes on for ever: as long as a request may', async () => {
    open('[tenant.env]\nFOR_EVER = "1"\n[tenant.limits]\ncpu = "50ms"\n')
    expect((await ask('never', '')).status).toBe(502)
    expect(site.access[0]).toMatchObject({ code: 'GUEST_BOOT_FAILED' })
  })
})
