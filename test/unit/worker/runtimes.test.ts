/** Scripts and the runtimes that run them, from a configuration to the answer. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { createLogger } from '../../../src/base/logger.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import type { Gateway } from '../../../src/gateway/gateway.ts'
import { GatewayAssembly } from '../../../src/worker/assemble-gateway.ts'
import { exchange } from '../../../src/worker/memory-exchange.ts'
import { openPaths } from '../../support/open-paths.ts'
import { envReactor, variablesIn } from '../../support/reactor.ts'
import { wat } from '../../support/wat.ts'

let folder = ''
let root = ''
let assembly: GatewayAssembly
let gateways: Gateway[] = []

const PLAIN = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "Content-Type: text/plain\\n\\nplain")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 31))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'runtimes-'))
  root = join(folder, 'www')
  mkdirSync(join(root, 'blog/odd.php'), { recursive: true })
  mkdirSync(join(folder, 'outside'))
  for (const name of ['index.php', 'page.php', 'blog/index.php', 'blog/odd.php/in.php', 'a.txt']) {
    writeFileSync(join(root, name), '')
  }
  writeFileSync(join(folder, 'outside/secret.php'), '')
  writeFileSync(join(root, 'plain.wasm'), PLAIN)
  symlinkSync('page.php', join(root, 'link.php'))
  symlinkSync(join(folder, 'outside/secret.php'), join(root, 'out.php'))
  writeFileSync(join(folder, 'env.wasm'), envReactor())
  assembly = new GatewayAssembly({
    clock: systemClock,
    logger: createLogger('silent'),
    accessLog: false,
  })
})

afterEach(() => {
  for (const gateway of gateways) gateway.scheduler.stop()
  gateways = []
  rmSync(folder, { recursive: true })
})

interface Written {
  readonly runtime?: string
  readonly tenant?: string
}

/** One tenant with a runtime `env`; `runtime`, `tenant`: more lines of their tables. */
function serve({ runtime = '', tenant = '' }: Written = {}): Gateway {
  const text = `
    [[pool]]
    name = "www"
    listen = ["/nowhere/www.sock"]
    [[runtime]]
    name = "env"
    module = "env.wasm"
    extensions = [".php", ".phtml"]
    index = "index.php"
    ${runtime}
    [[tenant]]
    name = "acme"
    hosts = ["*"]
    root = "www"
    runtimes = ["env"]
    revalidate = "0"
    ${tenant}`
  const config = parseConfig(text, join(folder, 'wasm-fpm.toml'))
  const gateway = assembly.assemble(config, 1)
  assembly.use(config, 1)
  gateways.push(gateway)
  return gateway
}

async function ask(gateway: Gateway, params: Readonly<Record<string, string>>) {
  const { stdout } = await exchange(gateway, {
    pool: 'www',
    params: Object.entries({ REQUEST_METHOD: 'GET', HTTP_HOST: 'acme.example', ...params }),
    body: Buffer.alloc(0),
  })
  const text = stdout.toString('latin1')
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  const status = Number(/^Status: (\d+)/m.exec(text)?.[1] ?? 0)
  return { status, body, said: variablesIn(body) }
}

const PATHS = [
  { url: '/page.php', file: 'page.php' },
  { url: '/page.php/a/b', file: 'page.php' },
  { url: '/', file: 'index.php' },
  { url: '/blog/', file: 'blog/index.php' },
  { url: '/link.php', file: 'link.php' },
  { url: '/blog/odd.php/in.php', file: 'blog/odd.php/in.php' },
]

for (const { url, file } of PATHS) {
  test(`${url} is ${file}, at its own path`, async () => {
    const { status, said } = await ask(serve(), {
      SCRIPT_NAME: url,
      SCRIPT_FILENAME: `${root}${url}`,
      DOCUMENT_ROOT: root,
      REDIRECT_STATUS: '200',
    })
    expect(status).toBe(200)
    expect(said).toMatchObject({
      SCRIPT_FILENAME: `${root}/${file}`,
      DOCUMENT_ROOT: root,
      REDIRECT_STATUS: '200',
    })
  })
}

