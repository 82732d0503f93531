/**
 * Holds what `src/` exports to what somebody wants of it: another file of `src/` imports it, or it is one of these.
 * - A type that its own file names again: it is part of what a function of that file takes or returns.
 * - A figure (`UPPER_CASE`) that its own file uses, and that tests or benchmarks hold to the pages or measure against.
 * - What `FOR_TESTS` lists.
 * - One of a file that a package imports in the place of its own.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'vitest'

const PURE_STEP = 'one step without files, sockets or processes: what it may be given is a table'
const SCHEMA = 'docs/config.md and docs/limits.md are held to it'

/** Exports that nothing in `src/` imports, and why tests need them. */
const FOR_TESTS: Readonly<Record<string, string>> = {
  'admin/bearer-token.ts hashOf': 'tests write token files with it',
  'cli/doctor/machine-facts.ts softLimit': PURE_STEP,
  'config/schema.ts adminSchema': SCHEMA,
  'config/schema.ts agentSchema': SCHEMA,
  'config/schema.ts followSchema': SCHEMA,
  'config/schema.ts handlerLimitsSchema': SCHEMA,
  'config/schema.ts handlerSchema': SCHEMA,
  'config/schema.ts limitsSchema': SCHEMA,
  'config/schema.ts logSchema': SCHEMA,
  'config/schema.ts metricsSchema': SCHEMA,
  'config/schema.ts mountSchema': SCHEMA,
  'config/schema.ts outboundSchema': SCHEMA,
  'config/schema.ts poolSchema': SCHEMA,
  'config/schema.ts queueSchema': SCHEMA,
  'config/schema.ts runtimeSchema': SCHEMA,
  'config/schema.ts tenantSchema': SCHEMA,
  'gateway/access-line.ts escapeLogValue': PURE_STEP,
  'gateway/listen/inherited.ts isListeningSocket': PURE_STEP,
  'gateway/listen/listener.ts openListener': 'tests and benchmarks listen without a master',
  'master/reload-plan.ts settingsOf': PURE_STEP,
  'master/sd-notify.ts socketAddress': PURE_STEP,
  'master/sd-notify.ts watchdogIntervalMs': PURE_STEP,
  'master/worker-command.ts shorten': PURE_STEP,
  'oci/find-credentials.ts readCredentials': PURE_STEP,
  'oci/find-credentials.ts readHelper': PURE_STEP,
  'wasi/host.ts BEYOND_FUNCTIONS': 'held to their types and to what they cost',
  'wasi/host.ts SUSPENDING_FUNCTIONS': 'held to what really waits',
  'wasi/host.ts WASI_FUNCTIONS': 'held to the specification',
}

/** Files whose exports a package asks for by their names. */
const FOR_PACKAGES = new Set(['src/publisher/no-wasi.ts'])

const source = read('src')
const others = new Map([...read('test'), ...read('bench')])
assert.notEqual(source.size, 0, 'no source under src: run the tests from the repository root')
const importedBySource = importsOf(source)
const importedByOthers = importsOf(others)

test('every export is wanted', () => {
  const unwanted = exports().filter(({ path, name, isType, uses }) => {
    if (importedBySource(path, name) || FOR_PACKAGES.has(path)) return false
    if (isType) return uses === 1
    if (/^[A-Z\d_]+$/.test(name) && uses > 1) return !importedByOthers(path, name)
    return !(keyOf(path, name) in FOR_TESTS && importedByOthers(path, name))
  })
  assert.deepEqual(
    unwanted.map(({ path, name }) => `${path} exports ${name}`),
    [],
    'nothing else in src imports these: drop `export`, or the code, or say in FOR_TESTS why tests need it',
  )
})

test('what tests alone want is there, and wanted by nobody else', () => {
  const needed = exports().filter(
    ({ path, name }) => !importedBySource(path, name) && !FOR_PACKAGES.has(path),
  )
  const keys = needed.map(({ path, name }) => keyOf(path, name))
  assert.deepEqual(
    Object.keys(FOR_TESTS).filter((key) => !keys.includes(key)),
    [],
  )
})

interface Export {
  readonly path: string
  readonly name: string
  readonly isType: boolean
  /** How often its file says its name. */
  readonly uses: number
}

function exports(): Export[] {
  const declaration =
    /^export (?:async )?(?:abstract )?(function\*?|const|class|interface|type) (\w+)/gm
  const list = /^export (?:type )?\{([^}]*)\}/gm
  return [...source].flatMap(([path, text]) => [
    ...[...text.matchAll(declaration)].map(([, kind = '', name = '']) => ({
      path,
      name,
      isType: kind === 'interface' || kind === 'type',
      uses: [...text.matchAll(new RegExp(`\\b${name}\\b`, 'g'))].length,
    })),
    ...[...text.matchAll(list)].flatMap(([, names = '']) =>
      namesIn(names).map((name) => ({ path, name, isType: false, uses: 1 })),
    ),
  ])
}

/** Says whether one of `files` imports the name from the path. Who imports a file as a whole (`* as`) wants all of it. */
function importsOf(files: ReadonlyMap<string, string>): (path: string, name: string) => boolean {
  const statement = /^(?:import|export) (?:type )?(\{[^}]*\}|\* as \w+) from '(\.[^']+)'/gm
  const whole = /\bimport\('(\.[^']+)'\)/g
  const imported = new Set<string>()
  for (const [path, text] of files) {
    for (const [, what = '', specifier = ''] of text.matchAll(statement)) {
      const names = what.startsWith('*') ? ['*'] : namesIn(what.slice(1, -1))
      for (const name of names) imported.add(keyOf(join(dirname(path), specifier), name))
    }
    for (const [, specifier = ''] of text.matchAll(whole)) {
      imported.add(keyOf(join(dirname(path), specifier), '*'))
    }
  }
  return (path, name) => imported.has(keyOf(path, name)) || imported.has(keyOf(path, '*'))
}

/** `type A, b as c` has A and b. */
function namesIn(list: string): string[] {
  const names = list.split(',').map(
    (item) =>
      item
        .trim()
        .replace(/^type /, '')
        .split(' as ')[0],
  )
  return names.filter((name) => name !== undefined && name !== '') as string[]
}

function keyOf(path: string, name: string): string {
  return `${path.replace(/^src\//, '')} ${name}`
}

function read(folder: string): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const sources = paths.filter((path) => path.endsWith('.ts')).map((path) => join(folder, path))
  return new Map(sources.map((path) => [path, readFileSync(path, 'utf8')]))
}
