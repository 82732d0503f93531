/** A release with an application is imported before it is live: what cannot be is refused, and what was live goes on. */
import { execFile } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { PROGRAM } from '../../support/program.ts'
import { havePythonRuntime, PYTHON_RUNTIME } from '../../support/python-runtime.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

const has = havePythonRuntime()

const answering = (expression: string, before = ''): string =>
  `import os, sys\n${before}\ndef application(environ, start_response):\n    start_response("200 OK", [("Content-Type", "text/plain")])\n    return [str(${expression}).encode()]\n`

type Files = Readonly<Record<string, string>>

/** What is refused: with what reason, and where. */
const REFUSED: ReadonlyArray<{ name: string; files: Files; app?: string; says: RegExp }> = [
  {
    name: 'a package that is not there, in a module that the application imports',
    files: { 'shop/wsgi.py': 'from . import views\n', 'shop/views.py': '\nimport flask\n' },
    app: 'shop.wsgi',
    says: /its application "shop\.wsgi" cannot be imported: ModuleNotFoundError: No module named 'flask' \(shop\/views\.py, line 2\)/,
  },
  {
    name: 'a mistake',
    files: { 'wsgi.py': 'x = 1\ndef application(:\n' },
    says: /SyntaxError: invalid syntax \(wsgi\.py, line 2\)/,
  },
  {
    name: 'an exception in a package, which names what has called it',
    files: {
      'wsgi.py': 'import package\n',
      'site-packages/package.py': 'raise ValueError("a bad day")\n',
    },
    says: /ValueError: a bad day \(wsgi\.py, line 1\)/,
  },
  {
    name: 'native code, which its package has its own words for',
    files: {
      'wsgi.py': 'import fast\n',
      'site-packages/fast/__init__.py':
        'try:\n    from . import _foo\nexcept ImportError as error:\n    raise ImportError(f"please read this\\n\\nOriginal error was: {error}\\nGood luck!")\n',
      'site-packages/fast/_foo.cpython-311-x86_64-linux-gnu.so': '\x7fELF',
    },
    says: /module 'fast\._foo' is native code and cannot be had here: \/app\/site-packages\/fast\/_foo\.cpython-311-x86_64-linux-gnu\.so/,
  },
  { name: 'no such module', files: { 'other.py': '' }, says: /No module named 'wsgi'/ },
  {
    name: 'no such variable',
    files: { 'wsgi.py': 'app = 1\n' },
    says: /AttributeError: module 'wsgi' has no attribute 'application'/,
  },
  { name: 'an end', files: { 'wsgi.py': 'import sys\nsys.exit("no")\n' }, says: /SystemExit: no/ },
  {
    name: 'a package that is not there, after something was written to a mount',
    files: {
      'wsgi.py':
        'import os\nos.makedirs("/data/made/up")\nassert open("/data/settings").read() == "of the mount"\nopen("/data/settings", "a").write("more")\nimport flask\n',
    },
    says: /ModuleNotFoundError: No module named 'flask' \(wsgi\.py, line 5\)/,
  },
  {
    name: 'what fails because of what it has written',
    files: {
      'wsgi.py':
        'with open("/data/count", "w") as file:\n    file.write("0")\n1 / int(open("/data/count").read())\n',
    },
    says: /ZeroDivisionError/,
  },
  {
    name: 'more time than there is',
    files: { 'wsgi.py': 'while True: pass\n' },
    says: /cannot be imported: it took more than its (?:cpu|wall) time/,
  },
  {
    name: 'more memory than there is',
    files: { 'wsgi.py': 'x = bytearray(100_000_000)\n' },
    says: /MemoryError/,
  },
]

