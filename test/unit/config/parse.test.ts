/** What a configuration means. What is refused: problems.test.ts. */
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse.ts'
import { FILE, POOL, TENANT } from './texts.ts'

test('what guests may connect to', () => {
  const { tenants } = parseConfig(
    `[[pool]]
name = "www"
listen = ["./a.sock"]
[[tenant]]
name = "acme"
[[tenant.outbound]]
host = "*.Example.org."
ports = [80, 443]
[[tenant.outbound]]
host = "[0:0::1]"
ports = [1]
protocol = "tls"
private = true
methods = ["GET", "HEAD"]
ca = "ca.pem"
[[tenant.outbound]]
name = "db"
unix = "run/db.sock"
`,
    '/etc/wasm-fpm.toml',
  )
  expect(tenants[0]?.outbound).toEqual([
    {
      ...{ kind: 'host', host: '*.example.org', ports: [80, 443], protocol: 'tcp' },
      ...{ methods: [], isPrivate: false, ca: undefined },
    },
    {
      ...{ kind: 'host', host: '::1', ports: [1], protocol: 'tls' },
      ...{ methods: ['GET', 'HEAD'], isPrivate: true, ca: '/etc/ca.pem' },
    },
    { kind: 'unix', name: 'db', path: '/etc/run/db.sock' },
  ])
})

test('a tenant with nothing but a name gets every default', () => {
  const config = parseConfig(`${POOL}workers = 3\n${TENANT}`, FILE)
  expect(config.pools[0]).toEqual({
    name: 'www',
    listen: [{ kind: 'unix', path: '/run/www.sock' }],
    listenOwner: undefined,
    listenGroup: undefined,
    listenMode: 0o660,
    listenBacklog: 511,
    allowedClients: [],
    insecureListen: false,
    user: undefined,
    group: undefined,
    workers: 3,
    firstByteTimeoutMs: 5000,
    paramsTimeoutMs: 10_000,
    bodyTimeoutMs: 60_000,
    writeTimeoutMs: 60_000,
    keepaliveTimeoutMs: undefined,
    maxConnections: 16_384,
    multiplex: true,
    maxRequestsPerConnection: 128,
    busyPollMs: 0.2,
    gatherConnections: true,
  })
  expect(config.tenants[0]).toEqual({
    name: 'acme',
    pool: 'www',
    hosts: [],
    root: undefined,
    runtimes: [],
    app: undefined,
    env: {},
    envFile: undefined,
    pm: 'ondemand',
    maxChildren: 32,
    startServers: 2,
    minSpareServers: 1,
    maxSpareServers: 4,
    processIdleTimeoutMs: 10_000,
    maxRequests: 0,
    maxSpawnRate: 32,
    mounts: [],
    outbound: [],
    handlers: [],
    allowedResponseHeaders: [],
    limitExtensions: ['.wasm'],
    lifetime: 'reset',
    engine: 'own',
    trusted: false,
    signers: [],
    index: 'index.wasm',
    revalidateMs: 1000,
    warm: [],
    chdir: '/',
    pmStatusPath: undefined,
    pingPath: undefined,
    pingResponse: 'pong',
    accessLog: { kind: 'unset' },
    accessFormat: undefined,
    accessSuppressPath: [],
    slowlog: undefined,
    requestSlowlogTimeoutMs: 0,
    requestSlowlogTraceDepth: 20,
    requestTerminateTimeoutTrackFinished: true,
    limits: {
      memoryBytes: 67_108_864,
      cpuMs: 10_000,
      wallMs: 30_000,
      sliceMs: 1,
      paramsBytes: 262_144,
      paramsCount: 1000,
      requestBodyBytes: 8_388_608,
      responseBodyBytes: 67_108_864,
      responseHeaderBytes: 16_384,
      responseHeaderCount: 100,
      heldBackBytes: 32_768,
      stderrBytesPerSecond: 65_536,
      stderrBytes: 65_536,
      stderrLineBytes: 4096,
      tmpBytes: 16_777_216,
      tmpFiles: 1024,
      tmpDepth: 32,
      openFiles: 64,
      functionBytes: 5_242_880,
      outboundConnections: 8,
      outboundTenantConnections: 64,
      outboundConnectMs: 5000,
      outboundIdleMs: 30_000,
      outboundTimeMs: 300_000,
      outboundSentBytes: 67_108_864,
      outboundReceivedBytes: 67_108_864,
    },
    queue: { maxLength: 128, timeoutMs: 5000 },
  })
})

