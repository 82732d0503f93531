/** libfcgi's own example programs, built unchanged: they answer as they do natively, asked by nginx and by cgi-fcgi. */
import { execFile, spawn } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { BuildLog } from '../../src/cli/runtime/build-log.ts'
import { fetchSources } from '../../src/cli/runtime/source-packages.ts'
import { feed } from '../support/feed.ts'
import { Child, freePort } from '../support/peers/child.ts'
import { type Answer, ask, type Question } from '../support/peers/http-client.ts'
import { nginxFrame } from '../support/peers/nginx-frame.ts'
import { serveFolder } from '../support/peers/serve-folder.ts'
import { findProgram, SERVER_USER } from '../support/peers/start-peer.ts'

const PROGRAMS = ['authorizer', 'echo', 'echo-x', 'size'] as const
type Program = (typeof PROGRAMS)[number]
type Side = 'native' | 'wasm-fpm'
const SIDES: readonly Side[] = ['native', 'wasm-fpm']

const SDK = resolve('guests/sdk/c')
/** Beside the sources of runtimes, and fetched as they are. */
const SOURCES = resolve('build/libfcgi')
/** What wasm-fpm leaves out, or shows as its guest sees it; and what is of one port, or of one process. */
const OWN =
  /^(?:DOCUMENT_ROOT|PATH_TRANSLATED|HTTP_CONTENT_LENGTH|SCRIPT_FILENAME|REMOTE_PORT|SERVER_PORT|PATH)=/

const NEEDED = ['nginx', 'spawn-fcgi', 'cgi-fcgi', 'clang', 'cc']

function isReady(): boolean {
  const missing = NEEDED.filter((name) => findProgram(name) === undefined)
  if (!existsSync('/usr/include/fcgiapp.h')) missing.push('libfcgi-dev')
  if (missing.length === 0) return true
  if (process.env['CI']) throw new Error(`Cannot test programs of libfcgi: no ${missing.join()}`)
  process.stderr.write(`no ${missing.join(', no ')}: programs of libfcgi are not tested\n`)
  return false
}

const run = promisify(execFile)

/** The folder with the examples of Debian's source package. */
async function fetchExamples(): Promise<string> {
  const unpacked = join(SOURCES, 'unpacked')
  if (!existsSync(unpacked)) {
    mkdirSync(SOURCES, { recursive: true })
    const log = new BuildLog(join(SOURCES, 'fetch.log'), systemClock)
    const [source] = await fetchSources([{ package: 'libfcgi', patches: false }], {
      folder: SOURCES,
      log,
    })
    log.end()
    log.close()
    const folder = source?.folder ?? ''
    const archive = readdirSync(folder).find((name) => /\.orig\.tar\./.test(name)) ?? ''
    const draft = mkdtempSync(join(SOURCES, 'draft-'))
    await run('tar', ['xf', join(folder, archive), '-C', draft, '--strip-components=1'])
    await run('mv', ['-T', draft, unpacked])
  }
  return join(unpacked, 'examples')
}

/** Builds one for both sides. */
async function build(program: Program, examples: string, folder: string): Promise<void> {
  const source = join(examples, `${program}.c`)
  const options = { env: { ...process.env, WASM_OPT: resolve('node_modules/.bin/wasm-opt') } }
  await run(join(SDK, 'fcgi-cc'), ['-o', join(folder, `www/${program}.wasm`), source], options)
  // Of the headers only this one is ours: it stands for what `configure` would write.
  const headers = join(folder, 'headers')
  mkdirSync(headers, { recursive: true })
  copyFileSync(join(SDK, 'include/fcgi_config.h'), join(headers, 'fcgi_config.h'))
  await run('cc', ['-w', '-I', headers, '-o', join(folder, program), source, '-lfcgi'])
}

