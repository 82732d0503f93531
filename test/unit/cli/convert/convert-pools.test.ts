import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Converted, convertPools } from '../../../../src/cli/convert/convert-pools.ts'
import { GLOBAL_RULES, POOL_RULES } from '../../../../src/cli/convert/directive-rules.ts'
import { readIni } from '../../../../src/cli/convert/read-ini.ts'
import type { Config } from '../../../../src/config/config.ts'
import { parseConfig } from '../../../../src/config/parse.ts'

const DEBIAN = '/etc/php/8.2/fpm'
const { CI } = process.env
const isMissing = !existsSync(DEBIAN)
if (isMissing && CI) throw new Error(`Cannot test with Debian's files: no ${DEBIAN}`)
if (isMissing) process.stderr.write(`skipped: Debian's own files, there is no ${DEBIAN}\n`)

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-convert-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

function convert(text: string, root?: string): Converted & { readonly config: Config } {
  const file = write('php-fpm.conf', text)
  const converted = convertPools(readIni(file, '/usr'), {
    prefix: '/usr',
    workers: 1,
    root,
    source: file,
    secretsFolder: folder,
  })
  return { ...converted, config: parseConfig(converted.toml, '/etc/wasm-fpm/wasm-fpm.toml') }
}

const EVERYTHING = `
[global]
pid = /run/php/fpm.pid ; where it is
error_log = log/fpm.log
log_level = warning
log_limit = 4096
emergency_restart_threshold = 10
emergency_restart_interval = 1m
process_control_timeout = 10s
process.max = 128
[www]
prefix = /srv/$pool
user = www-data
group = 33
listen = /run/php/$pool.sock
listen.backlog = -1
listen.owner = www-data
listen.group = "www-data"
listen.mode = 0666
pm = dynamic
pm.max_children = 20
pm.start_servers = 3
pm.min_spare_servers = 2
pm.max_spare_servers = 6
pm.max_spawn_rate = 8
pm.process_idle_timeout = 15s;
pm.max_requests = 500
pm.status_path = /status
ping.path = '/ping'
ping.response = "pong; really"
access.log = log/$pool.access.log
access.format = "%R - %u %t \\"%m %r%Q%q\\" %s %{mili}d %{miliseconds}d %{kilo}M %C%%"
access.suppress_path[] = /ping
access.suppress_path[] = /health
slowlog = /var/log/$pool.slow
request_slowlog_timeout = 5
request_slowlog_trace_depth = 10
request_terminate_timeout = 2m
request_terminate_timeout_track_finished = no
rlimit_files = 1024
security.limit_extensions = .php .wasm
env[PATH] = /usr/bin:/bin
env[MOTTO] = 'a "b" \\c'
php_admin_value[memory_limit] = 32M
php_value[max_execution_time] = 30
php_value[post_max_size] = 16M
`

