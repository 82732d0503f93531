/**
 * Our status page against a real php-fpm's: its page is read, the numbers on it are put into our formatter, and what comes
 * out must be the same bytes, but for the fields that are ours or of a later php-fpm (8.4: `memory peak`).
 */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyStatus } from '../../../src/gateway/status/merge.ts'
import {
  INSTANCE_STATES,
  type InstanceStatus,
  type PoolStatus,
} from '../../../src/gateway/status/pool-status.ts'
import { pingResponse, statusResponse } from '../../../src/gateway/status/status-response.ts'
import { type PhpFpm, startPhpFpm } from './php-fpm.ts'

const { CI } = process.env
const VERSIONS = ['8.4', '8.3', '8.2', '8.1']
const binary = VERSIONS.map((version) => `/usr/sbin/php-fpm${version}`).find(existsSync)
const isMissing = binary === undefined
if (isMissing && CI) throw new Error('Cannot compare with php-fpm: none is installed')
if (isMissing) process.stderr.write('skipped: comparing with php-fpm, none is installed\n')

let php: PhpFpm | undefined
/** When each process started, by pid; for the pool under 0. Only some forms say it exactly. */
const startsMs = new Map<number, number>()

beforeAll(async () => {
  if (binary === undefined) return
  php = await startPhpFpm(binary)
  const page = await readyPage(php)
  startsMs.set(0, page['start time'] * 1000)
  for (const one of page.processes) startsMs.set(one.pid, one['start time'] * 1000)
})

/** Asks until both processes are there: php-fpm accepts before it has forked them all. */
async function readyPage(server: PhpFpm) {
  for (let tries = 0; tries < 200; tries += 1) {
    const page = JSON.parse(bodyOf(await server.ask('/status', 'json&full')))
    const isReady = page.processes.every((one: { readonly pid: number }) => one.pid > 0)
    if (isReady && page.processes.length === 2) return page
  }
  throw new Error('Cannot compare with php-fpm: it did not start its two processes')
}

afterAll(async () => {
  await php?.stop()
})

/** Tries until the page shows a request of a user's: whether it does depends on which process answers what. */
const MOST_TRIES = 50

/** A status page of php-fpm's; with `full`, one on which a process has had a request with a user and a script. */
async function askPhp(query: string): Promise<string> {
  const isFull = /full/.test(query) && !query.includes('openmetrics')
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    if (isFull) {
      await php?.ask(php.script, 'a="<b>"&c=\u00e9', {
        HTTP_AUTHORIZATION: `Basic ${Buffer.from('kim:secret').toString('base64')}`,
      })
    }
    const page = (await php?.ask('/status', query)) ?? ''
    if (!isFull || page.includes('kim')) return page
  }
  throw new Error(`Cannot compare ?${query}: no page of ${MOST_TRIES} showed the request`)
}

/** Header fields in any order and case, without those that are ours. */
function headOf(response: string): string[] {
  const lines = response.slice(0, response.indexOf('\r\n\r\n')).split('\r\n')
  const isCompared = (line: string) =>
    !/^(?:status|x-powered-by|content-length|x-content-type-options):/i.test(line)
  return lines
    .filter(isCompared)
    .map((line) => line.replace(/^Content-type/, 'Content-Type'))
    .sort()
}

function bodyOf(response: string): string {
  return response.slice(response.indexOf('\r\n\r\n') + 4)
}

interface Form {
  readonly query: string
  /** The values of the pool and of each process, in order. */
  readonly read: (body: string) => {
    readonly pool: readonly string[]
    readonly processes: ReadonlyArray<readonly string[]>
  }
  /** Takes out what php-fpm 8.2 does not have. */
  readonly strip: (body: string) => string
}

const decode = (text: string) =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
const matches = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, value]) => decode(value ?? ''))

const TEXT: Form['read'] = (body) => {
  const [head = '', ...rest] = body.split('************************\n')
  const values = (text: string) => matches(text, /^[^:\n]+: +(.*)$/gm)
  return { pool: values(head), processes: rest.map(values) }
}
const HTML: Form['read'] = (body) => ({
  pool: matches(body, /<\/th><td>(.*?)<\/td>/g),
  processes: [...body.matchAll(/^<tr>(<td>.*)<\/tr>$/gm)].map(([, row]) =>
    matches(row ?? '', /<td>(.*?)<\/td>/g),
  ),
})
const XML: Form['read'] = (body) => ({
  pool: matches(body, /^<[a-z-]+>(.*?)<\/[a-z-]+>$/gm).slice(0, 14),
  processes: [...body.matchAll(/^<process>(.*)<\/process>$/gm)].map(([, row]) =>
    matches(row ?? '', /<[a-z-]+>(.*?)<\/[a-z-]+>/g),
  ),
})
const JSON_: Form['read'] = (body) => {
  const { processes = [], ...pool } = JSON.parse(body)
  return {
    pool: Object.values(pool).map(String),
    processes: processes.map((one: object) => Object.values(one).map(String)),
  }
}
const OPENMETRICS: Form['read'] = (body) => {
  const [, ...values] = matches(body, /^phpfpm_\w+ (\d+)$/gm)
  return { pool: ['www', 'static', '', ...values], processes: [] }
}

