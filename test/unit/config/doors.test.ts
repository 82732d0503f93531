/** `[agent]` and `[metrics]`. */
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse.ts'

const parse = (text: string) =>
  parseConfig(
    `${text}\n[[pool]]\nname = "www"\nlisten = ["127.0.0.1:9000"]`,
    '/etc/wasm-fpm/wasm-fpm.toml',
  )

for (const table of ['agent', 'metrics'] as const) {
  const GOOD = [
    'listen = "127.0.0.1:9181"',
    'listen = "[::1]:9181"',
    'listen = "9181"\nallowed_clients = ["10.0.0.0/8"]',
  ]
  test.for(GOOD)(`[${table}] %s`, (lines) => {
    expect(parse(`[${table}]\n${lines}`)[table]?.listen.port).toBe(9181)
  })

  const BAD = [
    { lines: '', code: 'CONFIG_BAD_VALUE' },
    { lines: 'listen = "/run/x.sock"', code: 'CONFIG_BAD_VALUE' },
    { lines: 'listen = "127.0.0.1:0"', code: 'CONFIG_BAD_VALUE' },
    { lines: 'listen = "0.0.0.0:9181"', code: 'CONFIG_OPEN_LISTEN' },
    { lines: 'listen = "127.0.0.1:9000"', code: 'CONFIG_DUPLICATE' },
    { lines: 'listen = "127.0.0.1:9181"\nallowed_clients = ["x"]', code: 'CONFIG_BAD_VALUE' },
  ]
  test.for(BAD)(`[${table}] $lines is refused: $code`, ({ lines, code }) => {
    expect(() => parse(`[${table}]\n${lines}`)).toThrow(expect.objectContaining({ code }))
  })
}

test('pages of one tenant have paths of their own', () => {
  const pages = 'ping_path = "/x"\nready_path = "/x"'
  expect(() => parse(`[[tenant]]\nname = "acme"\n${pages}`)).toThrow('ready_path')
})
