/** Log files of tenants: SIGUSR1 opens them anew, and requests leave lines only where they are wanted. */
import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Client, configText, makeFolder, serve } from './serve.ts'

function lines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch {
    return []
  }
}

test('after SIGUSR1 access log and slow log go on in new files', async () => {
  const folder = makeFolder()
  const [access, slow] = [join(folder, 'access.log'), join(folder, 'slow.log')]
  const tenant = `access_log = "${access}"
slowlog = "${slow}"
request_slowlog_timeout = "1ms"
[tenant.limits]
cpu = "20ms"`
  const config = configText(folder, { tenant, pool: 'workers = 1' })
  const serving = await serve({ folder, config })
  const client = new Client(serving.socket)
  await client.get('slow.wasm')
  await expect.poll(() => [lines(access).length, lines(slow).length]).toEqual([1, 1])
  for (const file of [access, slow]) renameSync(file, `${file}.1`)
  serving.child.kill('SIGUSR1')
  // The signal and the request take different ways to the worker: lines before it are in the old files.
  const isThere = async (): Promise<boolean> => {
    await client.get('slow.wasm')
    return lines(access).length > 0 && lines(slow).length > 0
  }
  await expect.poll(isThere).toBe(true)
  expect(lines(`${access}.1`).length).toBeGreaterThanOrEqual(1)
  client.close()
})

const SHOWS: ReadonlyArray<
  readonly [
    string,
    { readonly key: string; readonly more: readonly string[]; readonly shown: boolean },
  ]
> = [
  ['access_log = "off"', { key: 'access_log = "off"', more: [], shown: false }],
  ['no access_log', { key: '# access_log', more: [], shown: false }],
  [
    'no access_log, but HTTP',
    { key: '# access_log', more: ['--http', '127.0.0.1:0'], shown: true },
  ],
  ['"off", and HTTP', { key: 'access_log = "off"', more: ['--http', '127.0.0.1:0'], shown: false }],
  ['"stderr"', { key: 'access_log = "stderr"', more: [], shown: true }],
]

for (const [name, { key, more, shown }] of SHOWS) {
  test(`${name}: requests ${shown ? 'leave a line' : 'leave no line anywhere'}, failures do`, async () => {
    const folder = makeFolder()
    const config = configText(folder, { tenant: key })
    const serving = await serve({ folder, config, through: (command) => [...command, ...more] })
    const client = new Client(serving.socket)
    expect((await client.get('hello.wasm')).status).toBe(200)
    expect((await client.get('none.wasm')).status).toBe(404)
    client.close()
    serving.child.kill('SIGTERM')
    await serving.exit
    expect(serving.log().includes('hello.wasm?')).toBe(shown)
    expect(serving.log().includes('"access"')).toBe(shown)
    expect(serving.log()).toContain('"code":"GATEWAY_UNKNOWN_HANDLER"')
  })
}

test('no line is longer than log_limit, in any log, and a reload changes that', async () => {
  const folder = makeFolder()
  const text = (top: string, format: string): string =>
    configText(folder, { top, tenant: `access_log = "access.log"\n${format}`, pool: 'workers = 1' })
  const serving = await serve({ folder, config: text('log_limit = 500', '') })
  const access = join(folder, 'access.log')
  const client = new Client(serving.socket)
  const query = 'q'.repeat(300)
  await client.get('hello.wasm', query)
  await expect.poll(() => lines(access).length).toBe(1)
  const [json = ''] = lines(access)
  expect(json.length).toBeLessThanOrEqual(500)
  expect(JSON.parse(json)).toMatchObject({ msg: 'access', cutFromBytes: expect.any(Number) })

  serving.writeConfig(text('log_limit = 256', 'access_format = "%q"'))
  expect((await serving.command('reload')).code).toBe(0)
  await client.get('hello.wasm', query)
  await expect.poll(() => lines(access).length).toBe(2)
  expect(lines(access)[1]).toMatch(/^.{1,230} \.\.\. \(cut from \d{3} bytes\)$/)

  serving.writeConfig(`nonsense = "${query.repeat(5)}"`)
  await serving.command('reload')
  for (const line of serving.log().trimEnd().split('\n'))
    expect(line.length).toBeLessThanOrEqual(500)
})
