/** Runtimes in a running server: when it is ready, what it reloads, what scripts see of the files. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CREATE, type FileStep, fileProgram, READ_ONLY } from '../../support/file-program.ts'
import { freePort } from '../../support/peers/child.ts'
import { envReactor, variablesIn } from '../../support/reactor.ts'
import { type Answer, Client, configText, launch, makeFolder, READY, serve } from './serve.ts'

const isRoot = process.getuid?.() === 0
const [NOENT, ROFS, XDEV] = [44, 69, 75]

/** A runtime `name` for files that end in its name, whose module lies in the folder. */
function runtimeText(name: string, more = ''): string {
  return `[[runtime]]\nname = "${name}"\nmodule = "${name}.wasm"\nextensions = [".${name}"]\n${more}\n`
}

/** As an installation replaces a file. */
function install(folder: string, name: string, bytes: Uint8Array): void {
  writeFileSync(join(folder, 'new'), bytes)
  renameSync(join(folder, 'new'), join(folder, `${name}.wasm`))
}

function clientOf(socket: string): Client {
  const client = new Client(socket)
  onTestFinished(() => client.close())
  return client
}

function markIn({ body }: Answer): string | undefined {
  return variablesIn(body)['mark']
}

test('a worker is not ready before its runtimes are, or cannot be', async () => {
  const folder = makeFolder()
  install(folder, 'env', envReactor({ boot: '(loop $on (br $on))' }))
  const top = runtimeText('env', 'boot_timeout = "1500ms"')
  const config = configText(folder, { top, tenant: 'runtimes = ["env"]' })
  const serving = await serve({ folder, config })
  const startsMs = [...serving.log().matchAll(/"startMs":(\d+),"msg":"worker is ready"/g)]
  expect(startsMs.length).toBe(2)
  for (const [, startMs] of startsMs) expect(Number(startMs)).toBeGreaterThanOrEqual(1500)
})

test('a reload boots anew what has changed', async () => {
  const folder = makeFolder()
  install(folder, 'env', envReactor())
  writeFileSync(join(folder, 'page.env'), '')
  const top = runtimeText('env', 'index = "index.env"')
  const config = configText(folder, { top, tenant: 'runtimes = ["env"]' })
  const serving = await serve({ folder, config })
  const client = clientOf(serving.socket)
  const first = await client.get('page.env/more')
  expect(variablesIn(first.body)).toMatchObject({
    mark: 'one',
    SCRIPT_FILENAME: join(folder, 'page.env'),
    DOCUMENT_ROOT: folder,
    PATH_INFO: '/more',
  })
  expect((await client.get('hello.wasm')).body).toContain('Hello')

  install(folder, 'env', envReactor({ mark: 'two' }))
  expect(markIn(await client.get('page.env'))).toBe('one')
  const from = serving.log().length
  expect(await serving.command('reload')).toMatchObject({ code: 0 })
  await serving.logged(/runtime is ready[\s\S]*runtime is ready/, from)
  expect(markIn(await client.get('page.env'))).toBe('two')
  // Nothing has changed: nothing is booted.
  const again = serving.log().length
  expect(await serving.command('reload')).toMatchObject({ code: 0 })
  expect(markIn(await client.get('page.env'))).toBe('two')
  expect(serving.log().slice(again)).not.toContain('runtime is ready')
})

test('a runtime that cannot be used is an error in the log; everything else is served', async () => {
  const folder = makeFolder()
  install(folder, 'env', envReactor())
  install(folder, 'bad', envReactor({ boot: 'unreachable' }))
  for (const name of ['env', 'bad', 'gone']) writeFileSync(join(folder, `page.${name}`), '')
  const top = ['env', 'bad', 'gone', 'unused'].map((name) => runtimeText(name)).join('')
  const tenant = `runtimes = ["env", "bad", "gone"]`
  const serving = await serve({ folder, config: configText(folder, { top, tenant }) })
  const client = clientOf(serving.socket)
  expect((await client.get('hello.wasm')).status).toBe(200)
  expect(markIn(await client.get('page.env'))).toBe('one')
  expect((await client.get('page.bad')).status).toBe(503)
  expect((await client.get('page.gone')).status).toBe(503)
  expect(serving.log()).toMatch(/"runtime":"bad","code":"GUEST_BOOT_FAILED"/)
  expect(serving.log()).toMatch(/"runtime":"gone",.*`wasm-fpm runtime add gone FILE`/)
  expect(serving.log()).not.toContain('"runtime":"unused"')
  const status = await serving.command('status')
  expect(status.stdout).toMatch(/^RUNTIME +POOL +STATE +WORKERS +TOOK +REASON$/m)
  expect(status.stdout).toMatch(/^env +www +ready +2 /m)
  expect(status.stdout).toMatch(/^bad +www +failed +2 .*Cannot/m)
  expect(status.stdout).toMatch(/^gone +www +failed +2 .*`wasm-fpm runtime add gone FILE`/m)
  // `check` says it before.
  const { code, stderr } = await serving.command('check')
  expect(code).toBe(78)
  expect(stderr).toMatch(/gone\.wasm: runtime "gone" is not there.*\[CONFIG_NO_RUNTIME_MODULE\]/s)
  expect(stderr).not.toContain('unused')
  // What is there now is found by a reload.
  install(folder, 'gone', envReactor({ mark: 'here' }))
  const from = serving.log().length
  expect(await serving.command('reload')).toMatchObject({ code: 0 })
  await serving.logged(/"runtime":"gone".*runtime is ready/, from)
  expect(markIn(await client.get('page.gone'))).toBe('here')
})