test.skipIf(!has)('what cannot be imported is refused, and what was live stays live', async () => {
  const folder = makeFolder()
  const data = join(folder, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'settings'), 'of the mount')
  chmodSync(data, 0o777)
  const text = configText(folder, {
    top: `store = "store"\n[[runtime]]\nname = "python"\nmodule = "${PYTHON_RUNTIME}"\nextensions = [".py"]\nmemory = "64MiB"\nboot_timeout = "4s"\nenv = { OF_RUNTIME = "runtime" }\n`,
    pool: 'workers = 1',
    tenant: `runtimes = ["python"]\nenv = { OWN = "tenant" }\n[[tenant.mounts]]\nhost = "${data}"\nguest = "/data"\nwritable = true\n`,
  })
  const serving = await serve({ folder, config: text.replace(/^root = .*$/m, '') })
  // A connection each: what is idle for as long as it takes to publish all of these is closed.
  const get = async () => {
    const client = new Client(serving.socket)
    onTestFinished(() => client.close())
    return client.get('')
  }
  let count = 0
  const publish = (files: Files, app: string, isJson = false) => {
    const release = join(folder, `release-${++count}`)
    const manifest = { runtime: 'python', name: 'shop', app, env: { MODE: 'live' } }
    const all = { ...files, 'wasm-fpm.json': JSON.stringify(manifest) }
    for (const [path, content] of Object.entries(all)) {
      mkdirSync(dirname(join(release, path)), { recursive: true })
      writeFileSync(join(release, path), content)
    }
    const config = ['--config', join(folder, 'wasm-fpm.toml'), ...(isJson ? ['--json'] : [])]
    const args = ['publish', release, '--tenant', 'site', ...config]
    return new Promise<{ code: number; out: string }>((done) => {
      execFile(process.execPath, [...PROGRAM, ...args], (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code), out: stdout + stderr }),
      )
    })
  }
  const seen = '*(os.environ[name] for name in ("OWN", "MODE", "OF_RUNTIME")), SETTINGS'
  const good = answering(`" ".join([${seen}])`, 'SETTINGS = open("/data/settings").read()')
  const first = await publish({ 'wsgi.py': good }, 'wsgi')
  expect(first, first.out).toMatchObject({ code: 0 })
  expect(first.out).toMatch(/^import +wsgi can be imported/m)
  const answer = { status: 200, body: 'tenant live runtime of the mount' }
  expect(await get(), serving.log()).toEqual(answer)

  for (const { name, files, app = 'wsgi', says } of REFUSED) {
    const { code, out } = await publish(files, app)
    expect(code, `${name}: ${out}`).toBe(1)
    expect(out, name).toMatch(says)
    expect(out, name).toContain('PUBLISHER_NO_APPLICATION')
    expect(out, `${name}: what to do`).toContain('then publish again; what was live is live')
    expect(out, name).not.toMatch(/^(?:store|switch) /m)
  }
  expect(await get()).toEqual(answer)
  const { out } = await publish({ 'wsgi.py': 'import flask\n' }, 'wsgi', true)
  expect(out).toContain('"code":"PUBLISHER_NO_APPLICATION"')
  expect(out, 'all of the traceback, for programs').toContain('File \\"/app/wsgi.py\\", line 1')

  expect(readFileSync(join(data, 'settings'), 'utf8'), 'all of that was in copies').toBe(
    'of the mount',
  )
  expect(readdirSync(data)).toEqual(['settings'])

  const writing = 'open("/data/log", "a").write("imported.")'
  const second = await publish({ 'wsgi.py': answering('"writes"', writing) }, 'wsgi')
  expect(second, second.out).toMatchObject({ code: 0 })
  expect(second.out).toMatch(/^import +wsgi can be imported/m)
  await vi.waitFor(async () => expect((await get()).body).toBe('writes'), 10_000)

  // A folder that is too large for a copy: what only workers can tell is said to be unknown.
  writeFileSync(join(data, 'large'), '')
  truncateSync(join(data, 'large'), 100_000_000)
  const third = await publish({ 'wsgi.py': answering('"knows"', writing) }, 'wsgi')
  expect(third, third.out).toMatchObject({ code: 0 })
  expect(third.out).toMatch(/^import .* is seen in the workers' log: it writes to \/data when it/m)
  await vi.waitFor(async () => expect((await get()).body).toBe('knows'), 10_000)
})
