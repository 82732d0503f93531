/**
 * Runs the tests of preview 1 and of WASI 0.3 of WebAssembly/wasi-testsuite (a checkout of its branch prod/testsuite-base) and prints a table.
 *
 *     node run-wasi-testsuite.ts [--host-only] CHECKOUT
 *
 * Each test runs by `wasm-fpm run` (with `--host-only`: by run-module.ts) on a fresh copy of its directory. What is listed
 * in skip.json, with a reason, may fail; a test listed there that passes is a failure of the list.
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

interface Expectation {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly root?: string | null
  readonly dirs?: readonly string[]
  readonly stdin?: string
  readonly exit_code?: number
  readonly stdout?: string
  readonly stderr?: string
}

/** As tests of 0.3 say it: what is done, one after the other. */
interface Operation {
  readonly type: string
  readonly id?: 'stdin' | 'stdout' | 'stderr'
  readonly payload?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly exit_code?: number
}

const KNOWN_OPERATIONS: ReadonlySet<string> = new Set(['run', 'write', 'read', 'wait'])
const SUITES = [
  ...['assemblyscript', 'c', 'rust'].map((language) => [language, 'wasm32-wasip1'] as const),
  ['rust', 'wasm32-wasip3'] as const,
]

const TIMEOUT_MS = 30_000
const here = import.meta.dirname
const main = join(here, '../../src/cli/main.ts')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'host-only': { type: 'boolean', default: false } },
})
const [checkout = ''] = positionals
const command = values['host-only'] ? [join(here, 'run-module.ts')] : [main, 'run']
const skip = readJson(join(here, 'skip.json')) as Readonly<Record<string, string>>
const modules = SUITES.flatMap(([language, target]) =>
  values['host-only'] && target !== 'wasm32-wasip1' ? [] : findModules(language, target),
)
let [failed, skipped] = [0, 0]
for (const path of modules) {
  const name = `${suiteOf(path)}/${basename(path, '.wasm')}`
  const fault = run(path)
  const reason = skip[name]
  const isExpected = (fault === undefined) === (reason === undefined)
  if (!isExpected) failed++
  else if (fault !== undefined) skipped++
  const verdict =
    fault === undefined ? (isExpected ? 'ok' : 'OK, BUT LISTED') : isExpected ? 'skipped' : 'FAILED'
  process.stdout.write(
    `${verdict.padEnd(8)} ${name}${fault === undefined ? '' : `: ${reason ?? fault}`}\n`,
  )
}
process.stdout.write(
  `${modules.length - failed - skipped} passed, ${skipped} not, as listed, ${failed} failed\n`,
)
process.exit(failed === 0 && modules.length > 0 ? 0 : 1)

function findModules(language: string, target: string): string[] {
  const directory = join(checkout, 'tests', language, 'testsuite', target)
  if (!existsSync(directory)) return []
  const names = readdirSync(directory).filter((name) => name.endsWith('.wasm'))
  return names.sort().map((name) => join(directory, name))
}

function suiteOf(path: string): string {
  const target = dirname(path)
  const language = basename(dirname(dirname(target)))
  return basename(target) === 'wasm32-wasip1' ? language : `${language}-3`
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** Runs one test; what went wrong, if anything. */
function run(path: string): string | undefined {
  const specification = path.replace(/\.wasm$/, '.json')
  const said = existsSync(specification) ? readJson(specification) : {}
  const expected = expectationOf(said as Expectation & { readonly operations?: Operation[] })
  if (typeof expected === 'string') return expected
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'wasi-testsuite-')))
  try {
    const dirs: (readonly [from: string, to: string])[] = []
    if (expected.root != null) dirs.push([expected.root, '/'])
    for (const dir of expected.dirs ?? []) dirs.push([dir, dir])
    const options = dirs.flatMap(([from, to]) => {
      cpSync(join(dirname(path), from), join(scratch, from), { recursive: true })
      return ['--dir', `${join(scratch, from)}::${to}`]
    })
    for (const [key, value] of Object.entries(expected.env ?? {}))
      options.push('--env', `${key}=${value}`)
    const result = spawnSync(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        ...command,
        path,
        ...options,
        '--',
        ...(expected.args ?? []),
      ],
      { input: expected.stdin ?? '', encoding: 'utf8', timeout: TIMEOUT_MS },
    )
    return compare(expected, result)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Or what of it cannot be done here. */
function expectationOf({
  operations = [],
  ...own
}: Expectation & { readonly operations?: readonly Operation[] }): Expectation | string {
  const unknown = operations.find(({ type }) => !KNOWN_OPERATIONS.has(type))
  if (unknown !== undefined) return `${unknown.type} is not done here`
  const text = (type: string, id: string): string | undefined => {
    const parts = operations.filter((one) => one.type === type && one.id === id)
    return parts.length === 0 ? undefined : parts.map(({ payload = '' }) => payload).join('')
  }
  const [stdin, stdout, stderr] = [
    text('write', 'stdin'),
    text('read', 'stdout'),
    text('read', 'stderr'),
  ]
  return {
    ...own,
    ...operations.find(({ type }) => type === 'run'),
    ...operations.find(({ type }) => type === 'wait'),
    ...(stdin === undefined ? {} : { stdin }),
    ...(stdout === undefined ? {} : { stdout }),
    ...(stderr === undefined ? {} : { stderr }),
  }
}

function compare(
  expected: Expectation,
  result: { status: number | null; stdout: string; stderr: string },
): string | undefined {
  const wanted = expected.exit_code ?? 0
  if (result.status !== wanted) {
    return `exit ${result.status}, wanted ${wanted}; ${result.stderr.trim().slice(0, 2000)}`
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const text = expected[stream]
    if (text !== undefined && result[stream] !== text) {
      return `${stream} is ${JSON.stringify(result[stream])}, wanted ${JSON.stringify(text)}`
    }
  }
  return undefined
}
