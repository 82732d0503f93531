/** Lines of a turn go out together, in writes that a pipe keeps in one piece, and none is lost at the end. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inBatches } from '../../../src/base/line-batch.ts'

const MODULE = join(import.meta.dirname, '../../../src/base/line-batch.ts')

function setUp() {
  const writes: string[] = []
  const { write } = inBatches({ write: (lines) => writes.push(lines) })
  return { writes, write }
}

test('lines of a turn are one write, those of the next turn another', async () => {
  const { writes, write } = setUp()
  write('a\n')
  write('b\n')
  expect(writes).toEqual([])
  await new Promise(setImmediate)
  expect(writes).toEqual(['a\nb\n'])
  write('c\n')
  await new Promise(setImmediate)
  expect(writes).toEqual(['a\nb\n', 'c\n'])
})

test('a write has 4096 bytes at most, and a longer line is written alone', async () => {
  const { writes, write } = setUp()
  const line = `${'é'.repeat(1000)}\n`
  const long = `${'x'.repeat(9000)}\n`
  for (const each of [line, line, line, long, line]) write(each)
  await new Promise(setImmediate)
  expect(writes).toEqual([line + line, line, long, line])
})

test.each([
  { end: 'process.exit(0)', status: 0 },
  { end: 'throw new Error()', status: 1 },
])('what was written before $end comes out', ({ end, status }) => {
  const program = `import { inBatches } from ${JSON.stringify(MODULE)}
    inBatches({ write: (lines) => process._rawDebug(lines) }).write('last words\\n')
    ${end}`
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', program])
  expect(result.stderr.toString()).toContain('last words')
  expect(result.status).toBe(status)
})
