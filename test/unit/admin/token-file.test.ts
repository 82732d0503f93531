import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { mintToken, type TokenRecord } from '../../../src/admin/bearer-token.ts'
import { TokenFile } from '../../../src/admin/token-file.ts'
import { systemClock } from '../../../src/base/clock.ts'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-tokens-'))
  path = join(folder, 'below', 'tokens.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

const open = (maxTokens = 100): TokenFile => new TokenFile(path, { clock: systemClock, maxTokens })

function record(name: string): TokenRecord {
  return mintToken({ name, tenant: 'acme', scopes: ['read'], nowMs: 0, lifeMs: 1000 }).record
}

test('what one adds the other finds, until it is revoked', async () => {
  const [one, other] = [open(), open()]
  expect(await other.list()).toEqual([])
  const [a, b] = [record('a'), { ...record('b'), tenant: undefined, expiresAt: undefined }]
  await one.add(a)
  expect(await other.list()).toEqual([a])
  await other.add(b)
  expect(await one.list()).toEqual([a, b])
  expect(await one.find(b.id)).toEqual(b)
  expect(await one.find('000000000000')).toBeUndefined()
  expect(await other.remove(a.id)).toEqual(a)
  expect(await one.find(a.id)).toBeUndefined()
  await expect(one.remove(a.id)).rejects.toMatchObject({ code: 'ADMIN_UNKNOWN_TOKEN' })
})

test('only its owner may read it, and nothing is left beside it', async () => {
  await open().add(record('a'))
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(`${path}.lock`).mode & 0o777).toBe(0o700)
  expect(readdirSync(join(folder, 'below')).sort()).toEqual(['tokens.json', 'tokens.json.lock'])
})

test('many at once lose none', async () => {
  const records = Array.from({ length: 12 }, (_, index) => record(`t${index}`))
  await Promise.all(records.map((one) => open().add(one)))
  const names = (await open().list()).map(({ name }) => name).sort()
  expect(names).toEqual(records.map(({ name }) => name).sort())
})

test('more than there may be are refused, and the others stay', async () => {
  const file = open(2)
  await file.add(record('a'))
  await file.add(record('b'))
  await expect(file.add(record('c'))).rejects.toMatchObject({ code: 'ADMIN_TOO_MANY_TOKENS' })
  expect((await file.list()).map(({ name }) => name)).toEqual(['a', 'b'])
})

const BAD = [
  { name: 'no JSON', text: '{' },
  { name: 'nothing', text: '' },
  { name: 'another format', text: '{"format":2,"tokens":[]}' },
  { name: 'a scope that is none', text: JSON.stringify(withToken({ scopes: ['root'] })) },
  { name: 'a hash that is none', text: JSON.stringify(withToken({ hash: 'x' })) },
]

test.for(BAD)('a file with $name lets nobody in and is not written over', async ({ text }) => {
  await open().add(record('a'))
  writeFileSync(path, text)
  const file = open()
  await expect(file.find('0123456789ab')).rejects.toMatchObject({ code: 'ADMIN_TOKEN_FILE' })
  await expect(file.add(record('b'))).rejects.toMatchObject({ code: 'ADMIN_TOKEN_FILE' })
  expect(readFileSync(path, 'utf8')).toBe(text)
})

test.for([0o620, 0o602])('a file that others may write to (%o) lets nobody in', async (mode) => {
  await open().add(record('a'))
  chmodSync(path, mode)
  await expect(open().list()).rejects.toMatchObject({ code: 'ADMIN_TOKEN_FILE' })
})

test('a link is no file of tokens', async () => {
  const real = join(folder, 'real.json')
  writeFileSync(real, '{"format":1,"tokens":[]}', { mode: 0o600 })
  path = join(folder, 'link.json')
  symlinkSync(real, path)
  await expect(open().list()).rejects.toMatchObject({ code: 'ADMIN_TOKEN_FILE' })
})

test('a draft of somebody who was killed is in nobody’s way', async () => {
  await open().add(record('a'))
  writeFileSync(`${path}.new`, 'half')
  await open().add(record('b'))
  expect(await open().list()).toHaveLength(2)
  expect(existsSync(`${path}.new`)).toBe(false)
})

function withToken(changes: object): object {
  return { format: 1, tokens: [{ ...record('a'), ...changes }] }
}
