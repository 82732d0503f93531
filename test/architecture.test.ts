/** Holds the source tree to the import rules of ARCHITECTURE.md. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { test } from 'vitest'

/** Which folder may import which folders or single files; its own files are always allowed. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  config: ['base'],
  fastcgi: ['base'],
  cgi: ['base'],
  wasm: ['base'],
  wasi: ['base'],
  outbound: ['base', 'wasi'],
  component: ['base', 'wasm', 'wasi'],
  guest: ['base', 'wasm', 'wasi', 'component'],
  pool: ['base', 'guest'],
  store: ['base', 'wasm'],
  gateway: [
    ...['base', 'fastcgi', 'cgi', 'store', 'pool', 'config', 'guest', 'wasi', 'outbound'],
    'wasm/errors.ts',
    'component/errors.ts',
  ],
  ipc: ['base'],
  logs: ['base', 'config'],
  oci: ['base'],
  follow: ['base', 'store', 'ipc', 'oci'],
  admin: [
    ...['base', 'config', 'ipc', 'store', 'logs'],
    // What workers say of their tenants, which the master carries unread.
    ...['gateway/status/merge-told.ts', 'gateway/status/pool-status.ts'],
  ],
  publisher: ['base', 'ipc', 'wasm', 'component', 'guest', 'store', 'wasi', 'cgi'],
  worker: [
    'base',
    'config',
    'ipc',
    'store',
    'guest',
    'pool',
    'gateway',
    'wasi',
    'outbound',
    'fastcgi',
  ],
  master: [
    ...['base', 'config', 'ipc', 'admin', 'store'],
    // The sockets themselves: the master opens them, the workers' listeners use them.
    ...['gateway/listen/inherited.ts', 'gateway/listen/socket-file.ts'],
    // Who may connect to the master's own doors.
    'gateway/listen/allowed-clients.ts',
  ],
  cli: [
    'base',
    'config',
    'fastcgi',
    'cgi',
    'wasm',
    'wasi',
    'component',
    'guest',
    'store',
    'follow',
    'oci',
    'logs',
    'admin',
    'master',
    'worker',
    'gateway',
    'pool',
    // What their errors mean.
    'publisher/errors.ts',
    'outbound/errors.ts',
  ],
}

/** Folders that turn values into values: no sockets, files, threads or clocks. */
const PURE = ['fastcgi', 'cgi', 'wasm', 'component']
const IMPURE_MODULE = /^node:(net|http|fs|fs\/promises|child_process|worker_threads|timers.*|os)$/

/** Entry points of another process: reached by URL, never by import. */
const ENTRY_POINTS = [
  'worker/main.ts',
  'admin/main.ts',
  'follow/main.ts',
  'publisher/main.ts',
  'guest/compile-thread.ts',
  'cli/runtime/hint-branches.ts',
]

/**
 * Who opens files by Node's own functions, and whose files these are. What a tenant can change is opened by `base/opened-file.ts`,
 * `base/held-folder.ts`, `base/open-folder.ts`, `base/open-within.ts`, and for guests by `wasi/host-*.ts`: no others.
 */
const OPENS_FILES: Readonly<Record<string, string>> = {
  'base/opened-file.ts': 'the way',
  'base/held-folder.ts': 'the way',
  'base/open-folder.ts': 'the way',
  'base/file-limit.ts': "the system's",
  'base/log-port.ts': "the operator's",
  'base/log-streams.ts': "the system's",
  'wasi/host-name.ts': 'the way, for guests',
  'admin/audit-log.ts': "the operator's",
  'admin/token-file.ts': "the operator's",
  'config/env-files.ts': "the operator's",
  'config/load.ts': "the operator's",
  'config/tenant-files.ts': "the operator's",
  'master/error-log.ts': "the operator's",
  'master/log-files.ts': "the operator's",
  'master/own-session-folders.ts': "the store's",
  'master/own-store.ts': "the store's",
  'master/pid-file.ts': "the operator's",
  'master/server-status.ts': "the operator's",
  'worker/outbound-devices.ts': "the operator's",
  'outbound/dial.ts': "the system's",
  'store/public-key.ts': "the operator's",
  'store/signing-key.ts': "the operator's",
  'store/disk-calls.ts': "the store's",
  'follow/check-authorities.ts': "the operator's",
  'follow/folder-source.ts': "the store's",
  'logs/open-log.ts': "the operator's",
  'master/account.ts': "the system's",
  'gateway/listen/inherited.ts': "the system's",
  'gateway/listen/socket-file.ts': "the system's",
  'store/owner.ts': "the system's",
  'store/publisher-process.ts': "the system's",
  'oci/find-credentials.ts': "the user's",
  'oci/pack-archive.ts': 'its own',
  'oci/pull-artifact.ts': 'its own',
  'oci/unpack-archive.ts': 'its own',
  'cli/convert/read-ini.ts': 'named on the command line',
  'cli/dev/build-command.ts': "the user's",
  'cli/dev/find-source.ts': "the user's",
  'cli/doctor/machine-facts.ts': "the system's",
  'cli/doctor/permission.ts': "the system's",
  'cli/invoke/locate-target.ts': 'named on the command line',
  'cli/logins.ts': "the user's",
  'cli/read-module-file.ts': 'named on the command line',
  'cli/remote-signing.ts': 'its own',
  'cli/remote-upload.ts': 'named on the command line',
  'cli/runtime/build-log.ts': 'its own',
  'cli/runtime/hint-branches.ts': 'its own',
  'cli/runtime/cache-folder.ts': 'its own',
  'cli/runtime/npm-packages.ts': 'its own',
  'cli/runtime/recipe.ts': "the program's",
  'cli/runtime/source-packages.ts': "the system's, and its own",
  'cli/runtime/unpack-source.ts': 'its own',
  'cli/template/templates.ts': "the program's",
  'base/version.ts': "the program's",
}