test('the HTTP front runs scripts, and the index of a folder', async () => {
  const folder = makeFolder()
  install(folder, 'env', envReactor())
  for (const name of ['index.env', 'page.env']) writeFileSync(join(folder, name), '')
  const top = runtimeText('env', 'index = "index.env"')
  const port = await freePort()
  const serving = launch({
    folder,
    config: configText(folder, { top, tenant: 'runtimes = ["env"]' }),
    through: (command) => [...command, '--http', `127.0.0.1:${port}`],
  })
  await serving.logged(new RegExp(`try: curl -i http://127.0.0.1:${port}/\\n`))
  const told = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return variablesIn(await response.text())
  }
  expect(await told('/')).toMatchObject({
    SCRIPT_FILENAME: join(folder, 'index.env'),
    SCRIPT_NAME: '/index.env',
  })
  expect(await told('/page.env/more?x=1')).toMatchObject({
    SCRIPT_FILENAME: join(folder, 'page.env'),
    SCRIPT_NAME: '/page.env',
    PATH_INFO: '/more',
    PATH_TRANSLATED: `${folder}/more`,
    QUERY_STRING: 'x=1',
  })
})

test.skipIf(!isRoot)(
  'a worker without rights boots what its user can read, and says what not',
  async () => {
    const folder = makeFolder()
    install(folder, 'env', envReactor())
    install(folder, 'closed', envReactor())
    chmodSync(join(folder, 'closed.wasm'), 0o600)
    for (const name of ['env', 'closed']) writeFileSync(join(folder, `page.${name}`), '')
    const config = configText(folder, {
      top: runtimeText('env') + runtimeText('closed'),
      pool: 'user = "65534"\ngroup = "65534"',
      tenant: 'runtimes = ["env", "closed"]',
    })
    const serving = launch({ folder, config })
    await serving.logged(READY)
    const client = clientOf(serving.socket)
    expect(markIn(await client.get('page.env'))).toBe('one')
    expect((await client.get('page.closed')).status).toBe(503)
    expect(serving.log()).toMatch(/"runtime":"closed","code":"GUEST_UNREADABLE".*EACCES/)
  },
)

const write = (path: string, text: string): FileStep[] => [
  { do: 'open', path, ...CREATE },
  { do: 'write', text },
  { do: 'close' },
]
const read = (path: string): FileStep[] => [{ do: 'open', path, ...READ_ONLY }, { do: 'read' }]

test('scripts see root at its own path, with writable folders in it, and nothing of others', async () => {
  const folder = makeFolder()
  const [www, other, uploads] = ['www', 'other', 'uploads'].map((name) => join(folder, name))
  if (www === undefined || other === undefined || uploads === undefined) throw new Error('folders')
  for (const path of [`${www}/uploads`, other, uploads]) mkdirSync(path, { recursive: true })
  if (isRoot) chownSync(uploads, 65_534, 65_534)
  writeFileSync(join(www, 'page.files'), 'its text')
  writeFileSync(join(other, 'secret'), 'secret')
  const at = (path: string): string => path.slice(1)
  const steps: FileStep[] = [
    ...read(at(`${www}/page.files`)),
    ...write(at(`${www}/uploads/new`), 'kept'),
    ...read(at(`${www}/uploads/new`)),
    { do: 'open', path: at(`${www}/new`), ...CREATE },
    { do: 'open', path: at(`${other}/secret`), ...READ_ONLY },
    { do: 'open', path: at(`${folder}/hello.wasm`), ...READ_ONLY },
    { do: 'open', path: 'etc/passwd', ...READ_ONLY },
    { do: 'rename', path: at(`${www}/uploads/new`), to: 'tmp/moved' },
    ...write('tmp/own', 'x'),
    { do: 'rmdir', path: at(`${www}/uploads`) },
  ]
  const program = fileProgram(steps, { directory: 3, entry: 'wasm_fpm_handle' })
  writeFileSync(join(folder, 'files.wasm'), program)
  const [BUSY] = [10]
  const config = `${runtimeText('files')}
    [[pool]]
    name = "www"
    listen = ["${folder}/www.sock"]
    workers = 1
    ${isRoot ? 'user = "65534"\ngroup = "65534"' : ''}
    [[tenant]]
    name = "site"
    hosts = ["*"]
    root = "www"
    runtimes = ["files"]
    mounts = [{ host = "uploads", guest = "${www}/uploads", writable = true }]
    [[tenant]]
    name = "other"
    hosts = ["other.example"]
    root = "other"
    runtimes = ["files"]`
  const serving = await serve({ folder, config })
  const told = [
    ...['0 its text 0', '0 0 0', '0 kept 0'],
    ...[ROFS, NOENT, NOENT, NOENT, XDEV, '0 0 0', BUSY],
  ].join(' ')
  const client = clientOf(serving.socket)
  for (const _ of [1, 2]) expect((await client.get('page.files')).body.trim()).toBe(told)
  expect(readFileSync(join(uploads, 'new'), 'utf8')).toBe('kept')
  expect(existsSync(join(www, 'uploads/new'))).toBe(false)
})
