/** What guests receive and how their answers reach the client, the normal way. */
import { expect } from 'vitest'
import type { CaseContext, PeerCase } from './case.ts'

const GREETINGS: Readonly<Record<string, string>> = {
  as: 'Hello from AssemblyScript\n',
  c: 'Hello from C\n',
  rust: 'Hello from Rust\n',
}

interface Echo {
  readonly method: string
  readonly env: Readonly<Record<string, string>>
  readonly body: string
  readonly bodyBytes: number
}

/** Enough to put several requests on one connection where the web server multiplexes. */
const CONCURRENT = 24

/** Body bytes with every value once, so that nothing on the way may change any. */
const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte)

export const REQUEST_CASES: readonly PeerCase[] = [
  {
    name: 'hello in every language',
    run: async ({ ask, languages }) => {
      for (const language of languages) {
        const answer = await ask(`/${language}/hello.wasm`)
        expect(answer).toMatchObject({
          status: 200,
          text: GREETINGS[language],
          ending: 'complete',
        })
        expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
      }
    },
  },
  {
    name: 'method, query, path and headers arrive as they were sent',
    run: async ({ ask, languages, traits }) => {
      for (const language of languages) {
        const answer = await ask(`/${language}/echo.wasm/some/path%20info?a=1&b=%41`, {
          headers: {
            Cookie: 'first=1; second=2',
            'X-Custom-Field': 'kept as it is',
            Authorization: 'Basic dXNlcjpwYXNz',
          },
        })
        expect(answer).toMatchObject({ status: 200, ending: 'complete' })
        const { method, env, bodyBytes }: Echo = JSON.parse(answer.text)
        expect(method).toBe('GET')
        expect(bodyBytes).toBe(0)
        expect(env).toMatchObject({
          REQUEST_METHOD: 'GET',
          GATEWAY_INTERFACE: 'CGI/1.1',
          REQUEST_URI: `/${language}/echo.wasm/some/path%20info?a=1&b=%41`,
          SCRIPT_NAME: `/${language}/echo.wasm`,
          SCRIPT_FILENAME: `/${language}/echo.wasm`,
          PATH_INFO: '/some/path info',
          QUERY_STRING: traits.rawQuery ? 'a=1&b=%41' : 'a=1&b=A',
          HTTP_COOKIE: 'first=1; second=2',
          HTTP_X_CUSTOM_FIELD: 'kept as it is',
          SERVER_PROTOCOL: 'HTTP/1.1',
        })
        const { HTTP_AUTHORIZATION } = env
        expect(HTTP_AUTHORIZATION).toBe(
          traits.passesAuthorization ? 'Basic dXNlcjpwYXNz' : undefined,
        )
      }
    },
  },
  {
    name: 'PATH_INFO is what follows the script, its final slash included',
    run: async ({ ask, languages }) => {
      for (const language of languages) {
        for (const pathInfo of ['', '/', '/foo', '/foo/', '/foo/index.wasm']) {
          const { status, text } = await ask(`/${language}/echo.wasm${pathInfo}`)
          expect(status).toBe(200)
          const { env }: Echo = JSON.parse(text)
          expect(env).toMatchObject({ SCRIPT_NAME: `/${language}/echo.wasm`, PATH_INFO: pathInfo })
        }
      }
    },
  },
  {
    name: 'a guest never sees a Proxy header or a path of the host',
    run: async ({ ask }) => {
      const { env } = await echo(ask, { headers: { Proxy: 'http://evil.example/' } })
      expect(env).not.toHaveProperty('HTTP_PROXY')
      expect(env).toMatchObject({ DOCUMENT_ROOT: '/' })
      for (const value of Object.values(env)) expect(value).not.toMatch(/wasm-fpm-site-/)
    },
  },
  {
    name: 'a body with Content-Length',
    run: async ({ ask }) => {
      const { method, body, env } = await echo(ask, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-test' },
        body: ALL_BYTES,
      })
      expect(method).toBe('POST')
      expect(Buffer.from(body, 'latin1')).toEqual(Buffer.from(ALL_BYTES))
      expect(env).toMatchObject({ CONTENT_TYPE: 'application/x-test', CONTENT_LENGTH: '256' })
    },
  },
  {
    name: 'a chunked body',
    run: async ({ ask, traits }) => {
      const question = { method: 'POST', body: [ALL_BYTES, ALL_BYTES, ALL_BYTES] }
      const answer = await ask('/c/echo.wasm', question)
      if (traits.refusesChunked.includes(answer.status)) return
      expect(answer).toMatchObject({ status: 200, ending: 'complete' })
      const { body }: Echo = JSON.parse(answer.text)
      expect(Buffer.from(body, 'latin1')).toEqual(Buffer.concat(question.body))
    },
  },
  {
    name: 'Status, redirects and cookies reach the client',
    run: async ({ ask, traits }) => {
      expect((await ask('/c/respond.wasm?kind=status&code=418')).status).toBe(418)
      const redirect = await ask('/c/respond.wasm?kind=redirect')
      expect(traits.redirect).toContain(redirect.status)
      expect(redirect.headers.location).toMatch(/\/moved$/)
      const location = await ask('/c/respond.wasm?kind=location')
      expect(location.status).toBe(302)
      expect(location.headers.location).toMatch(/\/moved$/)
      const cookies = await ask('/c/respond.wasm?kind=cookies')
      expect(cookies.headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2; Path=/'])
    },
  },
  {
    name: 'an answer is the same however much comes on standard error',
    run: async ({ ask }) => {
      for (const n of [1, 1009, 2000, 3975, 4000, 4082, 4096, 8192, 40_000]) {
        const answer = await ask(`/c/respond.wasm?kind=stderr&n=${n}`)
        expect(answer).toMatchObject({ status: 200, text: 'answered\n', ending: 'complete' })
      }
    },
  },
  {
    name: 'HEAD, 204, 205 and 304 have no body',
    run: async ({ ask }) => {
      const head = await ask('/c/hello.wasm', { method: 'HEAD' })
      expect(head).toMatchObject({ status: 200, text: '', ending: 'complete' })
      for (const code of [204, 205, 304]) {
        for (const length of ['', '&length=9', '&length=100']) {
          const answer = await ask(`/c/respond.wasm?kind=status&code=${code}${length}`)
          expect(answer).toMatchObject({ status: code, text: '', ending: 'complete' })
        }
      }
    },
  },
  {
    name: 'the length of a file that the web server was asked to send, and may not, is no fault',
    run: async ({ ask }) => {
      const answer = await ask('/c/respond.wasm?kind=sendfile&length=1000')
      expect(answer).toMatchObject({ status: 200, text: 'answered\n', ending: 'complete' })
    },
  },
  {
    name: 'framing of the guest’s own does not reach the client',
    run: async ({ ask }) => {
      const chunked = await ask('/c/respond.wasm?kind=chunked')
      expect(chunked).toMatchObject({ status: 200, text: 'answered\n', ending: 'complete' })
      expect((await ask('/c/respond.wasm?kind=early-hints')).status).toBeGreaterThanOrEqual(200)
    },
  },
  {
    name: 'requests at the same time each get their own answer',
    run: async ({ ask }) => {
      const bodies = Array.from({ length: CONCURRENT }, (_, index) => `body ${index} `.repeat(500))
      const answers = await Promise.all(
        bodies.map((body) =>
          ask('/c/echo.wasm', { method: 'POST', body: Buffer.from(body, 'latin1') }),
        ),
      )
      answers.forEach(({ status, text }, index) => {
        expect(status).toBe(200)
        const { body }: Echo = JSON.parse(text)
        expect(body).toBe(bodies[index])
      })
    },
  },
  {
    name: 'files of the image are read, /tmp is private, the image is not written',
    run: async ({ ask }) => {
      const read = await ask('/c/files.wasm?read=/greeting.txt')
      expect(read.text).toBe('greetings from the image\n')
      expect((await ask('/c/files.wasm?list=/folder')).text).toBe('one.txt\n')
      expect((await ask('/c/files.wasm?tmp=noted')).text).toBe('noted')
      expect((await ask('/c/files.wasm?read=/tmp/note.txt')).text).toMatch(/^cannot read/)
      expect((await ask('/c/files.wasm?write=/greeting.txt')).text).toMatch(/^cannot write/)
    },
  },
]

async function echo(
  ask: CaseContext['ask'],
  question: Parameters<CaseContext['ask']>[1],
): Promise<Echo> {
  const answer = await ask('/c/echo.wasm', question)
  expect(answer).toMatchObject({ status: 200, ending: 'complete' })
  return JSON.parse(answer.text)
}
