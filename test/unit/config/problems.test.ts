/** What is wrong with a configuration, and where. */
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse.ts'
import { FILE, POOL, problems, TENANT } from './texts.ts'

interface Case {
  readonly name: string
  readonly text: string
  /** `code line key`, and a part of the message. */
  readonly found: string
  readonly message: string
}

const CASES: readonly Case[] = [
  {
    name: 'not TOML',
    text: '\n[[pool\n',
    found: 'CONFIG_SYNTAX 2 ',
    message: 'is not TOML, column',
  },
  {
    name: 'the same key twice',
    text: '[log]\nlevel = "info"\nlevel = "info"\n',
    found: 'CONFIG_SYNTAX 3 ',
    message: 'is not TOML',
  },
  { name: 'a prototype', text: '__proto__ = 1', found: 'CONFIG_SYNTAX 1 ', message: 'is not TOML' },
  {
    name: 'unknown top-level key',
    text: 'includes = []',
    found: 'CONFIG_UNKNOWN_KEY 1 includes',
    message: 'did you mean "include"?',
  },
  {
    name: 'unknown key, nothing like it',
    text: '[log]\nxyzzy = 1',
    found: 'CONFIG_UNKNOWN_KEY 2 log.xyzzy',
    message: 'wanted one of level, format',
  },
  {
    name: "php-fpm's spelling",
    text: `${POOL}${TENANT}pm.max_children = 3`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": pm',
    message: 'wanted one of "static", "dynamic", "ondemand"',
  },
  {
    name: 'unknown key of a limit',
    text: `${POOL}${TENANT}[tenant.limits]\nmemroy = "1MiB"`,
    found: 'CONFIG_UNKNOWN_KEY 7 tenant "acme": limits.memroy',
    message: 'did you mean "memory"?',
  },
  {
    name: 'unknown key of a mount',
    text: `${POOL}${TENANT}[[tenant.mounts]]\nhost = "/a"\nguest = "/a"\nwriteable = true`,
    found: 'CONFIG_UNKNOWN_KEY 9 tenant "acme": mounts[0].writeable',
    message: 'did you mean "writable"?',
  },
  {
    name: 'unknown key with hyphens',
    text: `${POOL}listen-mode = "0660"`,
    found: 'CONFIG_UNKNOWN_KEY 4 pool "www": listen-mode',
    message: 'did you mean "listen_mode"?',
  },
  {
    name: 'missing name',
    text: `${POOL}[[tenant]]\nroot = "/x"`,
    found: 'CONFIG_BAD_VALUE 4 tenant #1: name',
    message: 'is missing, wanted 1 to 63 letters',
  },
  {
    name: 'name with a slash',
    text: `${POOL}[[tenant]]\nname = "../x"`,
    found: 'CONFIG_BAD_VALUE 5 tenant "../x": name',
    message: 'is "../x", wanted',
  },
  {
    name: 'table in place of tables',
    text: '[pool]\nname = "www"',
    found: 'CONFIG_BAD_VALUE 1 pool',
    message: 'wanted [[pool]] tables',
  },
  {
    name: 'number in place of a table',
    text: 'log = 3',
    found: 'CONFIG_BAD_VALUE 1 log',
    message: 'is 3, wanted a table',
  },
  {
    name: 'bad size',
    text: `${POOL}${TENANT}limits.memory = "64X"`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": limits.memory',
    message: 'is "64X", wanted a size such as "64MiB", from 64KiB to 4GiB',
  },
  {
    name: 'size over what there is',
    text: `${POOL}${TENANT}limits.memory = "5GiB"`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": limits.memory',
    message: 'is "5GiB"',
  },
  {
    name: 'larger functions than V8 takes',
    text: `${POOL}${TENANT}limits.function = "8MiB"`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": limits.function',
    message: 'from 1KiB to 7MiB',
  },
  {
    name: 'duration without unit',
    text: 'process_control_timeout = 30',
    found: 'CONFIG_BAD_VALUE 1 process_control_timeout',
    message: 'is 30, wanted a duration such as "10s"',
  },
  {
    name: 'short keep-alive',
    text: `${POOL}keepalive_timeout = "60s"`,
    found: 'CONFIG_BAD_VALUE 4 pool "www": keepalive_timeout',
    message: 'at least 75s',
  },
  {
    name: 'socket for everybody',
    text: `${POOL}listen_mode = "0666"`,
    found: 'CONFIG_BAD_VALUE 4 pool "www": listen_mode',
    message: 'do not let everybody write',
  },
  {
    name: 'no address',
    text: '[[pool]]\nname = "www"\nlisten = []',
    found: 'CONFIG_BAD_VALUE 3 pool "www": listen',
    message: 'at least one address',
  },
  {
    name: 'bad address',
    text: '[[pool]]\nname = "www"\nlisten = ["localhost"]',
    found: 'CONFIG_BAD_VALUE 3 pool "www": listen',
    message: 'wanted an array of addresses',
  },
  {
    name: 'a port that no web server knows',
    text: '[[pool]]\nname = "www"\nlisten = ["127.0.0.1:0"]',
    found: 'CONFIG_BAD_VALUE 3 pool "www": listen',
    message: 'wanted an array of addresses',
  },
  {
    name: 'long socket path',
    text: `[[pool]]\nname = "www"\nlisten = ["/${'a'.repeat(107)}"]`,
    found: 'CONFIG_BAD_VALUE 3 pool "www": listen',
    message: 'of 108 bytes, wanted at most 107',
  },
  {
    name: 'open port',
    text: '[[pool]]\nname = "www"\nlisten = ["9000"]',
    found: 'CONFIG_OPEN_LISTEN 3 pool "www": listen',
    message: 'strangers can reach',
  },
  {
    name: 'bad client',
    text: `${POOL}allowed_clients = ["example.com"]`,
    found: 'CONFIG_BAD_VALUE 4 pool "www": allowed_clients',
    message: 'an IP address or a network',
  },
  {
    name: 'host with a port',
    text: `${POOL}${TENANT}hosts = ["a.example:80"]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": hosts',
    message: 'a host name without port',
  },
  {
    name: 'env that is no text',
    text: `${POOL}${TENANT}env = { A = 1 }`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": env',
    message: 'wanted a table of strings',
  },
  {
    name: 'mount that climbs',
    text: `${POOL}${TENANT}mounts = [{ host = "/a", guest = "/a/../b" }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": mounts[0].guest',
    message: 'an absolute path without ".."',
  },
  {
    name: 'two tables for one handler',
    text: `${POOL}${TENANT}handlers = [{ name = "a.wasm" }, { name = "a.wasm" }]`,
    found: 'CONFIG_DUPLICATE 6 tenant "acme": handlers[1].name',
    message: 'another table has already',
  },
  {
    name: 'two mounts that keep the same bucket',
    text: `${POOL}${TENANT}mounts = [{ host = "/a", guest = "/a", writable = true, keyvalue = "x" }, { host = "/b", guest = "/b", writable = true, keyvalue = "x" }]`,
    found: 'CONFIG_DUPLICATE 6 tenant "acme": mounts[1].keyvalue',
    message: 'has "x", which another mount has already',
  },
  {
    name: 'a bucket that nobody may write to',
    text: `${POOL}${TENANT}mounts = [{ host = "/a", guest = "/a", keyvalue = "x" }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": mounts[0].keyvalue',
    message: 'is "x", wanted writable = true with it',
  },
  {
    name: 'two mounts at one place',
    text: `${POOL}${TENANT}mounts = [{ host = "/a", guest = "/a" }, { host = "/b", guest = "/a/" }]`,
    found: 'CONFIG_DUPLICATE 6 tenant "acme": mounts[1].guest',
    message: 'another mount has already',
  },
  {
    name: 'an entry of neither a host nor a socket',
    text: `${POOL}${TENANT}outbound = [{ name = "db" }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": outbound[0].host',
    message: 'wanted host and ports, or name and unix',
  },
  {
    name: 'a host without ports',
    text: `${POOL}${TENANT}outbound = [{ host = "db" }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": outbound[0].ports',
    message: 'at least one',
  },
  {
    name: 'a port that is none',
    text: `${POOL}${TENANT}outbound = [{ host = "db", ports = [0] }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": outbound[0].ports',
    message: 'from 1 to 65535',
  },
  {
    name: 'a host with a port',
    text: `${POOL}${TENANT}outbound = [{ host = "db:1", ports = [1] }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": outbound[0].host',
    message: 'a host name',
  },
  {
    name: 'authorities without TLS',
    text: `${POOL}${TENANT}outbound = [{ host = "db", ports = [1], ca = "a.pem" }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": outbound[0].ca',
    message: 'protocol = "tls"',
  },
  {
    name: 'a host and a socket in one entry',
    text: `${POOL}${TENANT}outbound = [{ host = "db", ports = [1], unix = "/a" }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": outbound[0].unix',
    message: 'an entry of its own',
  },
  {
    name: 'a socket without a name',
    text: `${POOL}${TENANT}outbound = [{ unix = "/a" }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": outbound[0].name',
    message: 'what guests call the socket',
  },
  {
    name: 'a socket with what hosts have',
    text: `${POOL}${TENANT}outbound = [{ name = "a", unix = "/a", private = true }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": outbound[0].private',
    message: 'beside unix',
  },
  {
    name: 'a socket whose path is too long',
    text: `${POOL}${TENANT}outbound = [{ name = "a", unix = "/${'x'.repeat(107)}" }]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": outbound[0].unix',
    message: 'at most 107',
  },
  {
    name: 'two sockets of one name',
    text: `${POOL}${TENANT}outbound = [{ name = "a", unix = "/a" }, { name = "a", unix = "/b" }]`,
    found: 'CONFIG_DUPLICATE 6 tenant "acme": outbound[1].name',
    message: 'another entry has already',
  },
  {
    name: 'a status page at a path with a query',
    text: `${POOL}${TENANT}pm_status_path = "/status?full"`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": pm_status_path',
    message: 'a path that starts with "/"',
  },
  {
    name: 'two pages at one path',
    text: `${POOL}${TENANT}pm_status_path = "/x"\nping_path = "/x"`,
    found: 'CONFIG_DUPLICATE 7 tenant "acme": ping_path',
    message: 'pm_status_path has already',
  },
  {
    name: 'a token php-fpm does not have',
    text: `${POOL}${TENANT}access_format = "%R %z"`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": access_format',
    message: "wanted php-fpm's access.format tokens",
  },
  {
    name: 'the system log as a file',
    text: 'error_log = "syslog"',
    found: 'CONFIG_BAD_VALUE 1 error_log',
    message: 'wanted a path, "stderr"',
  },
  {
    name: 'an index in another folder',
    text: `${POOL}${TENANT}index = "../index.wasm"`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": index',
    message: 'without "/"',
  },
  {
    name: 'two pools of one name',
    text: `${POOL}[[pool]]\nname = "www"\nlisten = ["/b"]`,
    found: 'CONFIG_DUPLICATE 5 pool "www": name',
    message: 'pool "www" has already',
  },
  {
    name: 'two pools at one address',
    text: `${POOL}[[pool]]\nname = "b"\nlisten = ["/run/../run/www.sock"]`,
    found: 'CONFIG_DUPLICATE 6 pool "b": listen',
    message: 'pool "www" has already',
  },
  {
    name: 'two tenants of one name',
    text: `${POOL}${TENANT}${TENANT}`,
    found: 'CONFIG_DUPLICATE 7 tenant "acme": name',
    message: 'has "acme"',
  },
  {
    name: 'two tenants of one host',
    text: `${POOL}${TENANT}hosts = ["a.example"]\n[[tenant]]\nname = "b"\nhosts = ["A.EXAMPLE"]`,
    found: 'CONFIG_DUPLICATE 9 tenant "b": hosts',
    message: 'has "a.example", which tenant "acme" has already',
  },
  {
    name: 'unknown pool',
    text: `${POOL}${TENANT}pool = "web"`,
    found: 'CONFIG_UNKNOWN_POOL 6 tenant "acme": pool',
    message: 'is "web", which does not exist, wanted one of "www"',
  },
  {
    name: 'no pool at all',
    text: TENANT,
    found: 'CONFIG_UNKNOWN_POOL 1 tenant "acme": pool',
    message: 'is missing, wanted a [[pool]]',
  },
  {
    name: 'one of two pools must be named',
    text: `${POOL}[[pool]]\nname = "b"\nlisten = ["/b"]\n${TENANT}`,
    found: 'CONFIG_UNKNOWN_POOL 7 tenant "acme": pool',
    message: 'is missing, wanted one of "www", "b"',
  },
  {
    name: 'fewer children than spares',
    text: `${POOL}${TENANT}pm = "dynamic"\nmax_children = 2\nmin_spare_servers = 3`,
    found: 'CONFIG_BAD_PM 8 tenant "acme": min_spare_servers',
    message: 'is 3, wanted at most max_children (2)',
  },
  {
    name: 'more spares than children',
    text: `${POOL}${TENANT}pm = "dynamic"\nmax_children = 2\nmax_spare_servers = 3`,
    found: 'CONFIG_BAD_PM 8 tenant "acme": max_spare_servers',
    message: 'at most max_children (2)',
  },
  {
    name: 'spares the wrong way round',
    text: `${POOL}${TENANT}pm = "dynamic"\nmin_spare_servers = 3\nmax_spare_servers = 2`,
    found: 'CONFIG_BAD_PM 8 tenant "acme": max_spare_servers',
    message: 'at least min_spare_servers (3)',
  },
  {
    name: 'start above the spares',
    text: `${POOL}${TENANT}pm = "dynamic"\nstart_servers = 5`,
    found: 'CONFIG_BAD_PM 7 tenant "acme": start_servers',
    message: 'between min_spare_servers (1) and max_spare_servers (4)',
  },
  {
    name: 'an engine that is no sandbox for strangers',
    text: `${POOL}${TENANT}engine = "wasmer"`,
    found: 'CONFIG_UNTRUSTED_ENGINE 6 tenant "acme": engine',
    message: 'is "wasmer", wanted "own", or trusted = true',
  },
  {
    name: 'a signer that is cut short',
    text: `${POOL}${TENANT}signers = ["ed25519:11qYAYKxCrfVS"]`,
    found: 'CONFIG_BAD_VALUE 6 tenant "acme": signers',
    message: 'a public key ("ed25519:" and 32 bytes in base64) or the path',
  },
]

for (const { name, text, found, message } of CASES) {
  test(`refused: ${name}`, () => {
    const list = problems(text)
    expect(list.map(({ code, line, key }) => `${code} ${line} ${key}`)).toEqual([found])
    expect(list[0]?.message).toContain(message)
    expect(list[0]?.file).toBe(FILE)
  })
}

const ALLOWED: ReadonlyArray<readonly [string, string]> = [
  [
    'an open port with clients named',
    '[[pool]]\nname = "www"\nlisten = ["9000"]\nallowed_clients = ["10.0.0.0/8"]',
  ],
  ['an open port on demand', '[[pool]]\nname = "www"\nlisten = ["9000"]\ninsecure_listen = true'],
  [
    'spares that make no sense without dynamic',
    `${POOL}${TENANT}pm = "static"\nmin_spare_servers = 9\nmax_spare_servers = 2`,
  ],
  ['a single child', `${POOL}${TENANT}pm = "dynamic"\nmax_children = 1`],
  [
    'the same host in two pools',
    `${POOL}[[pool]]\nname = "b"\nlisten = ["/b"]\n${TENANT}pool = "www"\nhosts = ["*"]\n[[tenant]]\nname = "b"\npool = "b"\nhosts = ["*"]`,
  ],
  ['another engine for those who are trusted', `${POOL}${TENANT}engine = "wasmer"\ntrusted = true`],
  ["php-fpm's log levels", '[log]\nlevel = "notice"'],
]
for (const [name, text] of ALLOWED) {
  test(`allowed: ${name}`, () => expect(problems(text)).toEqual([]))
}

test('all problems in one go, printed with file and line', () => {
  const text = `${POOL}wrokers = 2\n${TENANT}pm = "fast"\n[tenant.limits]\ncpu = "1x"\n`
  const error = (() => {
    try {
      return parseConfig(text, FILE)
    } catch (thrown) {
      return thrown
    }
  })()
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
  expect(String(error).split('\n')).toEqual([
    'ConfigError: Cannot use the configuration: 3 problems, wanted none',
    `${FILE}:4: pool "www": wrokers is not a key: did you mean "workers"?`,
    `${FILE}:7: tenant "acme": pm is "fast", wanted one of "static", "dynamic", "ondemand"`,
    `${FILE}:9: tenant "acme": limits.cpu is "1x", wanted a duration such as "10s", from 1ms to 1d`,
  ])
})

test('lines are found behind text of several lines', () => {
  const text = `${POOL}${TENANT}env = { A = """\n[[tenant]]\nlevel = 1\n""" }\n[tenant.queue]\nmax = -1\n`
  expect(problems(text)[0]).toMatchObject({ line: 11, key: 'tenant "acme": queue.max' })
})
