/** Whatever a client puts into a request, no form of the status page lets it out of its field (CVE-2026-6735). */
import { expect, test } from 'vitest'
import { statusResponse } from '../../../../src/gateway/status/status-response.ts'
import { IDLE, STATUS } from './sample-status.ts'

const EVIL = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '","state":"Idle',
  '</request-uri></process><process>',
  ']]>',
  '\\',
  '\\"',
  '\n************************\npid: 1',
  '\r\nX: y',
  '\x1b[2J\x00\x7f\x9b',
  '\u2028\u202e',
  '\ud800',
  '&lt;',
  '# EOF\nphpfpm_up 0',
]

function ask(evil: string, query: string): string {
  const hostile = { requestUri: evil, requestMethod: evil, user: evil, script: evil }
  const status = { ...STATUS, processes: [{ ...IDLE, ...hostile }] }
  const text = Buffer.from(statusResponse(status, { query, method: 'GET' })).toString('utf8')
  return text.slice(text.indexOf('\r\n\r\n') + 4)
}

for (const evil of EVIL) {
  test(`JSON keeps ${JSON.stringify(evil)} in its string`, () => {
    const page = ask(evil, 'json&full')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    expect(page).not.toMatch(/[\x00-\x1f\x7f-\uffff]|<\//)
    const [instance] = JSON.parse(page).processes
    for (const name of ['request uri', 'request method', 'user', 'script']) {
      expect(instance[name]).toBe(evilAsText(evil))
    }
    expect(Object.keys(instance)).toHaveLength(13)
  })

  test(`text keeps ${JSON.stringify(evil)} on its line`, () => {
    const page = ask(evil, 'full')
    expect(page.split('\n')).toHaveLength(ask('/x', 'full').split('\n').length)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    expect(page).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]/)
  })

  for (const form of ['html', 'xml']) {
    test(`${form} keeps ${JSON.stringify(evil)} in its element`, () => {
      const page = ask(evil, `${form}&full`)
      const tags = (text: string) => [...text.matchAll(/<[^>]*>/g)].map(([tag]) => tag)
      expect(tags(page)).toEqual(tags(ask('/x', `${form}&full`)))
      expect(page).not.toMatch(/&(?!(?:amp|lt|gt|quot);)/)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
      expect(page).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
    })
  }

  test(`OpenMetrics shows nothing of ${JSON.stringify(evil)}`, () => {
    expect(ask(evil, 'openmetrics&full')).toBe(ask('/x', 'openmetrics'))
  })
}

test('bytes of UTF-8 come out as the text they are', () => {
  expect(JSON.parse(ask('/caf\xc3\xa9', 'json&full')).processes[0].user).toBe('/café')
  expect(ask('/caf\xc3\xa9', 'full')).toContain('user:                 /café\n')
})

/** Bytes that are no UTF-8, and halves of pairs, cannot be said in JSON. */
function evilAsText(evil: string): string {
  return evil.replace('\x9b', '\ufffd').replace('\ud800', '\ufffd')
}
