/** `wasm-fpm logs` on the files of a configuration. */
import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { emptyFolder, start, type } from './cli.ts'

function setUp() {
  const folder = emptyFolder()
  const config = join(folder, 'wasm-fpm.toml')
  const errorLog = join(folder, 'error.log')
  writeFileSync(
    config,
    `error_log = "error.log"
[[pool]]
name = "www"
listen = ["./www.sock"]
[[tenant]]
name = "a"
access_log = "a.log"
access_format = "%m %r %s"
[[tenant]]
name = "b"
access_log = "stderr"
slowlog = "slow.log"
`,
  )
  writeFileSync(errorLog, line('a', 'one') + line('b', 'two') + line('a', 'three'))
  writeFileSync(join(folder, 'a.log'), 'GET /x 200\n')
  return { folder, config, errorLog }
}

function line(tenant: string, msg: string, time = 1_767_225_600_000): string {
  return `${JSON.stringify({ level: 30, time, tenant, msg })}\n`
}

test('the last lines, of one tenant, as JSON', async () => {
  const { config, errorLog, folder } = setUp()
  const at = ['--config', config]
  const all = (await type(['logs', ...at])).stdout
  expect(all).toMatch(/^GET \/x 200\n\S+ a one\n\S+ b two\n\S+ a three\n$/)
  expect((await type(['logs', '-n', '1', ...at])).stdout).toMatch(/^\S+ a three\n$/)
  const ofB = await type(['logs', '--tenant', 'b', '--json', ...at])
  expect(JSON.parse(ofB.stdout)).toEqual({
    file: errorLog,
    entry: { level: 30, time: 1_767_225_600_000, tenant: 'b', msg: 'two' },
  })
  const ofA = (await type(['logs', '--tenant', 'a', '--json', ...at])).stdout.trim().split('\n')
  expect(JSON.parse(ofA[0] ?? '')).toEqual({ file: join(folder, 'a.log'), text: 'GET /x 200' })
  expect(ofA).toHaveLength(3)
})

test('-f goes on through a rotation, and with files that come later', async () => {
  const { folder, config, errorLog } = setUp()
  const running = start(['logs', '-f', '-n', '1', '--config', config])
  await running.printed(/a three\n/)
  appendFileSync(errorLog, line('b', 'before'))
  await running.printed(/b before\n/)
  renameSync(errorLog, `${errorLog}.1`)
  appendFileSync(`${errorLog}.1`, line('b', 'last words'))
  await running.printed(/b last words\n/)
  writeFileSync(errorLog, line('b', 'after'))
  await running.printed(/b after\n/)
  writeFileSync(join(folder, 'slow.log'), line('b', 'slow'))
  await running.printed(/b slow\n/)
  running.child.kill('SIGINT')
  expect(await running.exit).toBe('SIGINT')
  expect(running.text().split('\n')).toHaveLength(6)
})

test('a log that is no file: what to do', async () => {
  const folder = emptyFolder()
  const config = join(folder, 'wasm-fpm.toml')
  writeFileSync(config, '[[pool]]\nname = "www"\nlisten = ["./www.sock"]\n[[tenant]]\nname = "a"\n')
  const { code, stderr } = await type(['logs', '--config', config])
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /journalctl -u wasm-fpm -f.*error_log = .*\[LOGS_NO_FILE\]\n {2}next: .*\n$/s,
  )
})

const BAD = [
  { args: ['--tenant', 'nobody'], code: 78, says: /CLI_UNKNOWN_TENANT/ },
  { args: ['-n', 'many'], code: 64, says: /CLI_USAGE/ },
] as const

test.for(BAD)('logs $args: $code', async ({ args, code, says }) => {
  const { config } = setUp()
  const typed = await type(['logs', ...args, '--config', config])
  expect(typed.code).toBe(code)
  expect(typed.stderr).toMatch(says)
})

test('a reader that has had enough ends it in good order', async () => {
  const { config } = setUp()
  const running = start(['logs', '-f', '--config', config])
  await running.printed(/a three\n/)
  running.child.stdout?.destroy()
  appendFileSync(join(config, '../error.log'), line('a', 'four'))
  expect(await running.exit).toBe(0)
})
