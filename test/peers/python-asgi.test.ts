/** An ASGI application answers the same under wasm-fpm as under uvicorn, behind the same nginx, from the same files. */
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, ask, type Question } from '../support/peers/http-client.ts'
import {
  havePythonSides,
  type PythonSide,
  type PythonSides,
  startPythonSides,
} from '../support/peers/python-sides.ts'

const ROOT = resolve('test/support/python')
const SIDES: readonly PythonSide[] = ['native', 'wasm-fpm']

interface Step extends Omit<Question, 'body'> {
  readonly path: string
  readonly body?: string
  /** Default: 200. */
  readonly status?: number
  /** What only wasm-fpm's answer is compared with. Default: uvicorn's. */
  readonly own?: Partial<Answer>
}

/** Each in its turn: later ones see what earlier ones have done. */
const STEPS: readonly Step[] = [
  { path: '/' },
  { path: '/told/a%20b/%C3%A9?x=1&x=%20&y=' },
  { path: '/told/a/b/', headers: { 'X-Some-Thing': 'a, b' } },
  { path: '/told/1', method: 'POST', body: 'x=1', headers: { 'Content-Type': 'text/x' } },
  { path: '/told/1', method: 'HEAD' },
  { path: '/told/1', method: 'DELETE', status: 405 },
  { path: '/body', method: 'POST', body: '' },
  { path: '/body', method: 'POST', body: 'x'.repeat(1_000_000) },
  { path: '/json', method: 'PUT', body: '{"a":[1,null,"\\u00e9"]}', status: 201 },
  { path: '/parts' },
  { path: '/in_a_thread' },
  { path: '/threaded_parts' },
  { path: '/file' },
  { path: '/static/note.jinja' },
  { path: '/static/none', status: 404 },
  { path: '/cookies', status: 303 },
  { path: '/times' },
  { path: '/written_behind' },
  { path: '/behind' },
  { path: '/refuses', status: 418 },
  { path: '/fails', status: 500 },
  { path: '/nowhere', status: 404 },
  { path: '/raw/no_answer', status: 500 },
  { path: '/raw/body_first', status: 500 },
  { path: '/raw/nothing_after', own: { status: 200, ending: 'cut' } },
  { path: '/raw/empty', status: 204 },
  { path: '/raw/twice' },
]

function comparable({ status, headers, text, ending }: Answer): unknown {
  const { date, connection, server, etag, 'last-modified': time, ...sent } = headers
  const {
    'content-length': length,
    'transfer-encoding': encoding,
    'x-request-id': id,
    ...fields
  } = sent
  // Starlette makes it of a set, whose order is that of the hash seed.
  const allow = fields.allow?.split(', ').sort()
  return { status, ending, fields: { ...fields, allow }, text }
}

const has = havePythonSides('uvicorn', 'starlette', 'anyio', 'sniffio')
let sides: PythonSides
beforeAll(async () => {
  if (has) sides = await startPythonSides(ROOT, { app: 'pages:application', native: 'uvicorn' })
}, 90_000)
afterAll(() => sides?.stop())

test.skipIf(!has).each(STEPS)(
  '$method $path',
  async ({ path, method, headers, body, own, status = own?.status ?? 200 }) => {
    const answers: Answer[] = []
    for (const side of SIDES) {
      answers.push(
        await ask(sides.ports[side], path, {
          ...(method === undefined ? {} : { method }),
          headers: { Host: 'site.example', ...headers },
          ...(body === undefined ? {} : { body: Buffer.from(body) }),
        }),
      )
    }
    const [expected, actual] = answers.map(comparable)
    if (own === undefined) expect(actual, sides.logs('wasm-fpm')).toEqual(expected)
    else expect(answers[1], sides.logs('wasm-fpm')).toMatchObject(own)
    expect(answers[1]?.status).toBe(status)
  },
)