test('everything that has a meaning here', () => {
  const { config, notes } = convert(EVERYTHING, '/srv/$pool/www')
  expect(config).toMatchObject({
    pid: '/run/php/fpm.pid',
    errorLog: '/usr/log/fpm.log',
    log: { level: 'warn' },
    logLimitBytes: 4096,
    emergencyRestartThreshold: 10,
    emergencyRestartIntervalMs: 60_000,
    processControlTimeoutMs: 10_000,
    processMax: 128,
  })
  expect(config.pools).toHaveLength(1)
  expect(config.pools[0]).toMatchObject({
    name: 'www',
    user: 'www-data',
    group: '33',
    listen: [{ kind: 'unix', path: '/run/php/www.sock' }],
    listenBacklog: 65_535,
    listenOwner: 'www-data',
    listenGroup: 'www-data',
    listenMode: 0o660,
  })
  expect(config.tenants).toHaveLength(1)
  expect(config.tenants[0]).toMatchObject({
    name: 'www',
    pool: 'www',
    hosts: ['*'],
    root: '/srv/www/www',
    pm: 'dynamic',
    maxChildren: 20,
    startServers: 3,
    minSpareServers: 2,
    maxSpareServers: 6,
    maxSpawnRate: 8,
    processIdleTimeoutMs: 15_000,
    maxRequests: 500,
    pmStatusPath: '/status',
    pingPath: '/ping',
    pingResponse: 'pong; really',
    accessLog: { kind: 'file', path: '/srv/www/log/www.access.log' },
    accessFormat: '%R - %u %t "%m %r%Q%q" %s %{mili}d %{miliseconds}d %{kilo}M %C%%',
    accessSuppressPath: ['/ping', '/health'],
    slowlog: '/var/log/www.slow',
    requestSlowlogTimeoutMs: 5000,
    requestSlowlogTraceDepth: 10,
    requestTerminateTimeoutTrackFinished: false,
    limitExtensions: ['.wasm'],
    runtimes: ['php'],
    env: {
      PATH: '/usr/bin:/bin',
      MOTTO: 'a "b" \\c',
      PHP_VALUE: 'max_execution_time=30\npost_max_size=16M',
      PHP_ADMIN_VALUE: 'memory_limit=32M',
    },
    queue: { maxLength: 65_535, timeoutMs: 3_600_000 },
    limits: {
      wallMs: 120_000,
      openFiles: 1024,
      cpuMs: 30_000,
      requestBodyBytes: 16_777_216,
    },
  })
  expect(config.runtimes).toMatchObject([
    {
      name: 'php',
      module: '/var/lib/wasm-fpm/store/runtimes/php.wasm',
      extensions: ['.php'],
      index: 'index.php',
      // For memory_limit = 128M, which a program may ask for.
      memoryBytes: 256 * 1024 * 1024,
    },
  ])
  expect(notes).toEqual([
    'listen_backlog: was -1: as many as the kernel allows',
    'listen_mode: was 0666: sockets that everybody may write to are refused',
  ])
})

test.skipIf(isMissing)('Debian’s own files', () => {
  const file = `${DEBIAN}/php-fpm.conf`
  const { toml, notes } = convertPools(readIni(file, '/usr'), {
    prefix: '/usr',
    workers: 1,
    source: file,
    secretsFolder: folder,
  })
  expect(parseConfig(toml, '/etc/wasm-fpm/wasm-fpm.toml')).toMatchObject({
    pid: '/run/php/php8.2-fpm.pid',
    errorLog: '/var/log/php8.2-fpm.log',
    pools: [
      {
        name: 'www',
        user: 'www-data',
        listen: [{ kind: 'unix', path: '/run/php/php8.2-fpm.sock' }],
      },
    ],
    tenants: [
      { name: 'www', pm: 'dynamic', maxChildren: 5, startServers: 2, accessLog: { kind: 'off' } },
    ],
  })
  expect(notes).toEqual([])
})

test.skipIf(isMissing)('every directive of Debian’s files that is commented out', () => {
  const text = readLinesUncommented(
    '/etc/php/8.2/fpm/php-fpm.conf',
    '/etc/php/8.2/fpm/pool.d/www.conf',
  )
  const { toml } = convert(text)
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^([a-z_.]+)(?:\[\w*\])? = (.*)$/.exec(line) ?? []
    const rule = GLOBAL_RULES[name] ?? POOL_RULES[name]
    if (name === '' || value === '' || name === 'prefix') continue
    expect(rule, `${name} is known`).toBeDefined()
    if (rule !== undefined && 'why' in rule) expect(toml).toContain(`# ${name}`)
  }
})

/** The comments of the files that could be directives, as directives. */
function readLinesUncommented(...files: readonly string[]): string {
  const uncommented = files.map((file) => {
    const text = readFileSync(file, 'utf8')
    return text
      .replace(/^; ?((?:[a-z_]+\.)*[a-z_]+(?:\[\w*\])? =)/gm, '$1')
      .replace(/^include=.*$/m, '')
  })
  return uncommented
    .join('\n')
    .replace(/^prefix = .*$/m, '')
    .replace(/^access\.format = "%R - %u %t .*"$/m, '')
}

