/** The end: graceful, at once, by command. */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Client, configText, launch, makeFolder, READY, type Serving, serve } from './serve.ts'

for (const signal of ['SIGTERM', 'SIGQUIT'] as const) {
  test(`${signal} lets a slow request finish`, async () => {
    const serving = await serve()
    const slow = new Client(serving.socket).get('slow.wasm', 'n=3&ms=300')
    await new Client(serving.socket).get('hello.wasm')
    serving.child.kill(signal)
    serving.child.kill(signal)
    expect(await slow).toEqual({ status: 200, body: 'line 1 of 3\nline 2 of 3\nline 3 of 3\n' })
    expect(await serving.exit).toBe(0)
    expect(existsSync(serving.socket)).toBe(false)
  })
}

test('requests get no more than process_control_timeout', async () => {
  const folder = makeFolder()
  const serving = await serve({
    folder,
    config: configText(folder, { top: 'process_control_timeout = "300ms"' }),
  })
  const slow = new Client(serving.socket).get('slow.wasm', 'n=2&ms=20000')
  const settled = expect(slow).rejects.toThrow()
  await new Client(serving.socket).get('hello.wasm')
  serving.child.kill('SIGTERM')
  expect(await serving.exit).toBe(0)
  await settled
})

test('SIGINT ends it at once, also while it finishes', async () => {
  const serving = await serve()
  const slow = new Client(serving.socket).get('slow.wasm', 'n=2&ms=20000')
  const settled = expect(slow).rejects.toThrow()
  await new Client(serving.socket).get('hello.wasm')
  serving.child.kill('SIGTERM')
  await serving.logged(/"signal":"SIGTERM"/)
  serving.child.kill('SIGINT')
  await settled
  expect(await serving.exit).toBe(0)
})

test('the stop command waits for the end; then there is nobody to talk to', async () => {
  const folder = makeFolder()
  const serving = await serve({ folder, config: configText(folder, { top: 'pid = "master.pid"' }) })
  expect(readFileSync(`${folder}/master.pid`, 'utf8')).toBe(`${serving.child.pid}\n`)
  expect(await serving.command('stop')).toEqual({ code: 0, stdout: 'stopped\n', stderr: '' })
  expect(await serving.exit).toBe(0)
  expect(existsSync(`${folder}/master.pid`)).toBe(false)
  const { code, stderr } = await serving.command('reload')
  expect(code).toBe(1)
  expect(stderr).toContain('MASTER_NOT_RUNNING')
})

test('the control socket of a server that was killed goes when any other starts', async () => {
  const killed = await serve()
  const control = controlOf(killed)
  expect(existsSync(control)).toBe(true)
  killed.child.kill('SIGKILL')
  await killed.exit
  expect(existsSync(control)).toBe(true)
  const other = await serve()
  expect([existsSync(control), existsSync(controlOf(other))]).toEqual([false, true])
})

/** Where it says that it takes commands. */
function controlOf(serving: Serving): string {
  return /"control":"([^"]+)"/.exec(serving.log())?.[1] ?? ''
}

test('workers whose master is killed end, too, and the next master takes over', async () => {
  const serving = await serve()
  const workers = serving.workers()
  serving.child.kill('SIGKILL')
  await serving.exit
  const next = await serve({ folder: serving.folder })
  expect((await new Client(next.socket).get('hello.wasm')).status).toBe(200)
  await expect.poll(() => workers.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
})

test('SIGUSR1 opens the error log again; it holds the lines of master and workers', async () => {
  const folder = makeFolder()
  const file = join(folder, 'error.log')
  const text = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  const serving = launch({ folder, config: configText(folder, { top: 'error_log = "error.log"' }) })
  await expect.poll(text).toMatch(READY)
  await new Client(serving.socket).get('hello.wasm')
  await expect.poll(text).toContain('"msg":"access"')
  renameSync(file, `${file}.1`)
  serving.child.kill('SIGUSR1')
  await expect.poll(() => existsSync(file)).toBe(true)
  await new Client(serving.socket).get('hello.wasm', 'again')
  await expect.poll(text).toContain('again')
})

test("SIGUSR1 opens tenants' access logs again; they belong to the workers' user", async () => {
  const folder = makeFolder()
  const file = join(folder, 'access.log')
  const user = process.getuid?.() === 0 ? 'user = "games"\nlisten_owner = "root"' : ''
  const config = configText(folder, { pool: user, tenant: 'access_log = "access.log"' })
  const serving = await serve({ folder, config })
  const client = new Client(serving.socket)
  await client.get('hello.wasm', 'first')
  await expect.poll(() => readFileSync(file, 'utf8')).toContain('first')
  renameSync(file, `${file}.1`)
  serving.child.kill('SIGUSR1')
  await expect.poll(() => existsSync(file)).toBe(true)
  // A worker may open it a moment later than it is there: until then lines go to the old one.
  const ask = async (): Promise<string> => {
    await client.get('hello.wasm', 'second')
    return readFileSync(file, 'utf8')
  }
  await expect.poll(ask).toContain('second')
})

test('a process id that cannot be written ends the start, and commands find nobody', async () => {
  const folder = makeFolder()
  const serving = launch({ folder, config: configText(folder, { top: 'pid = "missing/pid"' }) })
  expect(await serving.exit).not.toBe(0)
  expect(serving.log()).toContain('MASTER_FILE')
  expect((await serving.command('reload')).stderr).toContain('MASTER_NOT_RUNNING')
})
