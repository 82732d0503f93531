import { expect, test } from 'vitest'
import { OutputReader } from '../../../src/store/publisher-output.ts'

const LIMITS = { talkBytes: 1000, moduleBytes: 10 }
const STEP = '{"event":"step","step":"verify","note":"é fine","found":{},"ms":1.5}\n'
const DIGEST = 'a'.repeat(64)

function done(bytes: unknown): string {
  return `{"event":"done","lifetime":"reset","hardened":{"digest":"${DIGEST}","bytes":${JSON.stringify(bytes)},"contract":1,"memoryMaxBytes":1,"functionBytes":1,"memories":1,"isResettable":true}}\n`
}

function read(chunks: readonly Uint8Array[]) {
  const notes: string[] = []
  const shares: number[] = []
  const reader = new OutputReader(LIMITS, {
    onStep: ({ note }) => notes.push(note),
    onProgress: ({ done, total }) => shares.push(done / total),
  })
  for (const chunk of chunks) reader.take(chunk)
  return { reader, notes, shares }
}

const GOOD = Buffer.from(`${STEP}${STEP}${done(4)}\n\n{"`)

test('steps, then a module, cut anywhere', () => {
  for (let cut = 0; cut <= GOOD.length; cut += 1) {
    const { reader, notes } = read([GOOD.subarray(0, cut), GOOD.subarray(cut)])
    expect(notes).toEqual(['é fine', 'é fine'])
    expect(Buffer.from(reader.module ?? []).toString()).toBe('\n\n{"')
  }
  const single = [...GOOD].map((byte) => Uint8Array.of(byte))
  expect(read(single).reader.done?.hardened.bytes).toBe(4)
})

test('how far hardening is', () => {
  const text =
    '{"event":"progress","step":"harden","done":1,"total":4}\n{"event":"progress","step":"harden","done":3,"total":4}\n'
  expect(read([Buffer.from(text)]).shares).toEqual([0.25, 0.75])
})

test('a module that was cut short is none', () => {
  const { reader } = read([GOOD.subarray(0, -1)])
  expect(reader.done).toBeDefined()
  expect(reader.module).toBeUndefined()
})

test('a failure is handed on', () => {
  const text =
    '{"event":"failed","step":"harden","error":{"code":"WASM_X","message":"m","details":{}}}\n'
  expect(read([Buffer.from(text)]).reader.failure?.error.code).toBe('WASM_X')
})

const REFUSED = [
  { name: 'no JSON', text: 'hello\n', code: 'STORE_PUBLISHER_FAILED' },
  { name: 'null', text: 'null\n', code: 'STORE_PUBLISHER_FAILED' },
  { name: 'another event', text: '{"event":"bye"}\n', code: 'STORE_PUBLISHER_FAILED' },
  { name: 'half a step', text: '{"event":"step"}\n', code: 'STORE_PUBLISHER_FAILED' },
  {
    name: 'a failure without a code',
    text: '{"event":"failed","step":"x","error":{}}\n',
    code: 'STORE_PUBLISHER_FAILED',
  },
  {
    name: 'a lifetime that is none',
    text: done(4).replace('reset', 'for ever'),
    code: 'STORE_PUBLISHER_FAILED',
  },
  { name: 'a size that is none', text: done('4'), code: 'STORE_PUBLISHER_FAILED' },
  { name: 'a size below nothing', text: done(-1), code: 'STORE_PUBLISHER_FAILED' },
  { name: 'half a byte', text: done(0.5), code: 'STORE_PUBLISHER_FAILED' },
  {
    name: 'a share of something else',
    text: '{"event":"progress","step":"probe","done":1,"total":2}\n',
    code: 'STORE_PUBLISHER_FAILED',
  },
  {
    name: 'a share that is none',
    text: '{"event":"progress","step":"harden","done":"1","total":2}\n',
    code: 'STORE_PUBLISHER_FAILED',
  },
  { name: 'more than was said', text: `${done(4)}12345`, code: 'STORE_PUBLISHER_FAILED' },
  { name: 'too large a module', text: done(11), code: 'STORE_LIMIT_EXCEEDED' },
  { name: 'a line without end', text: 'x'.repeat(1001), code: 'STORE_LIMIT_EXCEEDED' },
  { name: 'too many lines', text: STEP.repeat(20), code: 'STORE_LIMIT_EXCEEDED' },
]

test.for(REFUSED)('$name is refused', ({ text, code }) => {
  expect(() => read([Buffer.from(text)])).toThrow(expect.objectContaining({ code }))
})
