/** `wasm-fpm dev`: builds, serves, builds again, and shows what happens. */
import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../support/peers/child.ts'
import { wat } from '../../support/wat.ts'
import { emptyFolder, type Running, start } from './cli.ts'

/** Says `text`; to a POST it complains on standard error and traps. */
function guest(text: string): Uint8Array {
  const answer = `Content-Type: text/plain\\n\\n${text}`
  return wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 64) "${answer}")
  (data (i32.const 512) "going to trap\\n")
  (func $print (param $fd i32) (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $crash (call $print (i32.const 2) (i32.const 512) (i32.const 14)) unreachable)
  (func $is_post (result i32) (local $at i32)
    (drop (call $environ (i32.const 4096) (i32.const 16384)))
    (local.set $at (i32.const 16384))
    (loop $next
      (if (i32.eq (i32.load (local.get $at)) (i32.const 0x54534f50)) (then (return (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 65536))))
    (i32.const 0))
  (func (export "_start")
    (if (call $is_post) (then (call $crash)))
    (call $print (i32.const 1) (i32.const 64) (i32.const ${text.length + 26}))))`)
}

/** A handler that is "compiled" by copying the module that the file `which` names. */
function makeHandler() {
  const folder = emptyFolder()
  const handler = join(folder, 'shop')
  mkdirSync(join(handler, 'modules'), { recursive: true })
  for (const text of ['one', 'two']) {
    writeFileSync(join(handler, 'modules', `${text}.wasm`), guest(text))
  }
  writeFileSync(join(handler, 'wasm-fpm.json'), '{"module":"shop.wasm","routes":["/shop"]}')
  const choose = (name: string): void => {
    // As editors do: a new file in the place of the old one.
    writeFileSync(join(handler, '.which'), name)
    renameSync(join(handler, '.which'), join(handler, 'which'))
  }
  choose('one')
  // What it leaves behind goes here.
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary)
  return { handler, choose, temporary }
}

const BUILD = ['--build', 'cp modules/$(cat which).wasm shop.wasm', '--http', '127.0.0.1:0']

function dev(handler: string, temporary: string, build = BUILD): Running {
  return start(['dev', handler, ...build], { ...process.env, TMPDIR: temporary })
}

async function addressOf(running: Running): Promise<string> {
  const [, address = ''] = await running.printed(/ready in .*: (http:\S+) answers/)
  return address
}

async function bodyOf(url: string): Promise<string> {
  return (await fetch(url)).text()
}

test('a change is served; a build that fails leaves the last good one', async () => {
  const { handler, choose, temporary } = makeHandler()
  const running = dev(handler, temporary)
  const address = await addressOf(running)
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(await bodyOf(`${address}/shop/x?q=1`)).toBe('one')
  expect((await fetch(`${address}/elsewhere`)).status).toBe(404)
  await running.printed(
    /\d\d:\d\d:\d\d\.\d{3} GET \/shop\/x\?q=1 -> 200 in .* ms \(.* CPU, 3 bytes\)\n/,
  )

  let from = running.text().length
  choose('missing')
  await running.printed(/missing\.wasm[\s\S]*CLI_BUILD_FAILED\]\nthe last good one is still/, from)
  expect(await bodyOf(`${address}/shop`)).toBe('one')

  from = running.text().length
  choose('two')
  await running.printed(/ready in/, from)
  expect(await bodyOf(`${address}/shop`)).toBe('two')

  from = running.text().length
  writeFileSync(join(handler, 'wasm-fpm.json'), '{"module":"shop.wasm","routes":["/new"]}')
  await running.printed(/answers \/new\n/, from)
  expect(await bodyOf(`${address}/new`)).toBe('two')
  expect((await fetch(`${address}/shop`)).status).toBe(404)
})

test('nobody can connect before it is ready: the first answer is the handler’s', async () => {
  const { handler, choose, temporary } = makeHandler()
  choose('missing')
  const port = await freePort()
  const running = dev(handler, temporary, [...BUILD.slice(0, 2), '--http', `127.0.0.1:${port}`])
  const ask = () => bodyOf(`http://127.0.0.1:${port}/shop`).catch(({ cause }) => cause.code)
  await running.printed(/nothing is served yet/)
  expect(await ask()).toBe('ECONNREFUSED')
  choose('one')
  const answers = new Set<string>()
  while (!answers.has('one')) {
    answers.add(await ask())
    expect([...answers]).toEqual(answers.has('one') ? expect.anything() : ['ECONNREFUSED'])
    await nextTurn()
  }
  answers.delete('ECONNREFUSED')
  expect([...answers]).toEqual(['one'])
  await running.printed(/ready in/)
})

