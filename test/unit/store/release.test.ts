import { expect, test } from 'vitest'
import { canonicalJson } from '../../../src/store/canonical-json.ts'
import { digestOf } from '../../../src/store/digest.ts'
import {
  decodeListing,
  decodeRelease,
  encodeListing,
  encodeRelease,
  type Release,
} from '../../../src/store/release.ts'
import { decodeEntry, decodeState } from '../../../src/store/tenant-state.ts'

const SOME = 'a'.repeat(64)

const RELEASE: Release = {
  format: 1,
  manifest: {
    name: 'main',
    abi: 'cgi',
    routes: [{ path: '/' }],
    env: { B: '2', A: '1' },
    limits: {},
    probe: { method: 'GET', path: '/', headers: {}, body: '' },
  },
  original: { digest: SOME, bytes: 1 },
  hardened: {
    digest: SOME,
    bytes: 2,
    contract: 1,
    memoryMaxBytes: 65_536,
    memories: 1,
    isResettable: true,
  },
}

test('JSON has one spelling', () => {
  expect(canonicalJson({ b: [1, { d: null, c: 'x"' }], a: undefined, A: true })).toBe(
    '{"A":true,"b":[1,{"c":"x\\"","d":null}]}\n',
  )
})

test('a release is what its digest says, whatever the order it was made in', () => {
  const { bytes, digest } = encodeRelease(RELEASE)
  expect(digest).toBe(digestOf(bytes))
  expect(decodeRelease(bytes, digest)).toEqual(RELEASE)
  const { hardened, ...rest } = RELEASE
  expect(encodeRelease({ hardened, ...rest }).digest).toBe(digest)
})

test('every changed byte of a record is noticed', () => {
  const { bytes, digest } = encodeRelease(RELEASE)
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Uint8Array.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(() => decodeRelease(changed, digest)).toThrow('wanted the same')
  }
})

test('a record of a format to come is refused', () => {
  const bytes = Buffer.from('{"format":3}\n')
  expect(() => decodeRelease(bytes, digestOf(bytes))).toThrow('format 3, wanted 1 or 2')
})

test('a listing is sorted, and names may have anything in them', () => {
  const files = [
    { path: 'b c\n"d"', digest: SOME, bytes: 7 },
    { path: 'a/é', digest: SOME, bytes: 0 },
  ]
  const bytes = encodeListing(files)
  expect(Buffer.from(bytes).toString()).toBe(`${SOME} 0 "a/é"\n${SOME} 7 "b c\\n\\"d\\""\n`)
  expect(decodeListing(bytes, digestOf(bytes))).toEqual(files.toReversed())
  expect(() => decodeListing(bytes, SOME)).toThrow('another digest')
})

const NO_STATES = [
  '',
  'null',
  '[]',
  '{"format":2,"sequence":1,"handlers":{}}',
  '{"format":1,"sequence":-1,"handlers":{}}',
  '{"format":1,"sequence":1}',
  '{"format":1,"sequence":1,"handlers":{"../x":{"release":"a"}}}',
  '{"format":1,"sequence":1,"handlers":{"x":{"release":"../../etc"}}}',
  '{"format":1,"sequence":1,"handlers":{"x":null}}',
]

test.for(NO_STATES)('%s is no pointer and no entry', (text) => {
  expect(() => decodeState(Buffer.from(text), 'it')).toThrow('Cannot read it')
  expect(() => decodeEntry(Buffer.from(text), 'it')).toThrow('Cannot read it')
})
