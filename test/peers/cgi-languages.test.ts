/** A CGI script answers the same under wasm-fpm's runtime as under the machine's own interpreter, behind the same nginx. */
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CgiLanguage,
  type CgiSides,
  haveCgiSides,
  startCgiSides,
} from '../support/peers/cgi-sides.ts'
import { type Answer, ask, type Question } from '../support/peers/http-client.ts'

const LANGUAGES: readonly CgiLanguage[] = [
  { name: 'lua', program: 'lua5.4', extension: '.lua' },
  { name: 'ruby', program: 'ruby', extension: '.rb' },
  { name: 'perl', program: 'perl', extension: '.pl' },
]

interface Step extends Question {
  readonly path: string
}

/** Of a script that tells what it is told, and what the language makes of this and that. */
const STEPS: readonly Step[] = [
  { path: '/tell?x=1&y=%20' },
  { path: '/tell/some/path%20info' },
  { path: '/tell', method: 'POST', body: Buffer.from('a=b&c=d\nsecond line') },
  { path: '/tell', method: 'POST', body: Buffer.alloc(300_000, 'x') },
]

/** The parts of an answer that are to be the same. */
function comparable({ status, headers, text, ending }: Answer): unknown {
  const { date, connection, server, 'x-request-id': id, ...sent } = headers
  const { 'content-length': length, 'transfer-encoding': encoding, ...fields } = sent
  return { status, ending, fields, text }
}

for (const language of LANGUAGES) {
  describe.skipIf(!haveCgiSides(language))(language.name, () => {
    let sides: CgiSides
    beforeAll(async () => {
      sides = await startCgiSides(resolve('test/support', language.name), language)
    }, 90_000)
    afterAll(() => sides.stop())

    for (const { path, ...question } of STEPS) {
      test(`${question.method ?? 'GET'} ${path} ${question.body === undefined ? '' : 'with a body'}`, async () => {
        const own = path.replace('/tell', `/tell${language.extension}`)
        const headers = { Host: 'site.example', Cookie: 'c=1' }
        const expected = await ask(sides.ports.fcgiwrap, own, { ...question, headers })
        const actual = await ask(sides.ports['wasm-fpm'], own, { ...question, headers })
        expect(expected.status, expected.text).toBe(201)
        expect(comparable(actual), sides.logs('wasm-fpm')).toEqual(comparable(expected))
      })
    }
  })
}
