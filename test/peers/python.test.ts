/** A WSGI application answers the same under wasm-fpm as under uWSGI, behind the same nginx, from the same files. */
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, ask, type Question } from '../support/peers/http-client.ts'
import {
  havePythonSides,
  type PythonSide,
  type PythonSides,
  startPythonSides,
} from '../support/peers/python-sides.ts'

const ROOT = resolve('test/support/python')
const SIDES: readonly PythonSide[] = ['native', 'wasm-fpm']
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

interface Step extends Omit<Question, 'body'> {
  readonly name: string
  readonly path: string
  readonly body?: string
  /** Default: 200. */
  readonly status?: number
  /** What wasm-fpm answers, where uWSGI does not do what PEP 3333 says, or has what is not all pass for it. Default: the same. */
  readonly own?: Partial<Answer> & Pick<Answer, 'status'>
}

const FAILED = { status: 500, text: 'Internal Server Error' }

const CUT = { status: 200, ending: 'cut' } as const

const UPLOAD = `--b
Content-Disposition: form-data; name="file"; filename="some file.txt"
Content-Type: text/plain

${'what is in it\n'.repeat(20_000)}
--b--
`.replaceAll('\n', '\r\n')

/** Each in its turn: later ones see what earlier ones have done. */
const APPLICATIONS: Readonly<Record<string, readonly Step[]>> = {
  'tell:application': [
    { name: 'what it is told', path: '/tell/a%20b/%C3%A9?x=1&y=%20' },
    { name: 'a path with slashes', path: '/tell//a///b/' },
    { name: 'a form', path: '/tell', method: 'POST', headers: FORM, body: 'a=1&b=2+3' },
    { name: 'HEAD', path: '/tell', method: 'HEAD' },
    { name: 'another method', path: '/tell', method: 'PATCH', body: 'x' },
    { name: 'lines of a body', path: '/lines', method: 'POST', body: 'one\ntwo\nthree\nfour' },
    { name: 'a body of no length', path: '/lines', method: 'POST', body: '' },
    {
      ...{ name: 'more of a body than there is', path: '/greedy', method: 'POST' },
      body: 'x'.repeat(3_000_000),
    },
    { name: 'write()', path: '/write', status: 201 },
    { name: 'parts, and close()', path: '/parts' },
    { name: 'a generator', path: '/generated' },
    { name: 'wsgi.file_wrapper', path: '/file' },
    { name: 'no content', path: '/nothing', status: 204 },
    { name: 'an empty body', path: '/empty' },
    { name: 'a large one', path: '/large' },
    { name: 'two cookies', path: '/cookies', status: 302 },
    {
      name: 'start_response() with exc_info',
      path: '/changes_its_mind',
      own: { status: 503, text: 'not now' },
    },
    { name: 'an exception', path: '/fails', own: FAILED },
    { name: 'one when a part is out', path: '/breaks_off', own: CUT },
    { name: 'an exception of a generator', path: '/generator_fails', own: FAILED },
  ],
  'notes:app': [
    { name: 'a page', path: '/' },
    {
      ...{ name: 'a form', path: '/notes', method: 'POST', headers: FORM, status: 302 },
      body: 'title=first+%3Cnote%3E&text=%C3%A4%0Aline',
    },
    { name: 'what came of it', path: '/notes/0' },
    { name: 'a page with it', path: '/' },
    { name: 'what is not there', path: '/notes/7', status: 404 },
    { name: 'no page at all', path: '/nowhere', status: 404 },
    { name: 'a wrong method', path: '/notes', status: 405 },
    { name: 'JSON', path: '/api/notes?a=1&a=2' },
    {
      ...{ name: 'JSON that is sent', path: '/api/notes', method: 'PUT', status: 201 },
      ...{ headers: { 'Content-Type': 'application/json' }, body: '{"a":[1,null,"\\u00e9"]}' },
    },
    {
      name: 'a broken form',
      path: '/notes',
      method: 'POST',
      headers: FORM,
      body: 'x=1',
      status: 400,
    },
    {
      name: 'logging in',
      path: '/login',
      method: 'POST',
      headers: FORM,
      body: 'user=ann',
      status: 302,
    },
    { name: 'being logged in', path: '/' },
    {
      ...{ name: 'an upload', path: '/upload', method: 'POST', body: UPLOAD },
      headers: { 'Content-Type': 'multipart/form-data; boundary=b' },
    },
    { name: 'the file', path: '/files/some_file.txt' },
    {
      name: 'a part of it',
      path: '/files/some_file.txt',
      headers: { Range: 'bytes=5-20' },
      status: 206,
    },
    { name: 'an answer in parts', path: '/count?of=ten' },
    { name: 'an exception', path: '/fails', status: 500 },
  ],
  'frameworks:application': [
    {
      // uWSGI passes HTTP_CONTENT_LENGTH on, which these refuse.
      ...{ name: "with PEP 3333's checks", path: '/plain/x', method: 'POST', body: 'some body' },
      own: { status: 200, text: 'gotsome body' },
    },
    { name: 'the same without a body', path: '/plain' },
    { name: 'CherryPy', path: '/cherry/?name=%C3%A9' },
    {
      ...{ name: 'JSON of CherryPy', path: '/cherry/sums', method: 'POST', body: '[1,2,3.5]' },
      headers: { 'Content-Type': 'application/json' },
    },
    { name: 'no page of CherryPy', path: '/cherry/nowhere', status: 404 },
    { name: 'Bottle', path: '/bottle/hello/%3Cyou%3E' },
    {
      name: 'a form of Bottle',
      path: '/bottle/form',
      method: 'POST',
      headers: FORM,
      body: 'a=b+c',
    },
    { name: 'no page of Bottle', path: '/bottle/nowhere', status: 404 },
  ],
}

