/** docs/limits.md and the code say the same, in both directions. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { MAX_WARM_PATHS } from '../src/base/warm-paths.ts'
import { MAX_BACKPRESSURE } from '../src/component/builtins.ts'
import { MAX_COPY_LENGTH } from '../src/component/guest-buffer.ts'
import { MAX_HANDLES } from '../src/component/handle-table.ts'
import { MAX_RANDOM_BYTES } from '../src/component/host/clock-functions.ts'
import { MAX_UNSET_BYTES } from '../src/component/host/guest-output.ts'
import { MAX_ACTIVITIES } from '../src/component/host/host-work.ts'
import {
  MAX_ANSWER_FIELDS,
  MAX_ANSWER_HEAD_BYTES,
} from '../src/component/host/http-answer-reader.ts'
import { MAX_FIELD_BYTES, MAX_FIELDS } from '../src/component/host/http-field-functions.ts'
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../src/component/host/keyvalue-bucket.ts'
import { MAX_BATCH_BYTES, MAX_BATCH_KEYS } from '../src/component/host/keyvalue-functions.ts'
import { MAX_POLLED } from '../src/component/host/pollable.ts'
import { MAX_KEPT_FOR_GUEST } from '../src/component/host/preview1-calls.ts'
import { MAX_NAMES as SOCKET_NAMES } from '../src/component/host/socket-address.ts'
import { boundsFor, FOR_HOST } from '../src/component/lift-bounds.ts'
import { MAX_CALL_DEPTH } from '../src/component/lifted-calls.ts'
import { COMPONENT_LIMITS } from '../src/component/limits.ts'
import { MAX_ENV_FILE_BYTES } from '../src/config/env-files.ts'
import {
  limitsSchema,
  mainSchema,
  mountSchema,
  poolSchema,
  queueSchema,
  runtimeSchema,
  tenantSchema,
} from '../src/config/schema.ts'
import { parseSize } from '../src/config/units.ts'
import { MAX_REPLY_BYTES } from '../src/fastcgi/connection.ts'
import { DEFAULT_CONNECTION_LIMITS } from '../src/fastcgi/limits.ts'
import { DEFAULT_UNFINISHED_PARAMS_BYTES } from '../src/fastcgi/params-budget.ts'
import { MAX_APP_FILES } from '../src/gateway/app-module.ts'
import { MAX_FILES } from '../src/gateway/application.ts'
import { type FailureCode, failureRule } from '../src/gateway/failure.ts'
import { MAX_HELD_BYTES } from '../src/gateway/guest-stderr.ts'
import { MAX_FRONT_CONNECTIONS } from '../src/gateway/http/front.ts'
import { DEFAULT_CONNECTION_TIMEOUTS, LINGER_BYTES } from '../src/gateway/listen/timeouts.ts'
import { REST_MAX_MS, REST_QUIET_MS } from '../src/gateway/rest-of-body.ts'
import { MAX_RANGES } from '../src/gateway/static/byte-range.ts'
import { DEFAULT_FILE_READER_LIMITS } from '../src/gateway/static/file-reader.ts'
import { MAX_MESSAGE_BYTES } from '../src/gateway/stderr-message.ts'
import { DEFAULT_CACHE_BYTES, TENANT_TYPES } from '../src/guest/compile-cache.ts'
import { TABLE_LIMITS } from '../src/guest/guest-module.ts'
import { DEFAULT_LOAD_LIMITS } from '../src/guest/load-turns.ts'
import { MAX_REACTOR_BYTES } from '../src/guest/mapped-memory.ts'
import { MAX_FRAMES } from '../src/guest/outcome.ts'
import { MOST_TRACE_BYTES, MOST_TRACE_MS } from '../src/guest/own-trace.ts'
import { MOST_TYPES } from '../src/guest/type-list.ts'
import { MAX_DOOR_CONNECTIONS, MAX_DOOR_HEAD_BYTES } from '../src/master/door.ts'
import { MAX_CONNECTIONS } from '../src/master/passage.ts'
import { DEFAULT_WARM_LIMITS, MAX_MAPPINGS } from '../src/pool/warm-instances.ts'
import { MAX_FIBERS, MAX_FIBERS_OF_ALL } from '../src/wasi/fibers.ts'
import { MAX_HOST_ENTRIES } from '../src/wasi/host-directory-reader.ts'
import { DEFAULT_IMAGE_CACHE_LIMITS } from '../src/wasi/image-cache.ts'
import { MAX_LISTED_ENTRIES } from '../src/wasi/listing.ts'
import { MOST_LOOKS } from '../src/wasi/look-memory.ts'
import { DEFAULT_MEMORY_LIMITS } from '../src/wasi/memory-quota.ts'
import { MOST_FOLDERS, MOST_REMEMBERED } from '../src/wasi/remembered-directory.ts'
import { MAX_SYMLINKS } from '../src/wasi/resolve.ts'
import { DEFAULT_WASI_LIMITS } from '../src/wasi/session.ts'
import { MAX_WAYS, WAY_LIFE_MS } from '../src/wasi/ways.ts'
import { DEFAULT_MODULE_LIMITS, V8_FUNCTION_BYTES } from '../src/wasm/limits.ts'
import {
  MAX_LOADED_AHEAD_BYTES,
  MAX_LOOKED_UP,
  REHEARSAL_MS,
} from '../src/worker/prepare-published.ts'

const ROOT = join(import.meta.dirname, '..')
const PAGE = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8')
const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
  .join('\n')

type Row = Readonly<Record<string, string>>

/** The rows of a section's table, cells by heading, without code marks. */
function table(heading: string): Row[] {
  const section = PAGE.split('\n## ').find((part) => part.startsWith(`${heading}\n`)) ?? ''
  const [head = [], , ...rows] = section
    .split('\n')
    .filter((line) => line.startsWith('| ') || line.startsWith('|-'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')),
    )
  return rows.map((cells) => Object.fromEntries(head.map((name, at) => [name, cells[at] ?? ''])))
}

const ENDING = table('Limits that end a request')
const TOLD = table('Limits that a guest is told of')
const KEPT = table('Limits of what is kept')
const MODULE = table('Limits of a module')
const CONNECTION = table('Limits of a connection')
const COMPONENT = table('Limits of a component')
const OTHER = table('Other failures')

function referenceOf(schema: z.ZodObject, name: string): unknown {
  const key: unknown = schema.shape[name]
  const meta = key === undefined ? undefined : Reflect.get(Object(key), 'meta')
  return typeof meta === 'function' ? meta.call(key)?.reference?.default : undefined
}

function defaultOf(key: string): unknown {
  const [group = '', name = ''] = key.includes('.') ? key.split('.') : ['', key]
  if (group === 'limits') return referenceOf(limitsSchema, name)
  if (group === 'runtime') return referenceOf(runtimeSchema, name)
  if (group === 'mounts') return referenceOf(mountSchema, name)
  if (group === 'queue') return referenceOf(queueSchema, name)
  return referenceOf(tenantSchema, name) ?? referenceOf(mainSchema, name)
}

test('every table has rows', () => {
  for (const rows of [ENDING, TOLD, KEPT, CONNECTION, MODULE, COMPONENT, OTHER])
    expect(rows.length).toBeGreaterThan(5)
})

test('defaults are those of the configuration', () => {
  const rows = MODULE.map((row): Row => ({ ...row, Default: row['Most'] ?? '' }))
  for (const { Key: key = '', Default: standard } of [...ENDING, ...TOLD, ...KEPT, ...rows]) {
    if (key !== '-') expect([key, standard]).toEqual([key, defaultOf(key)])
  }
  for (const { Key: key = '', Default: standard } of CONNECTION) {
    if (key !== '-') expect([key, standard]).toEqual([key, referenceOf(poolSchema, key)])
  }
})

test('every limit of the configuration is there', () => {
  const keys = [...ENDING, ...TOLD, ...MODULE]
    .map(({ Key: key }) => key)
    .filter((key) => key !== '-')
  const wanted = [
    ...Object.keys(limitsSchema.shape).map((name) => `limits.${name}`),
    ...Object.keys(queueSchema.shape).map((name) => `queue.${name}`),
    ...Object.keys(mountSchema.shape)
      .filter((name) => name.startsWith('quota'))
      .map((name) => `mounts.${name}`),
    ...Object.keys(runtimeSchema.shape)
      .filter((name) => name.includes('quota'))
      .map((name) => `runtime.${name}`),
  ]
  expect(keys.sort()).toEqual(wanted.sort())
  const named = [...KEPT, ...CONNECTION].map(({ Key: key }) => key)
  for (const schema of [mainSchema, poolSchema, tenantSchema]) {
    for (const name of Object.keys(schema.shape)) {
      const isLimit = /^max_|_max$|^log_|_timeout$/.test(name) && !OTHER_TIMES.has(name)
      if (isLimit) expect(named).toContain(name)
    }
  }
})

/** They are waited for, not kept to; how many idle instances there may be is no limit of what somebody can make grow. */
const OTHER_TIMES = new Set([
  ...['process_control_timeout', 'request_slowlog_timeout', 'max_spare_servers'],
])

test('fixed limits are those of the code', () => {
  const { openFiles: _ofTenant, ...wasiLimits } = DEFAULT_WASI_LIMITS
  const fixed = (rows: readonly Row[]): string[] =>
    rows.flatMap(({ Key: key, Default: standard = '' }) => (key === '-' ? [standard] : []))
  const { pathBytes, pathDepth, pathSteps, ...others } = wasiLimits
  const { subscriptions, ...ofBuffers } = others
  expect(fixed(TOLD)).toEqual(
    [
      ...[DEFAULT_MEMORY_LIMITS.nameBytes, pathBytes, pathDepth, pathSteps, MAX_SYMLINKS],
      ...[...Object.values(ofBuffers), MAX_HOST_ENTRIES, MAX_LISTED_ENTRIES, subscriptions],
      ...[MAX_FIBERS, MAX_FIBERS_OF_ALL],
      ...[MAX_VALUE_BYTES, MAX_KEY_BYTES, MAX_BATCH_KEYS, MAX_BATCH_BYTES],
    ].map(String),
  )
  expect(fixed(ENDING).at(-1)).toBe(String(TABLE_LIMITS.tableGrowth))
  expect(PAGE).toContain(`more than ${TABLE_LIMITS.tableMaxElements.toLocaleString('en')} elements`)
  const { smallAtOnce, largeAtOnce, waiting } = DEFAULT_LOAD_LIMITS
  expect(PAGE).toContain(`stay open, for ${WAY_LIFE_MS} ms at most;`)
  expect(fixed(KEPT)).toEqual(
    [
      DEFAULT_WARM_LIMITS.total,
      MAX_MAPPINGS,
      DEFAULT_CACHE_BYTES,
      DEFAULT_UNFINISHED_PARAMS_BYTES,
      smallAtOnce,
      largeAtOnce,
      MAX_LOOKED_UP,
      MAX_LOADED_AHEAD_BYTES,
      REHEARSAL_MS,
      waiting,
      TENANT_TYPES,
      MOST_TYPES,
      MAX_HELD_BYTES,
      MAX_MESSAGE_BYTES,
      REST_QUIET_MS,
      REST_MAX_MS,
      MAX_REACTOR_BYTES,
      MAX_WARM_PATHS,
      MAX_FILES,
      MAX_APP_FILES,
      MAX_WAYS,
      MOST_REMEMBERED,
      MOST_LOOKS,
      MOST_FOLDERS,
      DEFAULT_IMAGE_CACHE_LIMITS.bytes,
      DEFAULT_IMAGE_CACHE_LIMITS.fileBytes,
      DEFAULT_FILE_READER_LIMITS.cache.bytes,
      DEFAULT_FILE_READER_LIMITS.openFiles,
      MAX_RANGES,
      MAX_FRAMES,
      `${MOST_TRACE_MS} ms`,
      MOST_TRACE_BYTES,
      MAX_CONNECTIONS,
      MAX_ENV_FILE_BYTES,
    ].map(String),
  )
  const ofConnection = DEFAULT_CONNECTION_LIMITS
  expect(fixed(CONNECTION)).toEqual(
    [
      DEFAULT_CONNECTION_TIMEOUTS.lingerMs,
      LINGER_BYTES,
      ofConnection.paramNameBytes,
      ofConnection.stdinBufferBytes,
      ofConnection.stalledStdinBytes,
      ofConnection.outputBufferBytes,
      ofConnection.totalBufferBytes,
      ofConnection.abortedRequests,
      ofConnection.uselessRecords,
      MAX_REPLY_BYTES,
      MAX_DOOR_CONNECTIONS,
      MAX_DOOR_HEAD_BYTES,
      MAX_FRONT_CONNECTIONS,
    ].map(String),
  )
})

test('every limit names the guest or the peer that goes over it', () => {
  for (const { Limit: limit = '', Test: named = '' } of [
    ...[...ENDING, ...TOLD, ...KEPT, ...CONNECTION],
  ]) {
    const [, file = '', title = ''] = /^([a-z/-]+): (.+)$/.exec(named) ?? []
    const text = readFileSync(join(ROOT, 'test', `${file}.test.ts`), 'utf8')
    expect([limit, text.includes(title)]).toEqual([limit, true])
  }
})

/** Of what guests and peers meet: what the page has, under another name or as a part of a table. */
const IN_PAGE = [
  ...['MAX_SYMLINKS', 'MAX_HOST_ENTRIES', 'MAX_HELD_BYTES', 'MAX_RANGES', 'MAX_FRAMES'],
  ...['MOST_TRACE_MS', 'MOST_TRACE_BYTES', 'MOST_TYPES'],
  ...['MAX_LISTED_ENTRIES', 'MAX_REPLY_BYTES', 'MAX_FRONT_CONNECTIONS', 'MAX_MODULE_BYTES'],
  ...['MAX_WAYS', 'MAX_REACTOR_BYTES', 'MAX_MAPPINGS', 'MAX_FILES', 'MAX_FIBERS'],
  ...['MAX_FIBERS_OF_ALL', 'MAX_APP_FILES', 'MAX_MESSAGE_BYTES', 'MAX_HANDLES'],
  ...['MAX_FIELDS', 'MAX_FIELD_BYTES', 'MAX_CALL_DEPTH'],
  ...['MAX_RANDOM_BYTES', 'MAX_UNSET_BYTES', 'MAX_KEPT_FOR_GUEST'],
  ...['MOST_REMEMBERED', 'MOST_LOOKS', 'MOST_FOLDERS'],
  ...['MAX_POLLED', 'MAX_ACTIVITIES', 'MAX_BACKPRESSURE', 'MAX_COPY_LENGTH'],
  ...['MAX_ANSWER_HEAD_BYTES', 'MAX_ANSWER_FIELDS'],
  ...['MAX_VALUE_BYTES', 'MAX_KEY_BYTES', 'MAX_BATCH_KEYS', 'MAX_BATCH_BYTES'],
]
/** What nobody notices: how work is cut in pieces, what is kept to be used again, how much of something a message shows. */
const INSIDE = [
  ...['MAX_CANDIDATES', 'MAX_LAST_BYTES', 'MAX_LAST_VALUE_CHARS', 'MAX_ID', 'MAX_PINNED_RATIO'],
  'MAX_SHARED_RATIO',
  ...['MAX_BLOCK_BYTES', 'MAX_LAYOUTS', 'MAX_NAMES', 'MAX_NAME_BYTES'],
  ...['MAX_SHORT_LENGTH', 'MAX_KEPT_BYTES', 'MAX_SLAB_PIECE_BYTES', 'MAX_PADDING'],
  ...['MAX_RECORD_CONTENT', 'MAX_STDERR_CONTENT', 'MAX_PATHS', 'MAX_IDLE_CONNECTIONS'],
  ...[
    'MAX_WRITE_BYTES',
    'MAX_CHARS',
    'MAX_MEANINGS',
    'MAX_PRIVATE_BYTES',
    'LONGEST_NAME',
    'LONGEST_REASON',
  ],
  ...['MOST_NAMES', 'MAX_REQUESTS_JITTER', 'MOST_CHARGED_MS', 'MAX_DEBT_MS'],
  ...['MAX_IDLE_ACCOUNTS', 'MOST_UNCHECKED_MS', 'MAX_TRIES', 'MAX_OFFSET', 'MAX_ADVICE'],
  ...[
    'MOST_BYTES',
    'MOST_CHANGES',
    'MOST_WAY_NAMES',
    'MOST_FOUND',
    'MOST_EXITS',
    'MOST_EXIT_CHARS',
    'MOST_LOOK_CHARS',
    'MAX_PIECES',
    'MAX_PATH_CHARS',
    'MOST_PAUSE_MS',
    'MOST_EMPTY_LINES',
  ],
  ...['MAX_FLAT_PARAMETERS'],
  // Of fields of a request that ask for a part, or for another form; of what others of us send.
  ...['MAX_ELEMENTS', 'MAX_HEAD_BYTES', 'MAX_STATUS_LENGTH', 'MAX_ACTIVATED_SOCKETS'],
  ...['MAX_CHUNK_LINE_BYTES'],
]

test('every constant that bounds what a guest or a peer does is there', () => {
  const found = new Set<string>()
  for (const folder of [
    'cgi',
    'component',
    'fastcgi',
    'gateway',
    'guest',
    'outbound',
    'pool',
    'wasi',
  ]) {
    const names = readdirSync(join(ROOT, 'src', folder), { recursive: true, encoding: 'utf8' })
    for (const name of names.filter((one) => one.endsWith('.ts'))) {
      const text = readFileSync(join(ROOT, 'src', folder, name), 'utf8')
      for (const [, constant = ''] of text.matchAll(/const ((?:MAX|MOST|LONGEST)_[A-Z_]+)\b/g))
        found.add(constant)
    }
  }
  expect([...found].sort()).toEqual([...IN_PAGE, ...INSIDE].sort())
})

test('limits of a component are those of the code', () => {
  expect(COMPONENT.map(({ Name: name, Most: most }) => [name, Number(most)])).toEqual([
    ...Object.entries(COMPONENT_LIMITS),
    ['handles', MAX_HANDLES],
    ['stringBytes', FOR_HOST.stringBytes],
    ['listElements', FOR_HOST.listElements],
    ['liftedBytes', FOR_HOST.liftedBytes],
    ['passedStringBytes', boundsFor('utf8').stringBytes],
    ['passedListElements', boundsFor('utf8').listElements],
    ['passedBytes', boundsFor('utf8').liftedBytes],
    ['callDepth', MAX_CALL_DEPTH],
    ['fields', MAX_FIELDS],
    ['fieldBytes', MAX_FIELD_BYTES],
    ['heldBytes', MAX_UNSET_BYTES],
    ['keptBytes', MAX_KEPT_FOR_GUEST],
    ['randomBytes', MAX_RANDOM_BYTES],
    ['polled', MAX_POLLED],
    ['underWay', MAX_ACTIVITIES],
    ['socketNames', SOCKET_NAMES],
    ['backpressure', MAX_BACKPRESSURE],
    ['copyLength', MAX_COPY_LENGTH],
    ['answerHeadBytes', MAX_ANSWER_HEAD_BYTES],
    ['answerFields', MAX_ANSWER_FIELDS],
  ])
})

test('limits of a module are those of the code', () => {
  // Of `functionBytes`, what an operator writes.
  const documented = MODULE.map(({ Name: name, Key: key, Most: most = '' }) => [
    name,
    key === '-' ? Number(most) : parseSize(most.replaceAll('"', '')),
  ])
  expect(documented).toEqual(Object.entries(DEFAULT_MODULE_LIMITS))
  expect(PAGE).toContain(`the ${V8_FUNCTION_BYTES.toLocaleString('en')} that V8 takes`)
})

test('statuses and levels are those of the rules', () => {
  for (const { Code: code, Status: status, Level: level } of [...ENDING, ...OTHER]) {
    const rule = failureRule(code as FailureCode)
    expect([code, status, level]).toEqual([code, String(rule.status), rule.level])
  }
})

test('every code with a rule is there', () => {
  const rules = readFileSync(join(ROOT, 'src/gateway/failure.ts'), 'utf8')
  const table = /^const RULES[\s\S]*?^}/m.exec(rules)?.[0] ?? ''
  const known = [...table.matchAll(/^ {2}([A-Z_]+):/gm)]
    .map(([, code]) => code ?? '')
    .filter((code) => !code.startsWith('WASM_'))
  const documented = [...ENDING, ...OTHER].map(({ Code: code }) => code)
  expect([...new Set(documented)].sort()).toEqual(known.sort())
})

test('modules that are refused have a rule of their own', () => {
  const errors = readFileSync(join(ROOT, 'src/wasm/errors.ts'), 'utf8')
  const codes = [...errors.matchAll(/^ {2}\| '(WASM_[A-Z0-9_]+)'/gm)].map(([, code]) => code)
  expect(codes.length).toBeGreaterThan(5)
  for (const code of codes) {
    const { status, level } = failureRule(code as FailureCode)
    expect([code, status, level]).toEqual([code, 502, 'warn'])
  }
})

test('messages and counters exist', () => {
  for (const { Message: message = '', Counter: counter = '' } of ENDING) {
    const [start = ''] = message.split(':')
    expect(SOURCES).toContain(start)
    if (counter === '-') continue
    const [, name, kind] = /^wasm_fpm_(\w+)_total(?:\{kind="([a-z-]+)"\})?$/.exec(counter) ?? []
    expect(SOURCES).toMatch(new RegExp(`(?:counter|byKind)\\('${name}'`))
    if (kind !== undefined) expect(SOURCES).toContain(`| '${kind}'`)
  }
})