/** In nginx; no variable twice, as in Debian's fastcgi_params with SCRIPT_NAME behind it. */
function location(program: Program, socket: string): string {
  const params = [
    ...['QUERY_STRING $query_string', 'REQUEST_METHOD $request_method', 'PATH_INFO $2'],
    ...['CONTENT_TYPE $content_type', 'CONTENT_LENGTH $content_length', 'SCRIPT_NAME $1'],
    ...['SCRIPT_FILENAME $document_root$1', 'DOCUMENT_ROOT $document_root'],
    ...['REQUEST_URI $request_uri', 'DOCUMENT_URI $document_uri', 'SERVER_NAME $server_name'],
    ...['SERVER_PROTOCOL $server_protocol', 'REQUEST_SCHEME $scheme', 'SERVER_SOFTWARE nginx'],
    ...['REMOTE_ADDR $remote_addr', 'SERVER_ADDR $server_addr', 'GATEWAY_INTERFACE CGI/1.1'],
    ...['REMOTE_PORT $remote_port', 'SERVER_PORT $server_port'],
  ]
  const lines = params.map((param) => `fastcgi_param ${param};`).join(' ')
  return `location ~ ^(/${program}\\.wasm)(/.*)?$ { ${lines} fastcgi_pass unix:${socket}; }`
}

interface Sides {
  readonly ports: Readonly<Record<Side, number>>
  socket(side: Side, program: Program): string
  stop(): Promise<void>
}

async function startSides(): Promise<Sides> {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-libfcgi-'))
  chmodSync(folder, 0o755)
  const root = join(folder, 'www')
  mkdirSync(root)
  const examples = await fetchExamples()
  for (const program of PROGRAMS) await build(program, examples, folder)
  const ports = { native: await freePort(), 'wasm-fpm': await freePort() }
  const wasm = join(folder, 'wasm.sock')
  const socket = (side: Side, program: Program): string =>
    side === 'native' ? join(folder, `${program}.sock`) : wasm
  const server = (side: Side): string => `
  server {
    listen 127.0.0.1:${ports[side]};
    server_name site.example;
    root ${root};
    ${PROGRAMS.map((program) => location(program, socket(side, program))).join('\n    ')}
  }`
  const http = SIDES.map(server).join('\n')
  writeFileSync(join(folder, 'nginx.conf'), nginxFrame({ folder, user: SERVER_USER, http }))
  const owner = SERVER_USER === undefined ? '' : `listen_owner = "${SERVER_USER}"\n`
  writeFileSync(
    join(folder, 'wasm-fpm.toml'),
    `[[pool]]\nname = "www"\nlisten = ["${wasm}"]\nworkers = 1\n${owner}[[tenant]]\nname = "site"\npool = "www"\nhosts = ["*"]\nroot = "${root}"\nlifetime = "persistent"\n`,
  )
  const own = { directory: folder }
  const start = (name: string, ...args: string[]): Child =>
    new Child(findProgram(name) ?? name, args, own)
  const children = [
    ...PROGRAMS.map((program) =>
      start(
        'spawn-fcgi',
        '-n',
        '-M',
        '0777',
        '-s',
        socket('native', program),
        join(folder, program),
      ),
    ),
    serveFolder(folder),
    start('nginx', '-p', folder, '-c', 'nginx.conf', '-e', 'error.log'),
  ]
  for (const [index, program] of PROGRAMS.entries())
    await children[index]?.accepting({ unix: socket('native', program) })
  await children.at(-2)?.accepting({ unix: wasm })
  for (const side of SIDES)
    await children.at(-1)?.accepting({ host: '127.0.0.1', tcpPort: ports[side] })
  return {
    ...{ ports, socket },
    stop: async () => {
      await Promise.all(children.map((child) => child.stop()))
      rmSync(folder, { recursive: true })
    },
  }
}

/** What the two have in common, and lines of the environment in order; the initial one is each server's own, and so are counts of requests. */
function comparable(text: string): unknown {
  const [told = ''] = text.split('Initial environment')
  const lines = told.replace(/Request number \d+, {2}Process ID: \d+/, 'Request').split('\n')
  return lines.filter((line) => !OWN.test(line)).toSorted()
}