const MAX_LINES = 400

/**
 * Names that stand for the same kind of thing in every folder: its error codes, its limits, and where a process begins. With
 * them the folder says which is meant.
 */
const ONE_A_FOLDER = ['errors.ts', 'limits.ts', 'main.ts']

const root = join(process.cwd(), 'src')
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
)
assert.notEqual(files.length, 0, `no source under ${root}: run the tests from the repository root`)
const source = new Map(files.map((path) => [path, readFileSync(join(root, path), 'utf8')]))

test('folders import only what ARCHITECTURE.md allows', () => {
  for (const [path, text] of source) {
    for (const target of localImports(path, text)) {
      const [from, to] = [folderOf(path), folderOf(target)]
      if (from === to) continue
      const allowed = MAY_IMPORT[from] ?? []
      assert.ok(
        allowed.includes(to) || allowed.includes(target),
        `${path} must not import ${target}`,
      )
    }
  }
})

test('pure folders do no I/O', () => {
  for (const [path, text] of source) {
    if (!PURE.includes(folderOf(path))) continue
    for (const specifier of specifiers(text)) {
      assert.doesNotMatch(specifier, IMPURE_MODULE, `${path} must not import ${specifier}`)
    }
  }
})

test('entry points are never imported', () => {
  for (const [path, text] of source) {
    for (const target of localImports(path, text)) {
      assert.ok(!ENTRY_POINTS.includes(target), `${path} must not import the entry point ${target}`)
    }
  }
})

test('no two files import each other, however indirectly', () => {
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(path), `import cycle: ${[...trail, path].join(' -> ')}`)
    if (done.has(path)) return
    for (const target of localImports(path, source.get(path) ?? '')) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of files) visit(path, [])
})

test('files that tenants can change are opened in one way', () => {
  const openers = ['open', 'openSync', 'openAsBlob', 'readFile', 'readFileSync', 'createReadStream']
  for (const [path, text] of source) {
    const names = [...text.matchAll(/^import ([^;]*?) from 'node:fs(?:\/promises)?'/gm)].flatMap(
      ([, imported = '']) => imported.split(/[^A-Za-z*]+/),
    )
    const isOpener =
      names.some((name) => openers.includes(name) || name === '*') ||
      /getBuiltinModule\('node:fs/.test(text)
    assert.ok(
      !isOpener || path in OPENS_FILES,
      `${path} opens files by name: use base/opened-file.ts or base/open-within.ts, or say here whose files they are`,
    )
  }
})

test('a file name stands for one thing', () => {
  for (const [name, paths] of Map.groupBy(files, (path) => basename(path))) {
    assert.ok(
      paths.length === 1 || ONE_A_FOLDER.includes(name),
      `${paths.join(' and ')} have the same name: name each after what only it is`,
    )
  }
})

test(`no file is longer than ${MAX_LINES} lines`, () => {
  for (const [path, text] of source) {
    assert.ok(text.split('\n').length <= MAX_LINES, `${path} has more than ${MAX_LINES} lines`)
  }
})

function folderOf(path: string): string {
  return path.split('/')[0] ?? path
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`. */
function specifiers(text: string): string[] {
  const pattern = /(?:^(?:import|export)\b[^'"]*?from |^import |\bimport\()['"]([^'"]+)['"]/gm
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '')
}

function localImports(path: string, text: string): string[] {
  return specifiers(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(root, join(root, dirname(path), specifier)))
}
