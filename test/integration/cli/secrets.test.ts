/**
 * Values of `env_file` and `env` reach the guest and nothing else: every command of the program, with and without `--json`, the
 * log, the admin API and what the system shows of the processes are searched for them. A command that is added needs a row.
 */
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { makeProgram } from '../../../src/cli/program.ts'
import { envReactor, variablesIn } from '../../support/reactor.ts'
import { Client, launch, makeFolder, READY } from '../master/serve.ts'
import { type } from './cli.ts'

/** In the tenant's file, its second content, the handler's file, and `env`, of the tenant and of a runtime. */
const CANARIES = [
  ...['canary-tenant', 'canary-later', 'canary-handler', 'canary-plain', 'canary-runtime'],
] as const

/** No configuration, store or server is read by these, or of a server no more than whose a token is; or nobody comes back from them. */
const APART = new Set([
  ...['serve', 'dev', 'new', 'run', 'harden', 'completion', 'convert php-fpm'],
  ...['key create', 'key show', 'push', 'sign', 'stop', 'upgrade', 'runtime build'],
  ...['login', 'logout'],
])

/** What each of the others is called with. */
function callsOf(folder: string): Readonly<Record<string, readonly string[]>> {
  const config = ['--config', join(folder, 'wasm-fpm.toml')]
  const tenant = ['--tenant', 'acme']
  return {
    check: config,
    doctor: config,
    'tenants list': config,
    'tenants add': ['other', ...config, '--no-reload'],
    'tenants remove': ['other', ...config],
    'token create': [...config, ...tenant],
    'token list': config,
    'token revoke': ['tok', ...config],
    publish: [join(folder, 'hello.wasm'), ...tenant, '--route', '/hello', ...config],
    inspect: ['1', ...tenant, ...config],
    releases: [...tenant, ...config],
    promote: [...tenant, ...config],
    rollback: [...tenant, ...config],
    routes: config,
    'runtime add': ['more', join(folder, 'env.wasm'), ...config],
    'runtime list': config,
    'runtime remove': ['more', ...config],
    fsck: config,
    collect: config,
    invoke: ['acme/hello.wasm', ...config],
    status: ['acme', ...config],
    logs: config,
    reload: config,
    drain: config,
    undrain: config,
    restart: config,
    export: [join(folder, 'export'), ...config],
  }
}

function leaves(command: Command, name: string): ReadonlyArray<readonly [string, Command]> {
  const children = command.commands.filter((child) => child.name() !== 'help')
  if (children.length === 0) return [[name, command]]
  return children.flatMap((child) => leaves(child, `${name} ${child.name()}`.trim()))
}

const hasJson = (command: Command): boolean => command.options.some(({ long }) => long === '--json')

function configText(folder: string, env = '{ PLAIN = "canary-plain" }'): string {
  return `store = "${folder}/store"
include = ["tenants.d/*.toml"]
error_log = "${folder}/error.log"
[log]
level = "debug"
[admin]
listen = ["${folder}/admin.sock"]
[[pool]]
name = "www"
listen = ["${folder}/www.sock"]
workers = 1
[[runtime]]
name = "env"
module = "env.wasm"
extensions = [".env"]
env = { RUNTIME = "canary-runtime" }
[[tenant]]
name = "acme"
runtimes = ["env"]
pool = "www"
hosts = ["*"]
root = "${folder}"
env_file = "acme.env"
access_log = "${folder}/access.log"
env = ${env}
[[tenant.handlers]]
name = "echo.wasm"
env_file = "echo.env"
`
}