function answered({ status, headers, text, ending }: Answer): unknown {
  const { 'content-type': type, 'www-authenticate': asked } = headers
  const variables = Object.entries(headers).filter(([name]) => name.startsWith('variable-'))
  return { status, type, asked, variables, ending, text: comparable(text) }
}

/** What cgi-fcgi prints: a header, and a body. */
async function askByHand(socket: string, env: Record<string, string>, body = ''): Promise<string> {
  const child = spawn('cgi-fcgi', ['-bind', '-connect', socket], {
    env: { ...env, PATH: '/usr/bin' },
  })
  feed(child, body)
  let printed = ''
  for await (const chunk of child.stdout) printed += String(chunk)
  return printed
}

interface Step extends Question {
  readonly path: string
}

const LONG = Buffer.alloc(100_000, 'long text ')
const STEPS: readonly Step[] = [
  { path: '/echo.wasm?a=1&b=%20' },
  { path: '/echo.wasm/some/path' },
  { path: '/echo.wasm', method: 'POST', body: Buffer.from('a=b&c=d\nsecond line') },
  { path: '/echo.wasm', method: 'PUT', body: LONG },
  { path: '/echo-x.wasm?a=1&b=%20' },
  { path: '/echo-x.wasm', method: 'POST', body: LONG },
  { path: '/echo-x.wasm/x', method: 'DELETE' },
  { path: '/authorizer.wasm' },
  { path: '/authorizer.wasm?17', headers: { Authorization: 'Basic ZG9lOnh4eHg=' } },
  { path: '/size.wasm' },
  { path: '/size.wasm/200000' },
  { path: '/size.wasm/3' },
]

describe.skipIf(!isReady())('programs of libfcgi', () => {
  let sides: Sides
  beforeAll(async () => {
    sides = await startSides()
  }, 180_000)
  afterAll(() => sides?.stop())

  for (const { path, ...question } of STEPS) {
    test(`nginx: ${question.method ?? 'GET'} ${path}`, async () => {
      const headers = { Host: 'site.example', Cookie: 'c=1', ...question.headers }
      const [expected, actual] = await Promise.all(
        SIDES.map((side) => ask(sides.ports[side], path, { ...question, headers })),
      )
      expect(expected?.status).toBeGreaterThan(0)
      expect(actual && answered(actual)).toEqual(expected && answered(expected))
    })
  }

  test.each(PROGRAMS)('cgi-fcgi: %s', async (program) => {
    const body = 'some text'
    const env = {
      REQUEST_METHOD: 'POST',
      SCRIPT_NAME: `/${program}.wasm`,
      REQUEST_URI: `/${program}.wasm`,
      QUERY_STRING: 'x=1',
      CONTENT_LENGTH: String(body.length),
      SERVER_NAME: 'site.example',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_SOFTWARE: 'by hand',
      GATEWAY_INTERFACE: 'CGI/1.1',
      HTTP_HOST: 'site.example',
      PATH_INFO: '',
      REMOTE_USER: 'doe',
      // Only an Authorizer is given a password, and cgi-fcgi asks as a Responder.
      ...(program === 'authorizer' ? { REMOTE_PASSWD: 'xxxx' } : {}),
    }
    const [expected = '', actual = ''] = await Promise.all(
      SIDES.map((side) => askByHand(sides.socket(side, program), env, body)),
    )
    const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n'))
    expect(expected).not.toBe('')
    expect(comparable(bodyOf(actual))).toEqual(comparable(bodyOf(expected)))
    const statusOf = (text: string): string => /^Status: (\d+)/m.exec(text)?.[1] ?? '200'
    if (program === 'authorizer') expect(statusOf(actual)).toBe('401')
    else expect(statusOf(actual)).toBe(statusOf(expected))
  })
})
