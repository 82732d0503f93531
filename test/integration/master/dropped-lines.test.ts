/** Lines that a log did not take are counted, whichever process has dropped them. */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { publishRemote, readRemote } from '../../../src/cli/remote.ts'
import { Client, configText, launch, makeFolder, type Serving } from './serve.ts'

const STATUS = 'pm_status_path = "/status"\n'

async function page(serving: Serving): Promise<string> {
  const client = new Client(serving.socket)
  const { body } = await client.get('status', 'openmetrics')
  client.close()
  return body
}

function counted(text: string, kind: string): number {
  const sample = `wasm_fpm_server_dropped_log_lines_total{tenant="site",pool="www",kind="${kind}"}`
  const line = text.split('\n').find((one) => one.startsWith(sample)) ?? expect.fail(text)
  return Number(line.slice(sample.length))
}

test('by the master: its own, and those of workers that it carries to the error log', async () => {
  const folder = makeFolder()
  const serving = launch({
    folder,
    config: configText(folder, {
      top: 'error_log = "/dev/full"\nlog_memory = "64KiB"',
      tenant: STATUS,
    }),
  })
  await expect.poll(() => page(serving).catch(() => ''), { timeout: 60_000 }).toContain('# EOF')
  expect(counted(await page(serving), 'admin')).toBe(0)
  const client = new Client(serving.socket)
  // Each leaves a line of 2 KB, the first 32 of which have room.
  for (let sent = 0; sent < 80; sent++) await client.get('hello.wasm', 'q'.repeat(2000))
  client.close()
  await expect.poll(async () => counted(await page(serving), 'master')).toBeGreaterThan(20)
  const { stdout } = await serving.command('status')
  expect(stdout).toMatch(/^log lines dropped: master [1-9]\d*, admin 0$/m)
})

/** Where audit lines go to the server's log instead, and where they are told to; the last one is a FIFO whose reader stands still. */
const AUDIT_LOGS = ['/dev/full', '/dev/stderr', 'FIFO']

test.each(AUDIT_LOGS)('by the admin process, whose audit log is %s', async (kind) => {
  const folder = makeFolder()
  const writer = unreadPipe(join(folder, 'stderr'))
  const auditLog = kind === 'FIFO' ? join(folder, 'audit') : kind
  if (kind === 'FIFO') {
    const filled = unreadPipe(auditLog)
    fill(filled)
    closeSync(filled)
  }
  const top = `log_memory = "64KiB"
store = "${folder}/store"
[admin]
listen = ["${folder}/admin.sock"]
tokens = "${folder}/tokens.json"
audit_log = "${auditLog}"`
  const serving = launch({
    folder,
    config: configText(folder, { top, tenant: `${STATUS}access_log = "off"` }),
    spawn: { stdio: ['ignore', 'pipe', writer] },
  })
  await expect.poll(() => page(serving).catch(() => ''), { timeout: 60_000 }).toContain('# EOF')
  // Nobody takes a line from here on.
  fill(writer)
  closeSync(writer)
  // Each is refused, and its audit line is in the log.
  const refuse = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const asked = request(
        { socketPath: join(folder, 'admin.sock'), method: 'DELETE', path: '/v1/tenants/nobody' },
        (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode ?? 0))
        },
      )
      asked.on('error', reject).end()
    })
  await expect
    .poll(
      async () => {
        await Promise.all(Array.from({ length: 20 }, refuse))
        return counted(await page(serving), 'admin')
      },
      { timeout: 60_000 },
    )
    .toBeGreaterThan(0)
  // All else goes on.
  for (const name of ['status', 'reload']) expect((await serving.command(name)).code).toBe(0)
  const admin = readRemote(`unix:${join(folder, 'admin.sock')}`, {})
  const publication = { tenant: 'site', route: '/published' }
  await publishRemote(join(folder, 'hello.wasm'), admin, publication)
  const client = new Client(serving.socket)
  await expect.poll(async () => (await client.get('published')).status).toBe(200)
  expect((await client.get('hello.wasm')).status).toBe(200)
  client.close()
  serving.child.kill('SIGTERM')
  expect(await serving.exit).toBe(0)
})

/** A FIFO with a reader that reads nothing; what writes to it. */
function unreadPipe(path: string): number {
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  onTestFinished(() => closeSync(reader))
  return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
}

function fill(fd: number): void {
  try {
    for (;;) writeFileSync(fd, Buffer.alloc(1024, '\n'))
  } catch (error) {
    expect(error).toMatchObject({ code: 'EAGAIN' })
  }
}