test('an address that is taken is said before anything is built', async () => {
  const { handler, temporary } = makeHandler()
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  onTestFinished(() => void holder.close())
  const { port } = holder.address() as AddressInfo
  const running = dev(handler, temporary, [...BUILD.slice(0, 2), '--http', `127.0.0.1:${port}`])
  expect(await running.exit).toBe(1)
  expect(running.text()).toMatch(/MASTER_LISTEN_FAILED/)
  expect(running.text()).not.toMatch(/building/)
  expect(readdirSync(temporary)).toEqual([])
})

test('settings with which no worker starts end it, and nothing is left', async () => {
  const { handler, temporary } = makeHandler()
  const config = join(handler, 'server.toml')
  const tenant = '[[tenant]]\nname = "acme"\n[[tenant.mounts]]\nguest = "/data"\n'
  writeFileSync(
    config,
    `[[pool]]\nname = "www"\nlisten = ["${handler}/www.sock"]\n${tenant}host = "gone"\n`,
  )
  const running = dev(handler, temporary, [...BUILD, '--config', config])
  expect(await running.exit).toBe(1)
  expect(running.text()).toMatch(/"?\S*gone\S*.*\[\w+\]/)
  expect(running.text()).not.toMatch(/waiting for a change/)
  expect(readdirSync(temporary)).toEqual([])
})

test('--json: an object for each thing that happens', async () => {
  const { handler, choose, temporary } = makeHandler()
  const noisy = ['--build', `echo built && ${BUILD[1]}`, ...BUILD.slice(2)]
  const running = dev(handler, temporary, [...noisy, '--json'])
  const [ready] = await running.printed(/\{"event":"ready".*/)
  const { address, routes, ms } = JSON.parse(ready)
  expect([routes, ms > 0]).toEqual([['/shop'], true])
  expect(await bodyOf(`http://${address}/shop`)).toBe('one')
  const [log] = await running.printed(/\{"event":"log".*"msg":"access".*/)
  expect(JSON.parse(log).entry).toMatchObject({ method: 'GET', uri: '/shop', status: 200 })
  choose('missing')
  const [failed] = await running.printed(/\{"event":"failed".*/)
  expect(JSON.parse(failed)).toMatchObject({
    error: { code: 'CLI_BUILD_FAILED' },
    isServing: true,
  })
  expect(running.text()).toContain('{"event":"building","command":"echo built')
})

test('a trap: standard error, the back trace, and the request with its code', async () => {
  const { handler, temporary } = makeHandler()
  const running = dev(handler, temporary)
  const address = await addressOf(running)
  expect((await fetch(`${address}/shop`, { method: 'POST', body: 'x' })).status).toBe(500)
  await running.printed(/OUTCOME_TRAPPED\n/)
  await running.printed(/ stderr: going to trap\n/)
  await running.printed(
    /warn: the guest trapped: unreachable .*\n {4}at \S+ \(function \d+, offset 0x\w+\)\n {4}at /,
  )
  await running.printed(/ POST \/shop -> 500 in .* OUTCOME_TRAPPED\n/)
})

test('a module that does not pass its probe is not served', async () => {
  const { handler, choose, temporary } = makeHandler()
  const probe = '{"module":"shop.wasm","probe":{"path":"/","contains":"one"}}'
  writeFileSync(join(handler, 'wasm-fpm.json'), probe)
  const running = dev(handler, temporary)
  const address = await addressOf(running)
  const from = running.text().length
  choose('two')
  await running.printed(/PUBLISHER_PROBE_ANSWER\]\nthe last good one is still served/, from)
  expect(await bodyOf(`${address}/`)).toBe('one')
})

test('interrupted, also while it builds, it ends what it has started and leaves nothing', async () => {
  for (const build of [BUILD, ['--build', 'echo building; sleep 1000', '--http', '127.0.0.1:0']]) {
    const { handler, temporary } = makeHandler()
    const running = dev(handler, temporary, build)
    await running.printed(build === BUILD ? /ready in/ : /\nbuilding\n/)
    const children = childrenOf(running.child.pid ?? -1)
    expect(children.length).toBeGreaterThan(0)
    running.child.kill('SIGINT')
    expect(await running.exit).toBe(0)
    for (const pid of children) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
    expect(readdirSync(temporary)).toEqual([])
  }
})

test('without a build, a module that is replaced is a change', async () => {
  const { handler, temporary } = makeHandler()
  const folder = join(handler, 'modules')
  writeFileSync(join(folder, 'wasm-fpm.json'), '{"module":"one.wasm"}')
  const running = dev(folder, temporary, ['--http', '127.0.0.1:0'])
  const address = await addressOf(running)
  expect(await bodyOf(address)).toBe('one')
  const from = running.text().length
  writeFileSync(join(folder, 'one.wasm'), guest('three'))
  await running.printed(/ready in/, from)
  expect(await bodyOf(address)).toBe('three')
})

test('--config: the handler has what its tenant has, and what is said of it alone', async () => {
  const { handler, temporary } = makeHandler()
  const folder = join(handler, 'modules')
  copyFileSync('build/guests/as/echo.wasm', join(folder, 'echo.wasm'))
  const secrets = { tenant: 'A=tenant-file\nB=tenant-file\n', handler: 'B=handler-file\n' }
  for (const [name, text] of Object.entries(secrets))
    writeFileSync(join(handler, `${name}.env`), text, { mode: 0o600 })
  const config = join(handler, 'server.toml')
  writeFileSync(
    config,
    `[[pool]]
name = "www"
listen = ["${handler}/www.sock"]
[[tenant]]
name = "acme"
env = { C = "tenant", D = "tenant" }
env_file = "tenant.env"
limits.request_body = "2KiB"
[[tenant.handlers]]
name = "shop"
env = { D = "handler" }
env_file = "handler.env"
limits = { request_body = "1KiB" }
[[tenant.handlers]]
name = "other"
env = { A = "other" }
`,
  )
  // With a name of its own, and with that of its folder.
  const manifests = ['{"module":"echo.wasm","name":"shop"}', '{"module":"echo.wasm"}']
  for (const [at, manifest] of manifests.entries()) {
    writeFileSync(join(folder, 'wasm-fpm.json'), manifest)
    const running = dev(folder, temporary, ['--http', '127.0.0.1:0', '--config', config])
    const address = await addressOf(running)
    const { env } = JSON.parse(await bodyOf(address)) as { env: Record<string, string> }
    const own = at === 0
    expect([env['A'], env['B'], env['C'], env['D']]).toEqual(
      own
        ? ['tenant-file', 'handler-file', 'tenant', 'handler']
        : ['tenant-file', 'tenant-file', 'tenant', 'tenant'],
    )
    const { status } = await fetch(address, { method: 'POST', body: 'x'.repeat(1500) })
    expect(status).toBe(own ? 413 : 200)
    running.child.kill('SIGINT')
    await running.exit
  }
})

const BAD = [
  { args: ['dev', '/no/such/folder'], code: 1, says: /CLI_UNREADABLE/ },
  { args: ['dev', resolve('docs'), '--http', 'nowhere'], code: 64, says: /CLI_BAD_ADDRESS/ },
]

test.for(BAD)('$args: $code', async ({ args, code, says }) => {
  const running = start(args)
  await running.printed(says)
  expect(await running.exit).toBe(code)
})

function childrenOf(parent: number): readonly number[] {
  return readdirSync(`/proc/${parent}/task`)
    .flatMap((thread) => readChildren(`/proc/${parent}/task/${thread}/children`))
    .map(Number)
}

function readChildren(path: string): readonly string[] {
  return readFileSync(path, 'utf8').split(' ').filter(Boolean)
}
