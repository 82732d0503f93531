import { expect, test } from 'vitest'
import { ScriptMemory } from '../../../src/gateway/script-memory.ts'

const RULES = { documentRoot: '/srv/www', extensions: ['.wasm'], indexes: ['index.wasm'] }

const SAID = {
  SCRIPT_FILENAME: '/srv/www/a.wasm',
  SCRIPT_NAME: '/a.wasm',
  DOCUMENT_ROOT: '/srv/www',
} as const

const find = (memory: ScriptMemory, said: Record<string, string>) =>
  memory.find(new Map(Object.entries(said)))

test('what was said before has the same meaning, and is not worked out again', () => {
  const memory = new ScriptMemory(RULES)
  const first = find(memory, SAID)
  expect(first).toMatchObject([{ scriptPath: 'a.wasm', paths: { scriptFilename: '/a.wasm' } }])
  expect(find(memory, { ...SAID, QUERY_STRING: 'other' })).toBe(first)
})

const OTHERS = [
  { name: 'SCRIPT_FILENAME', value: '/srv/www/b.wasm' },
  { name: 'SCRIPT_NAME', value: '/x/a.wasm' },
  { name: 'PATH_INFO', value: '/more' },
  { name: 'DOCUMENT_ROOT', value: '/srv/other' },
]

for (const { name, value } of OTHERS) {
  test(`another ${name} is worked out`, () => {
    const memory = new ScriptMemory(RULES)
    const first = find(memory, SAID)
    const said = { ...SAID, [name]: value }
    expect(find(memory, said)).not.toBe(first)
    expect(find(memory, said)).toEqual(find(new ScriptMemory(RULES), said))
    expect(find(memory, SAID)).toBe(first)
  })
}

test('a path that may not be is refused each time', () => {
  const memory = new ScriptMemory(RULES)
  const said = { ...SAID, SCRIPT_FILENAME: '/srv/www/../a.wasm' }
  for (const _ of [1, 2]) {
    expect(() => find(memory, said)).toThrow(expect.objectContaining({ code: 'CGI_BAD_PATH' }))
  }
})

test('few meanings are kept, and none of long paths', () => {
  const memory = new ScriptMemory(RULES)
  const first = find(memory, SAID)
  for (let index = 0; index < 4; index += 1) find(memory, { ...SAID, PATH_INFO: `/${index}` })
  expect(find(memory, SAID)).not.toBe(first)
  const long = { ...SAID, PATH_INFO: `/${'x'.repeat(2000)}` }
  expect(find(memory, long)).not.toBe(find(memory, long))
})