test('a front controller: the web server has chosen another file than the URL names', async () => {
  const { said } = await ask(serve(), {
    SCRIPT_FILENAME: `${root}/index.php`,
    SCRIPT_NAME: '/index.php',
    REQUEST_URI: '/blog/2026/a-post?x=1',
    QUERY_STRING: 'x=1',
  })
  expect(said).toMatchObject({
    SCRIPT_FILENAME: `${root}/index.php`,
    SCRIPT_NAME: '/index.php',
    REQUEST_URI: '/blog/2026/a-post?x=1',
  })
})

const NOT_RUN = ['/gone.php', '/a.txt', '/a.txt/x.php', '/out.php', '/blog', '/page.phps', '/.php']

for (const url of NOT_RUN) {
  test(`${url} is not run`, async () => {
    expect((await ask(serve(), { SCRIPT_NAME: url })).status).toBe(404)
  })
}

test('scripts in folders that are mounted, and by links to these, are run', async () => {
  const [library, uploads] = [join(folder, 'library'), join(folder, 'uploads')]
  for (const path of [library, uploads]) mkdirSync(path)
  for (const path of [library, uploads, join(folder, 'outside')]) {
    writeFileSync(join(path, 'there.php'), '')
    mkdirSync(join(path, 'folder.php'))
  }
  symlinkSync(library, join(root, 'lib'))
  symlinkSync(join(folder, 'outside'), join(root, 'gone'))
  const gateway = serve({
    tenant: `mounts = [
      { host = "${library}", guest = "${library}" },
      { host = "${uploads}", guest = "${root}/blog/up", writable = true }]`,
  })
  const statusOf = async (url: string): Promise<number> =>
    (await ask(gateway, { SCRIPT_NAME: url })).status
  expect(await statusOf('/lib/there.php')).toBe(200)
  expect(await statusOf('/blog/up/there.php')).toBe(200)
  expect(await statusOf('/page.php')).toBe(200)
  const before = openPaths(folder).length
  const missing = ['/lib/none.php', '/lib/folder.php', '/lib/../lib/there.php', '/gone/there.php']
  for (const url of missing) expect(await statusOf(url), url).toBeGreaterThanOrEqual(400)
  expect(openPaths(folder).length).toBe(before)
  // The same links and folders mean nothing to modules.
  writeFileSync(join(library, 'plain.wasm'), PLAIN)
  expect(await statusOf('/lib/plain.wasm')).toBe(404)
})

test('modules go on being run, and their index comes first', async () => {
  const gateway = serve()
  expect((await ask(gateway, { SCRIPT_NAME: '/plain.wasm' })).body).toBe('plain')
  writeFileSync(join(root, 'index.wasm'), PLAIN)
  expect((await ask(gateway, { SCRIPT_NAME: '/' })).body).toBe('plain')
})

test('a tenant without runtimes runs no scripts', async () => {
  const gateway = serve({ tenant: '[[tenant]]\nname = "b"\nhosts = ["b.example"]\nroot = "www"' })
  const asked = { HTTP_HOST: 'b.example' }
  expect((await ask(gateway, { ...asked, SCRIPT_NAME: '/page.php' })).status).toBe(404)
  expect((await ask(gateway, { ...asked, SCRIPT_NAME: '/plain.wasm' })).body).toBe('plain')
})

test("variables: a handler's, then the tenant's, then the runtime's, then the request's", async () => {
  const gateway = serve({
    runtime: 'env = { A = "runtime", B = "runtime", C = "runtime" }',
    tenant: `env = { B = "tenant", C = "tenant" }
      [[tenant.handlers]]
      name = "page.php"
      env = { C = "handler" }`,
  })
  const sent = { A: 'request', PHP_VALUE: 'precision=3\nx=1', E: 'request' }
  const index = await ask(gateway, { ...sent, SCRIPT_NAME: '/index.php' })
  expect(index.said).toMatchObject({ ...sent, A: 'runtime', B: 'tenant', C: 'tenant' })
  const page = await ask(gateway, { ...sent, SCRIPT_NAME: '/page.php' })
  expect(page.said).toMatchObject({ A: 'runtime', B: 'tenant', C: 'handler' })
})

