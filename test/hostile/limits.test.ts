/** One guest, or one request, over each limit: what the web server is told, what the log says, and that nobody else notices. */
import { expect, test } from 'vitest'
import { compileAs, compileFields } from '../../guests/hostile/compile.ts'
import { type AskOptions, HELLO, type Stage, type StageOptions, setStage } from './stage.ts'

interface Case extends StageOptions {
  readonly name: string
  /** The guest asked for; also its file, unless `modules` has it. */
  readonly guest: string
  readonly ask?: AskOptions
  readonly status: number
  /** undefined: the request is answered well. */
  readonly code: string | undefined
  readonly level?: string
  /** The body, where it matters. */
  readonly body?: string
  /** Of a component, which WASI 0.2 tells less. */
  readonly componentBody?: string
  /** Default: the answer is whole. */
  readonly isBrokenOff?: boolean
}

const KIB = 1024
/** Errno of preview 1. */
const [EMFILE, EMLINK, ENAMETOOLONG, ENOMEM, ENOSPC] = [33, 34, 37, 48, 51]

const CASES: readonly Case[] = [
  {
    name: 'memory: the guest gives up',
    guest: 'grow-memory',
    limits: 'memory = "4MiB"',
    status: 500,
    code: 'OUTCOME_OUT_OF_MEMORY',
  },
  {
    name: 'table',
    guest: 'grow-table',
    limits: 'cpu = "5s"',
    status: 500,
    code: 'OUTCOME_TRAPPED',
  },
  { name: 'stack', guest: 'recursion', status: 500, code: 'OUTCOME_STACK_OVERFLOW' },
  {
    name: 'memory a module wants from the start',
    guest: 'fill-all-memory',
    limits: 'memory = "63MiB"',
    status: 502,
    code: 'WASM_MEMORY_MINIMUM',
  },
  {
    name: 'wall clock, asleep',
    guest: 'sleep',
    limits: 'wall = "150ms"',
    status: 504,
    code: 'OUTCOME_WALL_EXCEEDED',
  },
  {
    name: 'wall clock, waiting for a body that never comes',
    guest: 'read-body',
    ask: { body: Buffer.from('a part'), isBodyOpen: true, params: [['CONTENT_LENGTH', '100']] },
    limits: 'wall = "150ms"',
    status: 504,
    code: 'OUTCOME_WALL_EXCEEDED',
  },
  {
    name: 'wall clock, waiting for the disk',
    guest: 'spin-sync',
    limits: 'wall = "150ms"',
    status: 504,
    code: 'OUTCOME_WALL_EXCEEDED',
  },
  {
    name: 'wall clock, busy',
    guest: 'endless-loop',
    limits: 'wall = "150ms"',
    status: 504,
    code: 'OUTCOME_WALL_EXCEEDED',
  },
  {
    name: 'a body announced too long',
    guest: 'read-body',
    ask: { body: Buffer.alloc(10), params: [['CONTENT_LENGTH', '4097']] },
    limits: 'request_body = "4KiB"',
    status: 413,
    code: 'GATEWAY_BODY_TOO_LARGE',
    level: 'info',
  },
  {
    name: 'a body that turns out too long',
    guest: 'read-body',
    ask: { body: Buffer.alloc(5 * KIB) },
    limits: 'request_body = "4KiB"',
    status: 413,
    code: 'GATEWAY_BODY_TOO_LARGE',
    level: 'info',
  },
  {
    name: 'a body of exactly the limit',
    guest: 'read-body',
    ask: { body: Buffer.alloc(4 * KIB) },
    limits: 'request_body = "4KiB"',
    status: 200,
    code: undefined,
    body: '4096 0 ',
  },
  {
    name: 'a body that ends too soon',
    guest: 'read-body',
    ask: { body: Buffer.alloc(10), params: [['CONTENT_LENGTH', '100']] },
    status: 400,
    code: 'GATEWAY_BODY_MISMATCH',
    level: 'info',
  },
  {
    name: 'a header without an end',
    guest: 'flood-header',
    limits: 'response_header_count = 10000',
    status: 502,
    code: 'CGI_HEADER_TOO_LARGE',
  },
  {
    name: 'lines of a header without an end',
    guest: 'flood-header',
    limits: 'response_header = "1MiB"',
    status: 502,
    code: 'CGI_TOO_MANY_HEADERS',
  },
  {
    name: 'a line without an end',
    guest: 'flood-without-header',
    status: 502,
    code: 'CGI_HEADER_TOO_LARGE',
  },
  {
    name: 'a body without an end',
    guest: 'flood-body',
    limits: 'response_body = "1MiB"',
    status: 200,
    code: 'CGI_BODY_TOO_LARGE',
    isBrokenOff: true,
  },
  {
    name: 'a body over a limit that is below what is held back',
    guest: 'flood-body',
    limits: 'response_body = "16KiB"',
    status: 502,
    code: 'CGI_BODY_TOO_LARGE',
  },
  {
    name: 'an answer nobody takes',
    guest: 'flood-body',
    ask: { isDeaf: true },
    limits: 'wall = "150ms"',
    status: 0,
    code: 'OUTCOME_WALL_EXCEEDED',
    isBrokenOff: true,
  },
  { name: 'exit in the header', guest: 'exit-in-header', status: 502, code: 'CGI_NO_HEADER' },
  { name: 'failure in the header', guest: 'fail-in-header', status: 500, code: 'OUTCOME_FAILED' },
  {
    name: 'a trap after more body than is held back',
    guest: 'trap-in-body',
    status: 200,
    code: 'OUTCOME_TRAPPED',
    isBrokenOff: true,
  },
  {
    name: 'a trap in the body that is held back',
    guest: 'trap-early-in-body',
    status: 500,
    code: 'OUTCOME_TRAPPED',
  },
  {
    // Nothing it prints after its exit counts, and it does not live on.
    name: 'an exit that is caught',
    guest: 'catch-exit',
    status: 502,
    code: 'CGI_NO_HEADER',
  },
  {
    // Three streams, /, /tmp, /dev and the mount are open already.
    name: 'open files',
    guest: 'open-files',
    limits: 'open_files = 20',
    status: 200,
    code: undefined,
    body: `13 ${EMFILE} `,
    componentBody: `13 ${ENOMEM} `,
  },
  {
    // 1 MiB less one file's overhead of 256 bytes and its name.
    name: 'bytes in /tmp',
    guest: 'tmp-bytes',
    limits: 'tmp = "1MiB"',
    status: 200,
    code: undefined,
    body: `255 ${ENOSPC} `,
  },
  {
    name: 'files in /tmp',
    guest: 'tmp-files',
    limits: 'tmp_files = 100',
    status: 200,
    code: undefined,
    body: `100 ${ENOSPC} `,
  },
  {
    name: 'folders inside each other in /tmp',
    guest: 'tmp-depth',
    limits: 'tmp_depth = 5',
    status: 200,
    code: undefined,
    body: `5 ${EMLINK} `,
  },
  {
    name: 'long paths and names',
    guest: 'long-path',
    status: 200,
    code: undefined,
    body: `${ENAMETOOLONG} ${ENAMETOOLONG} `,
  },
]

