/** Two that run PHP's tests, each in a copy of its own: php-fpm and wasm-fpm. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultCache } from '../../../src/cli/runtime/cache-folder.ts'
import { KeptClient } from '../fastcgi/kept-client.ts'
import { Child } from '../peers/child.ts'
import { phpFpmConfig, type Side } from '../peers/php-sides.ts'
import { serveFolder } from '../peers/serve-folder.ts'
import { findProgram, SERVER_USER } from '../peers/start-peer.ts'
import { PHP_RUNTIME } from '../php-runtime.ts'

const PHP_FPM = 'php-fpm8.2'

/** What the tests take for granted of a php.ini. */
const SETTINGS: Readonly<Record<string, string>> = {
  output_buffering: 'Off',
  error_reporting: '32767',
  display_errors: '1',
  display_startup_errors: '1',
  log_errors: '0',
  html_errors: '0',
  docref_ext: '.html',
  precision: '14',
  serialize_precision: '-1',
  memory_limit: '128M',
  'zend.assertions': '1',
  'zend.exception_ignore_args': '0',
  'zend.exception_string_param_max_len': '15',
  short_open_tag: '0',
  max_execution_time: '0',
  register_argc_argv: '0',
  variables_order: 'EGPCS',
  request_order: '',
  expose_php: '1',
  'session.gc_divisor': '100',
  'session.sid_length': '32',
  'session.sid_bits_per_character': '4',
  'opcache.file_update_protection': '0',
  'opcache.revalidate_freq': '0',
}

export interface PhptSide {
  readonly side: Side
  /** Its copy of the sources. */
  readonly root: string
  readonly client: KeptClient
}

export interface PhptSides {
  readonly sides: readonly [PhptSide, PhptSide]
  /** What wasm-fpm has logged so far. */
  logs(): string
  stop(): Promise<void>
}

/** The archive of PHP's sources that the runtime was built from; undefined: it is not there. */
export function phpSources(): string | undefined {
  const folder = join(defaultCache(), 'php/source/php8.2')
  if (!existsSync(folder)) return undefined
  const name = readdirSync(folder).find((file) => /\.orig\.tar\.(?:xz|gz)$/.test(file))
  return name === undefined ? undefined : join(folder, name)
}

/** What of all that it takes is not there. */
export function missingForPhpt(): readonly string[] {
  return [
    ...(findProgram(PHP_FPM) === undefined ? [PHP_FPM] : []),
    ...(phpSources() === undefined ? ["PHP's sources, which `make runtimes` fetches"] : []),
  ]
}

/** `suites`: folders of the sources. */
export async function startPhptSides(suites: readonly string[]): Promise<PhptSides> {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-phpt-'))
  chmodSync(folder, 0o755)
  const places = {
    'php-fpm': { root: join(folder, 'a'), socket: join(folder, 'php.sock') },
    'wasm-fpm': { root: join(folder, 'b'), socket: join(folder, 'wasm.sock') },
  }
  for (const { root } of Object.values(places)) unpack(root, suites)
  const lines = Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`)
  const files = {
    'php.ini': lines.join('\n'),
    'php-fpm.conf': phpFpmConfig(folder, places['php-fpm'].socket, PHP_FPM_LINES),
    'wasm-fpm.toml': wasmFpmConfig(places['wasm-fpm'], lines),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const own = { directory: folder }
  const phpFpm = [
    findProgram(PHP_FPM) ?? PHP_FPM,
    '-F',
    '-c',
    'php.ini',
    '-y',
    'php-fpm.conf',
  ] as const
  const children = {
    'php-fpm': new Child(phpFpm[0], phpFpm.slice(1), own),
    'wasm-fpm': serveFolder(folder),
  }
  const sides = (['php-fpm', 'wasm-fpm'] as const).map((side) => ({
    side,
    root: places[side].root,
    // php-fpm's PHP_VALUE outlives its request: a process for each.
    client: new KeptClient(places[side].socket, side === 'wasm-fpm'),
  }))
  const stop = async (): Promise<void> => {
    for (const { client } of sides) client.close()
    for (const child of Object.values(children)) await child.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    for (const side of ['php-fpm', 'wasm-fpm'] as const)
      await children[side].accepting({ unix: places[side].socket })
  } catch (error) {
    await stop()
    throw error
  }
  const [first, second] = sides
  if (first === undefined || second === undefined) throw new Error('there are two')
  return { sides: [first, second], logs: () => children['wasm-fpm'].output(), stop }
}

/** The suites alone, for everybody to write to. */
function unpack(root: string, suites: readonly string[]): void {
  mkdirSync(root)
  const patterns = suites.map((suite) => `*/${suite}`)
  execFileSync('tar', [
    ...['xf', phpSources() ?? '', '-C', root, '--strip-components=1', '--no-same-owner'],
    ...['--wildcards', '--no-wildcards-match-slash', ...patterns],
  ])
  execFileSync('chmod', ['-R', 'a+rwX', root])
}

/** One process a request: a test may leave anything behind. */
const PHP_FPM_LINES = `pm.max_children = 1
pm.max_requests = 1
clear_env = no
request_terminate_timeout = 20s`

interface Place {
  readonly root: string
  readonly socket: string
}

function wasmFpmConfig({ root, socket }: Place, settings: readonly string[]): string {
  const user = SERVER_USER === undefined ? '' : `user = "${SERVER_USER}"`
  return `
store = "store"
[[pool]]
name = "www"
listen = ["${socket}"]
${user}
workers = 1
[[runtime]]
name = "php"
module = "${PHP_RUNTIME}"
extensions = [".php"]
memory = "512MiB"
env = { PHP_INI = ${JSON.stringify(settings.join('\n'))} }
[[tenant]]
name = "tests"
hosts = ["*"]
root = "${root}"
runtimes = ["php"]
revalidate = "1h"
max_children = 2
[tenant.limits]
cpu = "15s"
wall = "20s"
tmp = "256MiB"
open_files = 512
[[tenant.mounts]]
host = "${root}"
guest = "${root}"
writable = true
quota = "10GiB"
quota_files = 1000000
`
}