test('what holds for the whole server', () => {
  const { pools, runtimes, tenants, ...defaults } = parseConfig('', FILE)
  expect([pools, runtimes, tenants]).toEqual([[], [], []])
  expect(defaults).toEqual({
    log: { level: 'info', format: 'auto' },
    processControlTimeoutMs: 30_000,
    drainDelayMs: 0,
    processMax: 0,
    memoryMaxBytes: undefined,
    warmMemoryMaxBytes: expect.any(Number),
    pid: undefined,
    errorLog: undefined,
    logLimitBytes: 8192,
    logMemoryBytes: 1024 * 1024,
    emergencyRestartThreshold: 0,
    emergencyRestartIntervalMs: 60_000,
  })
  expect(defaults.warmMemoryMaxBytes).toBeGreaterThan(1024 * 1024)
  expect(
    parseConfig(
      `process_max = 500
       drain_delay = "5s"
       memory_max = "4GiB"
       warm_memory_max = "1GiB"
       pid = "run/wasm-fpm.pid"
       error_log = "/var/log/wasm-fpm/error.log"
       log_limit = 1024
       emergency_restart_threshold = 10
       emergency_restart_interval = "2m"`,
      FILE,
    ),
  ).toMatchObject({
    processMax: 500,
    drainDelayMs: 5000,
    memoryMaxBytes: 4_294_967_296,
    warmMemoryMaxBytes: 1_073_741_824,
    pid: '/etc/wasm-fpm/run/wasm-fpm.pid',
    errorLog: '/var/log/wasm-fpm/error.log',
    logLimitBytes: 1024,
    logMemoryBytes: 1024 * 1024,
    emergencyRestartThreshold: 10,
    emergencyRestartIntervalMs: 120_000,
  })
})

test('pages, logs and connections of a tenant', () => {
  const { pools, tenants } = parseConfig(
    `[[pool]]
     name = "www"
     listen = ["systemd:www", "fd:3", "inherited"]
     max_connections = 100
     multiplex = false
     max_requests_per_connection = 1
     busy_poll = 0
     [[tenant]]
     name = "acme"
     index = "app.wasm"
     revalidate = "0"
     warm = ["/", "/doku.php?id=start"]
     chdir = "/data"
     pm_status_path = "/status"
     ping_path = "/ping"
     ping_response = "here"
     access_log = "log/access.log"
     access_format = '%R - %u %t "%m %r%Q%q" %s %{milli}d %{X-Cache}o'
     access_suppress_path = ["/ping"]
     slowlog = "log/slow.log"
     request_slowlog_timeout = "2s"
     request_slowlog_trace_depth = 5
     request_terminate_timeout_track_finished = false
     max_spawn_rate = 4`,
    FILE,
  )
  expect(pools[0]).toMatchObject({
    listen: [
      { kind: 'systemd', name: 'www' },
      { kind: 'fd', fd: 3 },
      { kind: 'fd', fd: 0 },
    ],
    maxConnections: 100,
    multiplex: false,
    maxRequestsPerConnection: 1,
    busyPollMs: 0,
  })
  expect(tenants[0]).toMatchObject({
    index: 'app.wasm',
    revalidateMs: 0,
    warm: ['/', '/doku.php?id=start'],
    chdir: '/data',
    pmStatusPath: '/status',
    pingPath: '/ping',
    pingResponse: 'here',
    accessLog: { kind: 'file', path: '/etc/wasm-fpm/log/access.log' },
    accessFormat: '%R - %u %t "%m %r%Q%q" %s %{milli}d %{X-Cache}o',
    accessSuppressPath: ['/ping'],
    slowlog: '/etc/wasm-fpm/log/slow.log',
    requestSlowlogTimeoutMs: 2000,
    requestSlowlogTraceDepth: 5,
    requestTerminateTimeoutTrackFinished: false,
    maxSpawnRate: 4,
  })
  expect(parseConfig(`${POOL}${TENANT}access_log = "off"`, FILE).tenants[0]?.accessLog).toEqual({
    kind: 'off',
  })
})

test('the example of the design', () => {
  const { pools, tenants } = parseConfig(
    `include = ["tenants.d/*.toml"]
     [[pool]]
     name = "www"
     listen = ["/run/wasm-fpm/www.sock", "127.0.0.1:9000"]
     listen_owner = "www-data"
     listen_mode = "0600"
     allowed_clients = ["127.0.0.1"]
     user = "www-data"
     workers = 2
     keepalive_timeout = "75s"
     [[tenant]]
     name = "acme"
     pool = "www"
     hosts = ["Acme.Example."]
     root = "acme/www"
     env = { GREETING = "hi" }
     pm = "dynamic"
     max_children = 32
     allowed_response_headers = ["X-Accel-Redirect"]
     signers = ["ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "keys/acme.pub"]
     [[tenant.mounts]]
     host = "../data"
     guest = "/data"
     [tenant.limits]
     memory = "16MiB"
     cpu = "1s"
     [tenant.queue]
     max = 4`,
    FILE,
  )
  expect(pools[0]?.listen[1]).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 9000 })
  expect([pools[0]?.listenMode, pools[0]?.keepaliveTimeoutMs]).toEqual([0o600, 75_000])
  expect(tenants[0]).toMatchObject({
    hosts: ['acme.example'],
    root: '/etc/wasm-fpm/acme/www',
    env: { GREETING: 'hi' },
    allowedResponseHeaders: ['x-accel-redirect'],
    signers: [
      'ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
      '/etc/wasm-fpm/keys/acme.pub',
    ],
    mounts: [
      {
        host: '/etc/data',
        guest: '/data',
        writable: false,
        quotaBytes: 1024 ** 3,
        quotaFiles: 10_000,
      },
    ],
    limits: { memoryBytes: 16_777_216, cpuMs: 1000, wallMs: 30_000 },
    queue: { maxLength: 4, timeoutMs: 5000 },
  })
})

test('the result is frozen all the way down', () => {
  const config = parseConfig(POOL + TENANT, FILE)
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    expect(Object.isFrozen(value)).toBe(true)
    for (const child of Object.values(value)) visit(child)
  }
  visit(config)
  visit(parseConfig('', '/'))
})