async function expectGoodAnswers(stage: Stage): Promise<void> {
  for (const tenant of ['hog', 'neighbour']) {
    const { status, body } = await stage.ask(tenant, 'hello')
    expect([tenant, status, body.toString()]).toEqual([tenant, 200, HELLO])
  }
}

const ALL = CASES.flatMap((one) => [
  { ...one, form: 'module' as const },
  { ...one, form: 'component' as const, body: one.componentBody ?? one.body },
])

for (const { name, guest, ask, status, code, body, form, ...rest } of ALL) {
  test(`${name}: a ${form}`, async () => {
    using stage = setStage({ modules: { [guest]: await compileAs(form, guest) }, ...rest })
    const reply = await stage.ask('hog', guest, ask)
    const expected = code === undefined ? [] : [{ code, level: rest.level ?? 'warn' }]
    expect(stage.failures()).toEqual(expected)
    expect(reply.isComplete).toBe(rest.isBrokenOff !== true)
    expect(reply.status).toBe(status)
    if (body !== undefined) expect(reply.body.toString()).toBe(body)
    await expectGoodAnswers(stage)
    // And once more with the instance, if it was kept.
    await stage.ask('hog', guest, ask)
    await expectGoodAnswers(stage)
  })
}

test('a body over its limit does not get further than the limit', async () => {
  using stage = setStage({ guests: ['flood-body'], limits: 'response_body = "100KiB"' })
  const { body } = await stage.ask('hog', 'flood-body')
  expect(body.length).toBe(100 * KIB)
})

