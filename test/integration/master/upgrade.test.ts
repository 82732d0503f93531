/** The program on disk is replaced while a server runs: nothing of the new version works for the old one. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { copyProgram, MAIN } from '../../support/program.ts'
import { Client, configText, makeFolder, type Serving, serve } from './serve.ts'

/** A copy of the program, the text of whose package.json `change` changes. */
function installProgram(folder: string) {
  const main = copyProgram(folder)
  const file = join(folder, 'package.json')
  const original = readFileSync(file, 'utf8')
  return {
    main,
    upgrade: () => {
      writeFileSync(file, original.replace(/"version": ".*"/, '"version": "99.0.0"'))
    },
    goBack: () => writeFileSync(file, original),
  }
}

interface Upgradable extends ReturnType<typeof installProgram> {
  readonly folder: string
  readonly serving: Serving
  readonly config: string
}

async function start(top = ''): Promise<Upgradable> {
  const folder = makeFolder()
  const program = installProgram(makeFolder())
  const through = (all: readonly string[]) => all.map((one) => (one === MAIN ? program.main : one))
  const text = configText(folder, { top: top.replaceAll('FOLDER', folder) })
  const serving = await serve({ folder, config: text, through })
  return { ...program, folder, serving, config: join(folder, 'wasm-fpm.toml') }
}

test('after an upgrade on disk the old workers go on, and what to do is said', async () => {
  const { main, upgrade, goBack, serving, config } = await start()
  const tell = (command: string): Promise<string> =>
    new Promise((done) => {
      const args = [main, command, '--config', config]
      execFile(process.execPath, args, (_, stdout, stderr) => done(stdout + stderr))
    })
  const client = new Client(serving.socket)
  const before = serving.workers().sort()
  upgrade()
  const refusal = await tell('restart')
  expect(refusal).toContain('VERSION_MIXED')
  expect(refusal).toContain('the program on disk is 99.0.0 by now')
  expect(refusal).toContain('`systemctl restart wasm-fpm`')
  expect((await client.get('hello.wasm')).status).toBe(200)
  expect(serving.workers().sort()).toEqual(before)
  // A worker that dies is missed until then; the others serve, and the log says why.
  const from = serving.log().length
  process.kill(before[0] ?? -1, 'SIGKILL')
  await serving.logged(/"reason":"Cannot work for wasm-fpm [^"]*99\.0\.0/, from)
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(200)
  goBack()
  await expect.poll(() => serving.workers().length, { timeout: 30_000 }).toBe(2)
  expect(await tell('restart')).toContain('workers: 2')
})

const ADMIN = `store = "FOLDER/store"
[admin]
listen = ["FOLDER/admin.sock"]
tokens = "FOLDER/tokens.json"
audit_log = "FOLDER/audit.log"`

test('after an upgrade on disk the old admin process goes on, and a new one says what to do', async () => {
  const { upgrade, goBack, folder, serving } = await start(ADMIN)
  const socketPath = join(folder, 'admin.sock')
  const pid = Number(
    /"admin":true,"pid":(\d+)|"pid":(\d+)[^\n]*"admin API is ready"/.exec(serving.log())?.[2],
  )
  expect(pid).toBeGreaterThan(0)
  upgrade()
  expect((await ask(socketPath, 'GET', '/v1/status')).status).toBe(200)
  // What it starts to look at a module is of the new version already.
  const module = readFileSync(join(folder, 'hello.wasm'))
  const published = await ask(socketPath, 'POST', '/v1/tenants/site/releases', module)
  expect(published.body).toContain('"VERSION_MIXED"')
  expect(published.body).toContain('systemctl restart wasm-fpm')
  const from = serving.log().length
  process.kill(pid, 'SIGKILL')
  await serving.logged(
    /admin process cannot be started: Cannot work for wasm-fpm [^"]*99\.0\.0/,
    from,
  )
  expect((await new Client(serving.socket).get('hello.wasm')).status).toBe(200)
  goBack()
  const isThere = () => ask(socketPath, 'GET', '/v1/health').then(({ status }) => status)
  await expect.poll(isThere, { timeout: 30_000 }).toBe(200)
})

function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: Uint8Array,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/wasm' }
    const asked = request({ socketPath, method, path, headers }, (response) => {
      text(response).then(
        (found) => resolve({ status: response.statusCode ?? 0, body: found }),
        reject,
      )
    })
    asked.on('error', reject).end(body)
  })
}
