/** What a worker is granted: its tenants' files and nothing else. */
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { VERSION_ARGUMENT } from '../../../src/base/version.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { withSessionFolders } from '../../../src/config/session-folders.ts'
import { settingsOf } from '../../../src/master/reload-plan.ts'
import { grantsOf, shorten, workerCommand } from '../../../src/master/worker-command.ts'
import { WORKER_FLAGS } from '../../support/worker-flags.ts'

const TEXT = `
[[pool]]
name = "a"
listen = ["/run/a.sock"]
[[pool]]
name = "b"
listen = ["/run/b.sock"]
[[runtime]]
name = "php"
module = "/nowhere/php.wasm"
extensions = [".php"]
[[runtime]]
name = "unused"
module = "/nowhere/unused.wasm"
extensions = [".x"]
[[tenant]]
name = "ta"
pool = "a"
root = "/nowhere/a"
runtimes = ["php"]
slowlog = "/nowhere/log/a.slow"
mounts = [{ host = "/nowhere/ro", guest = "/ro" }, { host = "/nowhere/rw", guest = "/rw", writable = true }]
[[tenant]]
name = "tb"
pool = "b"
root = "/nowhere/b"
`

const config = parseConfig(TEXT, '/etc/wasm-fpm.toml')

function settings(name: string) {
  const pool = config.pools.find((one) => one.name === name)
  if (pool === undefined) throw new Error(name)
  return settingsOf(config, pool)
}

test('a pool is granted what its own tenants have', () => {
  expect(grantsOf(settings('a'))).toEqual({
    read: ['/nowhere/a', '/nowhere/php.wasm', '/nowhere/ro', '/nowhere/rw'],
    write: ['/nowhere/log/a.slow', '/nowhere/rw'],
  })
  expect(grantsOf(settings('b'))).toEqual({ read: ['/nowhere/b'], write: [] })
  expect(settings('b').tenants.map(({ name }) => name)).toEqual(['tb'])
  expect(['a', 'b'].map((pool) => settings(pool).runtimes.map(({ name }) => name))).toEqual([
    ['php'],
    [],
  ])
})

test('the folder for sessions of a tenant of its own may be written', () => {
  const [ta] = withSessionFolders(settings('a'), '/nowhere/store').tenants
  const own = { ...settings('a'), tenants: ta === undefined ? [] : [ta] }
  expect(grantsOf(own).write).toContain('/nowhere/store/state/ta/sessions')
})

test('the command starts a worker that may do nothing more', () => {
  const account = { uid: 7, gid: 8, name: 'x' }
  const { args, options } = workerCommand({ read: ['/srv/a'], write: [] }, account, {
    ledger: 19,
    fds: [20],
    errorOutput: 'inherit',
  })
  expect(args).toContain('--permission')
  // Not there yet: it may become a folder.
  expect(args).toContain('--allow-fs-read=/srv/a/*')
  const allowed = args.filter((arg) => /^--allow-(?!fs-read)/.test(arg))
  expect(allowed).toEqual(['--allow-net', '--allow-ffi', '--allow-worker'])
  expect(options).toMatchObject({
    uid: 7,
    gid: 8,
    cwd: '/',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 19, 20],
  })
})

test('a worker can count its open files', () => {
  const { program, args } = workerCommand({ read: [], write: [] }, undefined, {
    ledger: undefined,
    fds: [],
    errorOutput: 'inherit',
  })
  const flags = args.filter((arg) => arg.startsWith('--') && arg !== VERSION_ARGUMENT)
  const script = `import { availableDescriptors } from '${resolve('src/base/file-limit.ts')}'
    process.stdout.write(String(availableDescriptors()))`
  const command = [program, ...flags, '--input-type=module', '-e', script]
  const text = execFileSync('sh', ['-c', 'ulimit -n 500; exec "$@"', 'sh', ...command], {
    encoding: 'utf8',
  })
  expect(Number(text)).toBeGreaterThan(300)
  expect(Number(text)).toBeLessThan(500)
})

const SHORTENED = [
  { name: 'few stay', paths: ['/b', '/a', '/b'], max: 2, wanted: ['/a', '/b'] },
  {
    name: 'the deepest give way',
    paths: ['/srv/t/1/www', '/srv/t/2/www', '/opt'],
    max: 2,
    wanted: ['/opt', '/srv/t'],
  },
  { name: 'down to everything', paths: ['/a', '/b', '/c'], max: 2, wanted: ['/'] },
]

for (const { name, paths, max, wanted } of SHORTENED) {
  test(`long lists: ${name}`, () => expect(shorten(paths, max)).toEqual(wanted))
}

/** Keeps memories of 256 MiB that nobody writes to, and something of its own for each; prints how often everything was collected. */
const KEEP_MEMORIES = `
const { constants, PerformanceObserver } = require('node:perf_hooks')
let collections = 0
new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries())
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections += 1
}).observe({ entryTypes: ['gc'] })
const kept = []
const keep = () => {
  kept.push(new WebAssembly.Memory({ initial: 4096, maximum: 4096 }), new Array(30000).fill({}))
  if (kept.length < 400) setImmediate(keep)
  else setTimeout(() => console.log(collections), 50)
}
keep()
`

test('many instances with large memories do not make V8 collect everything for each of them', () => {
  const args = [...WORKER_FLAGS, '--eval', KEEP_MEMORIES]
  const collections = Number(execFileSync(process.execPath, args, { encoding: 'utf8' }))
  expect(collections).toBeLessThan(20)
})
