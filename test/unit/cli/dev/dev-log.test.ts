import { expect, test } from 'vitest'
import { DevLog } from '../../../../src/cli/dev/dev-log.ts'
import { printEntry } from '../../../../src/cli/logs/print-entry.ts'

function shown(...chunks: readonly (string | Buffer)[]): string {
  let text = ''
  const log = new DevLog((entry) => {
    text += printEntry(entry)
  })
  const writer = {}
  for (const chunk of chunks) log.write(writer, Buffer.from(chunk as string))
  return text
}

function line(fields: object): string {
  return `${JSON.stringify(fields)}\n`
}

const REQUEST = { level: 30, msg: 'access', requestId: 'r', tenant: 'dev', status: 200, uri: '/' }

test('requests, standard error and warnings are shown, without whose they are', () => {
  expect(shown(line({ ...REQUEST, method: 'GET' }))).toMatch(/^GET \/ -> 200 in /)
  const said = { level: 30, msg: 'hello', stream: 'stderr', requestId: 'r', handler: 'dev' }
  expect(shown(line(said))).toBe('stderr: hello\n')
  expect(shown(line({ level: 40, msg: 'bad', tenant: 'dev', pool: 'dev' }))).toBe('warn: bad\n')
})

test('what the server has to say about itself is not', () => {
  expect(shown(line({ level: 30, msg: 'releases switched', tenant: 'dev' }), '\n')).toBe('')
})

test('what is not ours is shown as it is', () => {
  expect(shown('Segmentation fault\x07\n')).toBe('Segmentation fault?\n')
})

test('lines that come in pieces, cut in the middle of a character', () => {
  const bytes = Buffer.from(line({ level: 40, msg: 'größer' }))
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    expect(shown(bytes.subarray(0, cut), bytes.subarray(cut))).toBe('warn: größer\n')
  }
})

test('two workers at once do not mix', () => {
  let text = ''
  const log = new DevLog((entry) => {
    text += printEntry(entry)
  })
  const [one, two] = [{}, {}]
  log.write(one, Buffer.from('{"level":40,'))
  log.write(two, Buffer.from('{"level":50,"msg":"two"}\n'))
  log.write(one, Buffer.from('"msg":"one"}\n'))
  expect(text).toBe('error: two\nwarn: one\n')
})