/** The texts of everything the admin API lets its owner read. */
async function readAdminApi(socketPath: string): Promise<string> {
  const get = (path: string): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const asked = request({ socketPath, path, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
    asked.on('error', reject).end()
    return promise
  }
  const { paths } = JSON.parse(await get('/v1/openapi.json')) as {
    readonly paths: Readonly<Record<string, object>>
  }
  const readable = Object.keys(paths).filter((path) => 'get' in (paths[path] ?? {}))
  expect(readable.length).toBeGreaterThan(4)
  const texts: string[] = []
  for (const path of readable) texts.push(await get(path.replace('{tenant}', 'acme')))
  return texts.join('\n')
}

test('no command, log or interface shows a value; the guest has them, and a reload reads them again', async () => {
  const folder = makeFolder()
  copyFileSync('build/guests/c/echo.wasm', join(folder, 'echo.wasm'))
  writeFileSync(join(folder, 'env.wasm'), envReactor())
  writeFileSync(join(folder, 'page.env'), '')
  const secrets = join(folder, 'acme.env')
  writeFileSync(secrets, 'SECRET=canary-tenant\n', { mode: 0o600 })
  writeFileSync(join(folder, 'echo.env'), 'OWN=canary-handler\n', { mode: 0o600 })
  const serving = launch({ folder, config: configText(folder) })
  const errorLog = (): string => readFileSync(join(folder, 'error.log'), 'utf8')
  await expect.poll(() => existsSync(join(folder, 'error.log')) && errorLog()).toMatch(READY)
  const client = new Client(serving.socket)
  const env = async () => JSON.parse((await client.get('echo.wasm')).body).env
  expect(await env()).toMatchObject({
    SECRET: 'canary-tenant',
    OWN: 'canary-handler',
    PLAIN: 'canary-plain',
  })
  const script = await client.get('page.env')
  expect(variablesIn(script.body)).toMatchObject({
    SECRET: 'canary-tenant',
    RUNTIME: 'canary-runtime',
  })

  const calls = callsOf(folder)
  const commands = leaves(makeProgram(), '').filter(([name]) => !APART.has(name))
  expect(commands.map(([name]) => name).toSorted()).toEqual(Object.keys(calls).toSorted())
  let shown = ''
  const say = async (args: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await type(args)
    shown += `${args.join(' ')}\n${stdout}${stderr}`
    return stdout + stderr
  }
  for (const [name, command] of commands) {
    const args = [...name.split(' '), ...(calls[name] ?? [])]
    // Those that change a file do so one after the other.
    const plain = say(args)
    if (name.startsWith('tenants ')) await plain
    await Promise.all([plain, hasJson(command) ? say([...args, '--json']) : undefined])
  }
  for (const name of ['PLAIN', 'RUNTIME']) expect(shown).toContain(`"${name}": "(not shown)"`)
  shown += await readAdminApi(join(folder, 'admin.sock'))

  writeFileSync(secrets, 'SECRET=canary-later\n')
  expect(await say(['reload', ...(calls['reload'] ?? [])])).toContain('pools: 1')
  expect(await env()).toMatchObject({ SECRET: 'canary-later' })

  // What is wrong is said without its content, and nothing changes.
  chmodSync(secrets, 0o640)
  expect(await say(['check', ...(calls['check'] ?? []), '--json'])).toContain('chmod 600 ')
  expect(await say(['reload', ...(calls['reload'] ?? [])])).toContain('[CONFIG_ENV_FILE_OPEN]')
  chmodSync(secrets, 0o600)
  writeFileSync(secrets, 'SECRET canary-later\n')
  expect(await say(['reload', ...(calls['reload'] ?? []), '--json'])).toContain('acme.env:1: ')
  serving.writeConfig(configText(folder, '{ A = 5, PLAIN = "canary-plain" }'))
  expect(await say(['reload', ...(calls['reload'] ?? [])])).toContain('tenant "acme": env')
  expect(await env()).toMatchObject({ SECRET: 'canary-later' })
  client.close()

  for (const name of ['error.log', 'access.log']) shown += readFileSync(join(folder, name), 'utf8')
  for (const pid of [serving.child.pid, ...serving.workers()]) {
    for (const file of ['cmdline', 'environ']) shown += readFileSync(`/proc/${pid}/${file}`, 'utf8')
  }
  shown += serving.log()
  expect(shown).toContain('"uri":"/echo.wasm')
  for (const canary of CANARIES) {
    const at = shown.indexOf(canary)
    expect(at < 0 ? '' : shown.slice(Math.max(0, at - 300), at + 50)).toBe('')
  }
})