const textStrip = (body: string) =>
  body.replace(/memory peak: [\s\S]*?\nqueue wait ms all:.*\n/, '')
const htmlStrip = (body: string) => body.replace(/<tr><th>memory peak[\s\S]*?(?=<\/table>)/, '')
const xmlStrip = (body: string) => body.replace(/<memory-peak>[\s\S]*<\/wasm-fpm>\n/, '')
const jsonStrip = (body: string) => body.replace(/,"memory peak":.*?"all":\d+\}\}/, '')
const metricsStrip = (body: string) => body.replace(/# HELP phpfpm_memory_peak[\s\S]*(?=# EOF)/, '')

const FORMS: readonly Form[] = [
  { query: '', read: TEXT, strip: textStrip },
  { query: 'full', read: TEXT, strip: textStrip },
  { query: 'html', read: HTML, strip: htmlStrip },
  { query: 'html&full', read: HTML, strip: htmlStrip },
  { query: 'xml', read: XML, strip: xmlStrip },
  { query: 'xml&full', read: XML, strip: xmlStrip },
  { query: 'json', read: JSON_, strip: jsonStrip },
  { query: 'json&full', read: JSON_, strip: jsonStrip },
  { query: 'openmetrics', read: OPENMETRICS, strip: metricsStrip },
  { query: 'openmetrics&full', read: OPENMETRICS, strip: metricsStrip },
  { query: 'full=&xml&json', read: XML, strip: xmlStrip },
  { query: 'json&full&q="<&>\'', read: JSON_, strip: jsonStrip },
]

function statusFrom({ pool, processes }: ReturnType<Form['read']>): PoolStatus {
  const number = (index: number) => Number(pool[index])
  const startEpochMs = startsMs.get(0) ?? 0
  const nowEpochMs = startEpochMs + number(3) * 1000
  return {
    pool: pool[0] ?? '',
    processManager: 'static',
    startEpochMs,
    nowEpochMs,
    acceptedConnections: number(4),
    listenQueue: number(5),
    maxListenQueue: number(6),
    listenQueueLength: number(7),
    idleProcesses: number(8),
    activeProcesses: number(9),
    maxActiveProcesses: number(11),
    maxChildrenReached: number(12),
    slowRequests: number(13),
    memoryPeakBytes: 0,
    own: {
      ...emptyStatus('www').own,
      workerPool: 'www',
      maxChildren: 2,
      traps: { unreachable: 1 },
    },
    processes: processes.map(instanceFrom),
  }
}

function instanceFrom(values: readonly string[]): InstanceStatus {
  // Variables have one char a byte.
  const text = (index: number) =>
    values[index] === '-' ? '' : Buffer.from(values[index] ?? '').toString('latin1')
  const number = (index: number) => Number(values[index])
  return {
    pid: number(0),
    state: INSTANCE_STATES.find((state) => state === values[1]) ?? 'Creating',
    startEpochMs: startsMs.get(number(0)) ?? 0,
    requests: number(4),
    requestDurationMs: number(5) / 1000,
    requestMethod: text(6),
    requestUri: text(7),
    contentLength: number(8),
    user: text(9),
    script: text(10),
    lastRequestCpuPercent: number(11),
    lastRequestMemoryBytes: number(12),
  }
}

for (const { query, read, strip } of FORMS) {
  test.skipIf(isMissing)(`?${query}: the same bytes as php-fpm`, async () => {
    const theirs = await askPhp(query)
    const body = bodyOf(theirs)
    const ours = Buffer.from(
      statusResponse(statusFrom(read(body)), { query, method: 'GET' }),
    ).toString('utf8')
    expect(strip(bodyOf(ours))).toBe(body)
    expect(headOf(ours)).toEqual(headOf(theirs))
  })
}

test.skipIf(isMissing)('ping: the same bytes as php-fpm', async () => {
  for (const method of ['GET', 'HEAD', 'POST']) {
    const theirs = (await php?.ask('/ping', '', { REQUEST_METHOD: method })) ?? ''
    const ours = Buffer.from(pingResponse('here & now', { method })).toString('utf8')
    expect(bodyOf(ours)).toBe(bodyOf(theirs))
    expect(headOf(ours)).toEqual(headOf(theirs))
  }
})