// Lines of 11 bytes, which count for 111.
const COMPLAINTS = [
  { name: 'standard error of a request', limits: 'stderr = "10KiB"' },
  { name: 'standard error a second', limits: 'stderr_rate = "10KiB"' },
]

test.each(COMPLAINTS)('$name: cut, and the log says so', async ({ limits }) => {
  using stage = setStage({ guests: ['flood-stderr'], limits: `cpu = "50ms"\n${limits}` })
  const { stderr } = await stage.ask('hog', 'flood-stderr')
  const complaints = stage.log
    .filter((line) => line['stream'] === 'stderr')
    .flatMap(({ msg }) => String(msg).split('\n'))
  expect(complaints.length).toBeGreaterThan(80)
  expect(complaints.length).toBeLessThan(105)
  expect(complaints.at(-1)).toMatch(/^\[\d+ bytes of standard error were cut\]$/)
  expect(stderr.length).toBeLessThan(1200)
  await expectGoodAnswers(stage)
})

test('a line of standard error: cut, and the log says so', async () => {
  const long = compileFields(
    'long-line',
    `(memory (export "memory") 1)
     (func (export "_start")
       (memory.fill (i32.const 1024) (i32.const 120) (i32.const 5000))
       (drop (call $print (i32.const 2) (i32.const 1024) (i32.const 5000)))
       (call $answer (i32.const 1) (i32.const 2)))`,
  )
  using stage = setStage({ modules: { long }, limits: 'stderr_line = "1KiB"' })
  expect((await stage.ask('hog', 'long')).status).toBe(200)
  const complaints = stage.log.flatMap((line) => (line['stream'] === 'stderr' ? [line['msg']] : []))
  expect(complaints).toEqual([
    'x'.repeat(1024),
    expect.stringMatching(/^\[\d+ bytes of standard error were cut\]$/),
  ])
})

test('variables over their limit are refused', async () => {
  using stage = setStage({ limits: 'params = "8KiB"\nparams_count = 20' })
  const big = await stage.ask('hog', 'hello', { params: [['HTTP_BIG', 'x'.repeat(9 * KIB)]] })
  const many = await stage.ask('hog', 'hello', {
    params: Array.from({ length: 20 }, (_, index) => [`HTTP_X${index}`, '1'] as const),
  })
  expect([big.status, many.status]).toEqual([431, 431])
  const refusal = { code: 'GATEWAY_PARAMS_TOO_LARGE', level: 'info' }
  expect(stage.failures()).toEqual([refusal, refusal])
  await expectGoodAnswers(stage)
})

test('variables over what a connection takes are refused', async () => {
  using stage = setStage()
  const params = [['HTTP_BIG', 'x'.repeat(300 * KIB)]] as const
  expect((await stage.ask('hog', 'hello', { params })).status).toBe(431)
  const codes = stage.log.filter((line) => line['msg'] !== 'access').map((line) => line['code'])
  expect(codes).toEqual(['FASTCGI_PARAMS_TOO_LARGE'])
  await expectGoodAnswers(stage)
})

test('variables that make no sense are refused', async () => {
  using stage = setStage()
  const params = [['CONTENT_LENGTH', '1e3']] as const
  expect((await stage.ask('hog', 'hello', { params })).status).toBe(400)
  await expectGoodAnswers(stage)
})