/** Others for the two: ports, files, what each calls itself, and variables of CGI and of the tenant, which uWSGI has not. */
const VOLATILE =
  /"(?:\w+_PORT|HTTP_HOST|HTTP_CONTENT_\w+|uwsgi\.\w+|wsgi\.\w+|DATA|HOME|USER|SCRIPT_FILENAME|FCGI_ROLE|GATEWAY_INTERFACE)": (?:"[^"]*"|\[[^\]]*\]|\w+)(?:, )?/g

/** The parts of an answer that are to be the same. */
function comparable({ status, headers, text, ending }: Answer): unknown {
  const {
    date,
    connection,
    'x-request-id': id,
    server,
    etag,
    'last-modified': time,
    ...sent
  } = headers
  const { 'content-length': length, 'transfer-encoding': encoding, ...fields } = sent
  // Flask makes it of a set, whose order is that of the hash seed.
  const allow = fields.allow?.split(', ').sort()
  return { status, ending, fields: { ...fields, allow }, text: text.replace(VOLATILE, '') }
}

for (const [app, steps] of Object.entries(APPLICATIONS)) {
  describe.skipIf(!havePythonSides('uwsgi', 'flask', 'cherrypy', 'bottle.py'))(app, () => {
    let sides: PythonSides
    const cookies = new Map<PythonSide, string>()
    beforeAll(async () => {
      sides = await startPythonSides(ROOT, { app })
    }, 90_000)
    afterAll(() => sides.stop())

    const answerOf = async (side: PythonSide, { path, method, headers, body }: Step) => {
      const answer = await ask(sides.ports[side], path, {
        ...(method === undefined ? {} : { method }),
        headers: { Host: 'site.example', Cookie: cookies.get(side) ?? 'c=1', ...headers },
        ...(body === undefined ? {} : { body: Buffer.from(body) }),
      })
      const set = answer.headers['set-cookie']?.map((cookie) => cookie.split(';')[0]).join('; ')
      if (set !== undefined) cookies.set(side, set)
      return answer
    }

    for (const step of steps) {
      test(`${step.name}: ${step.method ?? 'GET'} ${step.path}`, async () => {
        const answers: Answer[] = []
        for (const side of SIDES) answers.push(await answerOf(side, step))
        const { own, status = own?.status ?? 200 } = step
        const [expected, actual] = answers.map(comparable)
        if (own === undefined) expect(actual, sides.logs('wasm-fpm')).toEqual(expected)
        else expect(answers[1]).toMatchObject({ ending: 'complete', ...own })
        expect(answers[1]?.status).toBe(status)
      })
    }
  })
}
