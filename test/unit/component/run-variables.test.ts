/** The variables of a run, out of strings, out of bytes, and as the request has put them into a block. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import type { TextBlock } from '../../../src/base/text-block.ts'
import { RunVariables } from '../../../src/component/host/run-variables.ts'
import { TextPairs } from '../../../src/component/value.ts'

const ENV = ['A=1', 'BA=2', 'QUERY=a=b&c', 'NONE=', 'LATIN=\xc3\xa4', 'BROKEN=\xff']
const AS_BYTES = ENV.map((entry) => Buffer.from(entry, 'latin1'))
const PUT = {
  env: [],
  putEnv(into: TextBlock): void {
    assert.equal(this, PUT)
    for (const entry of ENV) into.putText(Buffer.from(entry, 'latin1'), '')
  },
}

test.each([
  { name: 'strings', granted: { env: ENV } },
  { name: 'bytes', granted: { env: AS_BYTES } },
  { name: 'a block', granted: PUT },
])('out of $name', ({ granted }) => {
  const variables = new RunVariables(granted)
  assert.deepEqual(
    ['A', 'BA', 'QUERY', 'NONE', 'LATIN', 'B', ''].map((name) => variables.get(name)),
    ['1', '2', 'a=b&c', '', '\xc3\xa4', undefined, undefined],
  )
  const pairs = ENV.map((entry) => [
    entry.slice(0, entry.indexOf('=')),
    entry.slice(entry.indexOf('=') + 1),
  ])
  assert.deepEqual(variables.pairs(), pairs)
  const texts = variables.texts()
  assert(Array.isArray(texts))
  assert.deepEqual(texts.slice(3), [
    ['NONE', ''],
    ['LATIN', 'ä'],
    ['BROKEN', '\ufffd'],
  ])
})

test('of ASCII the texts are bytes, the same each time', () => {
  const env = ['A=1', 'BA=2', 'QUERY=a=b&c', 'NONE=', '=', `LONG=${'x'.repeat(300)}`]
  const variables = new RunVariables({ env })
  const texts = variables.texts()
  assert(texts instanceof TextPairs)
  const all = Buffer.from(texts.bytes)
  assert.deepEqual(
    texts.ends.map((end, index) => all.toString('latin1', texts.starts[index], end)),
    env.flatMap((entry) => [
      entry.slice(0, entry.indexOf('=')),
      entry.slice(entry.indexOf('=') + 1),
    ]),
  )
  assert.equal(variables.texts(), texts)
})

test('of what comes twice there is the last', () => {
  const variables = new RunVariables({ env: ['A=1', 'B=2', 'A=3'] })
  assert.deepEqual(variables.pairs(), [
    ['A', '3'],
    ['B', '2'],
  ])
})

test('of nothing, and of no run', () => {
  for (const granted of [undefined, { env: [] }]) {
    const variables = new RunVariables(granted)
    assert.deepEqual(variables.pairs(), [])
    assert.deepEqual(variables.texts(), new TextPairs(Buffer.alloc(1), [], []))
    assert.equal(variables.get('A'), undefined)
  }
})