const DROPPED: ReadonlyArray<readonly [directive: string, comment: RegExp]> = [
  ['listen.acl_users = a,b', /^# listen\.acl_users = a,b -- sockets have .* \(php-fpm\.conf:3\)$/m],
  ['clear_env = no', /^# clear_env = no -- guests inherit no environment/m],
  ['chroot = /srv', /^# chroot = \/srv -- guests see nothing of the machine/m],
  [
    'env[HOST] = $HOSTNAME',
    /^# env\[HOST\] = \$HOSTNAME -- took its value from php-fpm's own environment/m,
  ],
  ['php_admin_value[] = /x', /^# php_admin_value\[\] = \/x -- has no name/m],
  ['pm.max_chidlren = 5', /^# pm\.max_chidlren = 5 -- is not a directive of php-fpm/m],
  ['request_terminate_timeout = 0', /^# request_terminate_timeout = 0 -- means no limit/m],
  ['request_slowlog_timeout = soon', /^# request_slowlog_timeout = soon -- is not a duration/m],
  ['access.log = syslog', /^# access\.log = syslog -- there is no syslog here/m],
  ['access.format = %z', /^# access\.format = %z -- has a token/m],
  [
    'php_admin_value[post_max_size] = 0',
    /^# php_admin_value\[post_max_size\] = 0 -- .*our default stays/m,
  ],
  // Refused by our own configuration.
  [
    'pm.max_children = 99999',
    /^# max_children = 99999 -- is 99999, wanted a whole number from 1 to 16000$/m,
  ],
  [
    'pm.status_path = status',
    /^# pm_status_path = "status" -- is "status", wanted a path that starts/m,
  ],
]
for (const [directive, comment] of DROPPED) {
  test(`not lost: ${directive}`, () => {
    const { toml, notes } = convert(`[www]\nlisten = /run/a.sock\n${directive}\npm = ondemand\n`)
    expect(toml).toMatch(comment)
    expect(notes.length).toBeGreaterThan(0)
  })
}

test('contradictions that php-fpm would refuse, too', () => {
  const { toml, config } = convert(
    '[a]\nlisten = /a\npm = dynamic\npm.max_children = 2\npm.start_servers = 9\n',
  )
  expect(toml).toContain('# start_servers = 9 -- is 9, wanted between')
  expect(config.tenants[0]?.maxChildren).toBe(2)
})

test('several pools, each with a socket of its own and all hosts', () => {
  const { config } = convert('[a]\nlisten = /a\n[b b]\nlisten = 127.0.0.1:9001\n')
  expect(config.pools.map(({ name }) => name)).toEqual(['a', 'b-b'])
  expect(config.tenants.map(({ name, pool, hosts }) => [name, pool, hosts])).toEqual([
    ['a', 'a', ['*']],
    ['b-b', 'b-b', ['*']],
  ])
})

test('one runtime for all pools, and one more for each other list of endings', () => {
  const { config } = convert(
    `[a]\nlisten = /a
     [b]\nlisten = /b\nsecurity.limit_extensions = .php .phar .wasm\nphp_value[memory_limit] = 1G
     [c]\nlisten = /c\nsecurity.limit_extensions = .php7
     [d]\nlisten = /d\nphp_admin_value[memory_limit] = -1
     [e]\nlisten = /e\nphp_admin_value[memory_limit] = 9G`,
  )
  expect(config.tenants.map(({ runtimes }) => runtimes)).toEqual([
    ['php'],
    ['php'],
    ['php-2'],
    ['php'],
    ['php'],
  ])
  const MIB = 1024 * 1024
  const module = '/var/lib/wasm-fpm/store/runtimes/php.wasm'
  expect(config.runtimes).toMatchObject([
    { name: 'php', module, extensions: ['.php', '.phar'], memoryBytes: 4096 * MIB },
    { name: 'php-2', module, extensions: ['.php7'], index: undefined, memoryBytes: 256 * MIB },
  ])
})

test('settings of PHP are one variable, a line each, in their order', () => {
  const { config, notes } = convert(
    `[a]\nlisten = /a\nenv[X] = y\nphp_flag[display_errors] = on\nphp_value[precision] = 3
     php_admin_flag[log_errors] = off\nphp_admin_value[error_log] = /x`,
  )
  expect(config.tenants[0]?.env).toEqual({
    X: 'y',
    PHP_VALUE: 'display_errors=on\nprecision=3',
    PHP_ADMIN_VALUE: 'log_errors=off\nerror_log=/x',
  })
  expect(notes).toEqual([])
})

test('requests wait as they do for php-fpm: as many as listen.backlog, as long as the web server', () => {
  const queueOf = (directive: string) => {
    const { toml, notes, config } = convert(`[a]\nlisten = /a\npm = ondemand\n${directive}\n`)
    expect(toml).toContain("as php-fpm's listen.backlog")
    expect(notes.filter((note) => note.includes('queue'))).toEqual([])
    return config.tenants[0]?.queue
  }
  expect(queueOf('')).toEqual({ maxLength: 511, timeoutMs: 3_600_000 })
  expect(queueOf('listen.backlog = 2048')).toEqual({ maxLength: 2048, timeoutMs: 3_600_000 })
  expect(queueOf('listen.backlog = 0')).toMatchObject({ maxLength: 1 })
  expect(queueOf('listen.backlog = -1')).toMatchObject({ maxLength: 65_535 })
})

test('many pools have one worker each, unless more are asked for', () => {
  const text = Array.from({ length: 20 }, (_, n) => `[p${n}]\nlisten = /p${n}\n`).join('')
  const workersWith = (workers: number) => {
    const file = write('php-fpm.conf', text)
    const { toml } = convertPools(readIni(file, '/'), {
      prefix: '/',
      workers,
      source: file,
      secretsFolder: folder,
    })
    return parseConfig(toml, '/x').pools.map((pool) => pool.workers)
  }
  expect(workersWith(1)).toEqual(Array(20).fill(1))
  expect(workersWith(3)).toEqual(Array(20).fill(3))
})

test('an open port stays one, loudly; with clients it is none', () => {
  const open = convert('[a]\nlisten = 9000\n')
  expect(open.config.pools[0]?.insecureListen).toBe(true)
  expect(open.toml).toContain('insecure_listen = true # DANGER')
  expect(open.notes.join()).toContain('DANGER')
  const guarded = convert('[a]\nlisten = 9000\nlisten.allowed_clients = 10.0.0.1, 10.0.0.2\n')
  expect(guarded.config.pools[0]).toMatchObject({
    insecureListen: false,
    allowedClients: ['10.0.0.1', '10.0.0.2'],
  })
})

test('included files are read where they are included', () => {
  write('pool.d/b.conf', 'listen = /b\npm = static\n')
  write('pool.d/a.conf', '[a]\nlisten = /a\n[b]\n')
  const { config } = convert(`[global]\ninclude = ${folder}/pool.d/*.conf\n`)
  expect(config.pools.map(({ name, listen }) => [name, listen])).toEqual([
    ['a', [{ kind: 'unix', path: '/a' }]],
    ['b', [{ kind: 'unix', path: '/b' }]],
  ])
})

test('an include that matches nothing is said', () => {
  expect(convert('[a]\nlisten = /a\ninclude = /nowhere/*.conf\n').toml).toContain(
    '# include = /nowhere/*.conf -- matches no file',
  )
})

test('a value cannot break out of its comment or its string', () => {
  const { toml, config } = convert(
    '[a]\nlisten = /a\nenv[X] = "a\\"b\u007f"\nfoo = "]\\"\u0007[[tenant]]"\n',
  )
  expect(config.tenants).toHaveLength(1)
  expect(config.tenants[0]?.env).toEqual({ X: 'a"b\u007f' })
  expect(toml).toContain('# foo = ]" [[tenant]]')
})

const REFUSED: ReadonlyArray<readonly [name: string, text: string, code: string]> = [
  ['no pool', '[global]\npid = /x\n', 'CONVERT_NO_POOL'],
  ['a pool without address', '[a]\npm = static\n', 'CONVERT_BAD_POOL'],
  ['an address that is none', '[a]\nlisten = 1.2.3.999:9000\n', 'CONVERT_BAD_POOL'],
  ['a line that is nothing', '[a]\nlisten\n', 'CONVERT_SYNTAX'],
  ['a string that does not end', '[a]\nlisten = "/a\n', 'CONVERT_SYNTAX'],
]
for (const [name, text, code] of REFUSED) {
  test(`refused: ${name}`, () =>
    expect(() => convert(text)).toThrow(expect.objectContaining({ code })))
}

test('refused: a file that is not there, and one that includes itself', () => {
  expect(() => readIni(join(folder, 'none.conf'), '/usr')).toThrow(
    expect.objectContaining({ code: 'CONVERT_UNREADABLE' }),
  )
  const file = write('self.conf', `include = ${folder}/self.conf\n`)
  expect(() => readIni(file, '/usr')).toThrow(expect.objectContaining({ code: 'CONVERT_SYNTAX' }))
})
