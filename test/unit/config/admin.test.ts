/** The `[admin]` table. */
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse.ts'

const parse = (admin: string, top = '') =>
  parseConfig(
    `${top}\n${admin}\n[[pool]]\nname = "www"\nlisten = ["/run/www.sock"]`,
    '/etc/w/x.toml',
  )

test('without the table there is none; with an empty one the defaults', () => {
  expect(parse('').admin).toBeUndefined()
  expect(parse('[admin]').admin).toEqual({
    listen: [{ kind: 'unix', path: '/run/wasm-fpm/admin.sock' }],
    listenOwner: undefined,
    listenGroup: undefined,
    listenMode: 0o600,
    allowedClients: [],
    requireToken: false,
    user: undefined,
    group: undefined,
    tokens: '/var/lib/wasm-fpm/tokens.json',
    auditLog: '/var/lib/wasm-fpm/audit.log',
    rateLimit: 600,
  })
})

test('its files lie beside the store, or where they are said to', () => {
  expect(parse('[admin]', 'store = "data/store"').admin).toMatchObject({
    tokens: '/etc/w/data/tokens.json',
    auditLog: '/etc/w/data/audit.log',
  })
  const admin = parse('[admin]\ntokens = "t.json"\naudit_log = "/var/log/a"\nlisten = ["./a.sock"]')
  expect(admin.admin).toMatchObject({
    listen: [{ kind: 'unix', path: '/etc/w/a.sock' }],
    tokens: '/etc/w/t.json',
    auditLog: '/var/log/a',
  })
})

const GOOD = [
  'listen = ["127.0.0.1:9180"]',
  'listen = ["[::1]:9180", "localhost:9181", "systemd:admin"]',
  'listen = ["0.0.0.0:9180"]\nallowed_clients = ["10.0.0.0/8"]',
]

test.for(GOOD)('%s', (lines) => {
  expect(parse(`[admin]\n${lines}`).admin?.listen.length).toBeGreaterThan(0)
})

const BAD = [
  { lines: 'listen = []', code: 'CONFIG_BAD_VALUE' },
  { lines: 'listen = ["0.0.0.0:9180"]', code: 'CONFIG_OPEN_LISTEN' },
  { lines: 'listen = ["9180"]', code: 'CONFIG_OPEN_LISTEN' },
  { lines: 'listen = ["deploy.example:9180"]', code: 'CONFIG_OPEN_LISTEN' },
  { lines: 'listen = ["0.0.0.0:9180"]\ninsecure_listen = true', code: 'CONFIG_UNKNOWN_KEY' },
  { lines: 'listen = ["/run/www.sock"]', code: 'CONFIG_DUPLICATE' },
  { lines: `listen = ["/${'x'.repeat(107)}"]`, code: 'CONFIG_BAD_VALUE' },
  { lines: 'listen_mode = "0666"', code: 'CONFIG_BAD_VALUE' },
  { lines: 'rate_limit = 0', code: 'CONFIG_BAD_VALUE' },
]

test.for(BAD)('$lines: $code', ({ lines, code }) => {
  expect(() => parse(`[admin]\n${lines}`)).toThrow(expect.objectContaining({ code }))
})