test('a runtime is booted once for all tenants, and is not ready before', async () => {
  const more = '[[tenant]]\nname = "b"\nhosts = ["b.example"]\nroot = "www"\nruntimes = ["env"]'
  const gateway = serve({ tenant: more })
  await gateway.booted
  for (const host of ['acme.example', 'b.example', 'acme.example']) {
    const { said } = await ask(gateway, { HTTP_HOST: host, SCRIPT_NAME: '/page.php' })
    expect(said).toMatchObject({ mark: 'one', boots: '0' })
  }
})

const BAD = [
  { name: 'is not there', write: () => rmSync(join(folder, 'env.wasm')) },
  { name: 'is no module', write: () => writeFileSync(join(folder, 'env.wasm'), 'no module') },
  { name: 'is a command', write: () => writeFileSync(join(folder, 'env.wasm'), PLAIN) },
  {
    name: 'traps in its boot',
    write: () => writeFileSync(join(folder, 'env.wasm'), envReactor({ boot: 'unreachable' })),
  },
  {
    name: 'boots for ever',
    write: () =>
      writeFileSync(join(folder, 'env.wasm'), envReactor({ boot: '(loop $on (br $on))' })),
  },
]

for (const { name, write } of BAD) {
  test(`a runtime that ${name} is 503 for its scripts, and nothing else`, async () => {
    write()
    const gateway = serve({ runtime: 'boot_timeout = "100ms"' })
    await gateway.booted
    expect((await ask(gateway, { SCRIPT_NAME: '/page.php' })).status).toBe(503)
    expect((await ask(gateway, { SCRIPT_NAME: '/gone.php' })).status).toBe(404)
    expect((await ask(gateway, { SCRIPT_NAME: '/plain.wasm' })).body).toBe('plain')
    // The next reload tries again, whether or not the file is another one.
    writeFileSync(join(folder, 'new.wasm'), envReactor())
    renameSync(join(folder, 'new.wasm'), join(folder, 'env.wasm'))
    const next = serve({ runtime: 'boot_timeout = "5s"' })
    expect((await ask(next, { SCRIPT_NAME: '/page.php' })).said['mark']).toBe('one')
  })
}

test('a runtime that has failed is tried again by the next reload, though nothing has changed', async () => {
  const random =
    '(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))'
  const seldom = `(drop (call $random (i32.const 32) (i32.const 1)))
    (if (i32.gt_u (i32.load8_u (i32.const 32)) (i32.const 7)) (then unreachable))`
  writeFileSync(join(folder, 'env.wasm'), envReactor({ boot: seldom, imports: random }))
  let status = 503
  for (let round = 0; round < 2000 && status === 503; round += 1) {
    const gateway = serve()
    await gateway.booted
    status = (await ask(gateway, { SCRIPT_NAME: '/page.php' })).status
  }
  expect(status).toBe(200)
})

/** In another file, as an installation has it. */
function replace(bytes: Uint8Array): void {
  writeFileSync(join(folder, 'new.wasm'), bytes)
  renameSync(join(folder, 'new.wasm'), join(folder, 'env.wasm'))
}

test('a reload boots what has changed; until then, and if it fails, the one before answers', async () => {
  const first = serve()
  await first.booted
  const same = serve()
  expect((await ask(same, { SCRIPT_NAME: '/page.php' })).said['mark']).toBe('one')
  replace(envReactor({ mark: 'two' }))
  // Nobody has said that it is to be another one.
  expect((await ask(same, { SCRIPT_NAME: '/page.php' })).said['mark']).toBe('one')
  const next = serve()
  expect((await ask(next, { SCRIPT_NAME: '/page.php' })).said['mark']).toBe('one')
  await next.booted
  expect((await ask(next, { SCRIPT_NAME: '/page.php' })).said['mark']).toBe('two')
  replace(envReactor({ mark: 'three', boot: 'unreachable' }))
  const bad = serve()
  await bad.booted
  expect((await ask(bad, { SCRIPT_NAME: '/page.php' })).said['mark']).toBe('two')
})

test('a gateway that was made before goes on with what it had', async () => {
  const first = serve()
  await first.booted
  replace(envReactor({ mark: 'two' }))
  await serve().booted
  expect((await ask(first, { SCRIPT_NAME: '/page.php' })).said['mark']).toBe('one')
})
