/** A new program takes the place of the one that runs: beside it, with the same sockets, and nobody notices. */
import { execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { command as tellMaster } from '../../../src/master/control-client.ts'
import { freePort } from '../../support/peers/child.ts'
import { copyProgram, MAIN } from '../../support/program.ts'
import { Client, configText, makeFolder, type Serving, serve, startLoad } from './serve.ts'

/** A copy of the program whose version is another one. Its entry point. */
function otherProgram(version: string): string {
  const folder = makeFolder()
  const main = copyProgram(folder)
  const file = join(folder, 'package.json')
  const own = readFileSync(file, 'utf8')
  writeFileSync(file, own.replace(/"version": ".*"/, `"version": "${version}"`))
  return main
}

interface Place {
  readonly folder: string
  readonly serving: Serving
  /** As the file says. */
  masterPid(): number
  /** Runs a command of the program at `main`. */
  command(name: string, main?: string): Promise<string>
}

async function start({ top = '', args = [] as string[], env = {} } = {}): Promise<Place> {
  const folder = makeFolder()
  const pidFile = join(folder, 'pid')
  const config = configText(folder, {
    pool: 'workers = 1',
    top: `pid = "${pidFile}"\n${top.replaceAll('FOLDER', folder)}`,
  })
  const serving = await serve({
    ...{ folder, config, through: (all) => [...all, ...args] },
    spawn: { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
  })
  const masterPid = (): number => Number(readFileSync(pidFile, 'utf8'))
  onTestFinished(async () => {
    if (!existsSync(pidFile)) return
    const pid = masterPid()
    process.kill(pid, 'SIGINT')
    await expect.poll(() => existsSync(`/proc/${pid}/status`), { timeout: 60_000 }).toBe(false)
  })
  const file = join(folder, 'wasm-fpm.toml')
  const command = (name: string, main = MAIN): Promise<string> =>
    new Promise((done) => {
      execFile(process.execPath, [main, name, '--config', file], (_, stdout, stderr) =>
        done(stdout + stderr),
      )
    })
  return { folder, serving, masterPid, command }
}

test('upgrades under load lose no request and no connection', async () => {
  const { serving, masterPid, command } = await start()
  const first = masterPid()
  const socketFile = statSync(serving.socket).ino
  const load = startLoad(serving.socket, 4, 1)
  for (const [main, version] of [
    [otherProgram('98.0.0'), '98.0.0'],
    [otherProgram('99.0.0'), '99.0.0'],
  ] as const) {
    const before = masterPid()
    expect(await command('upgrade', main)).toMatch(
      new RegExp(`^process \\d+ of version ${version} serves\n$`),
    )
    expect(masterPid()).not.toBe(before)
    const { answered } = load
    await expect.poll(() => load.answered, { timeout: 60_000 }).toBeGreaterThan(answered + 20)
    // The old one ends when its requests have ended.
    await expect.poll(() => isThere(before), { timeout: 60_000 }).toBe(false)
  }
  expect(serving.child.exitCode).toBe(0)
  expect(serving.child.pid).toBe(first)
  expect(await command('status')).toMatch(new RegExp(`^master ${masterPid()}, `))
  // It is the same socket.
  expect(statSync(serving.socket).ino).toBe(socketFile)
  const from = load.answered
  await expect.poll(() => load.answered).toBeGreaterThan(from)
  await load.stop()
  expect(load.failures).toEqual([])
  expect(load.connections).toBe(4)
  expect(await command('stop')).toBe('stopped\n')
  expect(existsSync(serving.socket)).toBe(false)
}, 300_000)

function isThere(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('ports, the admin API and the HTTP front go over, and a changed configuration counts', async () => {
  const [agent, metrics, moved, front] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const { folder, serving, command, masterPid } = await start({
    args: ['--http', `127.0.0.1:${front}`],
    top: `store = "FOLDER/store"
[agent]
listen = "127.0.0.1:${agent}"
[metrics]
listen = "127.0.0.1:${metrics}"
[admin]
listen = ["FOLDER/admin.sock"]
tokens = "FOLDER/tokens.json"
audit_log = "FOLDER/audit.log"`,
  })
  const file = join(folder, 'wasm-fpm.toml')
  const before = readFileSync(file, 'utf8')
  const seen = async (metricsPort: number): Promise<unknown[]> => [
    (await ask({ port: agent })).body.slice(0, 16),
    (await ask({ port: metricsPort, path: '/metrics' })).status,
    (await ask({ socketPath: join(folder, 'admin.sock'), path: '/v1/health' })).status,
    (await ask({ port: front, path: '/hello.wasm' })).status,
    (await new Client(serving.socket).get('hello.wasm')).status,
  ]
  const all = ['{"state":"ready"', 200, 200, 200, 200]
  expect(await seen(metrics)).toEqual(all)
  expect(await command('upgrade')).toContain('serves')
  expect(await seen(metrics)).toEqual(all)
  serving.writeConfig(before.replace(`:${metrics}`, `:${moved}`))
  expect(await command('upgrade')).toContain('serves')
  expect(await seen(moved)).toEqual(all)
  await expect(ask({ port: metrics })).rejects.toThrow('ECONNREFUSED')
  // What a reload takes away, and gives back, is no longer inherited.
  serving.writeConfig(before)
  expect(await command('reload')).toContain('workers: 1')
  expect(await seen(metrics)).toEqual(all)
  expect(await command('drain')).toBe('draining\n')
  process.kill(masterPid(), 'SIGUSR2')
  const old = masterPid()
  await expect.poll(masterPid, { timeout: 60_000 }).not.toBe(old)
  await expect.poll(async () => (await ask({ port: agent })).body).toContain('"draining"')
  expect(await command('undrain')).toBe('ready\n')
}, 300_000)

interface Answer {
  readonly status: number
  readonly body: string
}

function ask(where: {
  readonly port?: number
  readonly socketPath?: string
  readonly path?: string
}): Promise<Answer> {
  return new Promise((done, reject) => {
    const asked = request({ host: '127.0.0.1', ...where }, (response) => {
      text(response).then((body) => done({ status: response.statusCode ?? 0, body }), reject)
    })
    asked.on('error', reject).end()
  })
}

test('a new program that cannot serve changes nothing, and says why', async () => {
  const { folder, serving, masterPid, command } = await start()
  const before = masterPid()
  const load = startLoad(serving.socket, 2, 5)
  const file = join(folder, 'wasm-fpm.toml')
  const config = readFileSync(file, 'utf8')
  const refused = async (main: string | undefined, why: string): Promise<void> => {
    const answer = await command('upgrade', main)
    expect(answer).toContain('[MASTER_UPGRADE_FAILED]')
    expect(answer).toContain(why)
  }
  serving.writeConfig(config.replace('hosts', 'hoists'))
  await refused(undefined, 'hoists is not a key')
  serving.writeConfig(
    config.replace('[[pool]]', '[[pool]]\nname = "other"\nlisten = ["/nowhere/at.sock"]\n[[pool]]'),
  )
  await refused(undefined, 'the folder /nowhere is not there')
  serving.writeConfig(config)
  const broken = otherProgram('97.0.0')
  const worker = join(broken, '../../dist/src/worker/main.js')
  writeFileSync(worker, `process.exit(3)\n`)
  await refused(broken, 'it ended (code 3)')
  // One that knows nothing of this, and one that is not there.
  writeFileSync(broken, 'setTimeout(() => process.exit(5), 100)\n')
  const tell = (program: string): Promise<string> =>
    tellMaster(file, 'upgrade', { program: [program, broken] })
  await expect(tell(process.execPath)).rejects.toThrow('it ended (code 5) before it served')
  await expect(tell('/nowhere/node')).rejects.toThrow('spawn /nowhere/node ENOENT')
  expect(masterPid()).toBe(before)
  expect(await command('status')).toContain(`master ${before}, `)
  expect(existsSync(serving.socket)).toBe(true)
  expect(await command('reload')).toContain('workers: 1')
  await load.stop()
  expect(load.failures).toEqual([])
  expect(load.connections).toBe(2)
  expect(await command('upgrade')).toContain('serves')
}, 300_000)

test('systemd is told whom to watch before the new program says that it is ready', async () => {
  const notes = join(makeFolder(), 'notes')
  const script =
    'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint("bound",flush=True)\nwhile True:\n  print(s.recv(4096).decode().replace("\\n"," "),flush=True)'
  const listener = spawn('python3', ['-c', script, notes], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void listener.kill('SIGKILL'))
  let told = ''
  listener.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    told += chunk
  })
  await expect.poll(() => told).toBe('bound\n')
  const { serving, masterPid } = await start({
    env: { NOTIFY_SOCKET: notes, WATCHDOG_USEC: '200000', WATCHDOG_PID: '' },
  })
  await expect.poll(() => told).toContain(`MAINPID=${serving.child.pid}`)
  serving.child.kill('SIGUSR2')
  await expect.poll(() => serving.child.exitCode, { timeout: 60_000 }).toBe(0)
  const pid = masterPid()
  expect(told.replaceAll('WATCHDOG=1\n', '')).toMatch(
    new RegExp(
      `RELOADING=1 MONOTONIC_USEC=\\d+\nMAINPID=${pid}\nREADY=1 STATUS=[^\n]* MAINPID=${pid}\n$`,
    ),
  )
  const from = told.length
  await expect.poll(() => told.slice(from)).toContain('WATCHDOG=1')
}, 300_000)
