import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findCredentials, readCredentials } from '../../../src/oci/credentials.ts'
import { DEFAULT_OCI_LIMITS } from '../../../src/oci/limits.ts'

// printf 'deploy:se:cret' | base64
const AUTH = 'ZGVwbG95OnNlOmNyZXQ='
const DEPLOY = { username: 'deploy', password: 'se:cret' }

const CASES: readonly (readonly [
  name: string,
  auths: unknown,
  registry: string,
  wanted: unknown,
])[] = [
  ['by host and port', { 'r.example:5000': { auth: AUTH } }, 'r.example:5000', DEPLOY],
  ['another port', { 'r.example:5001': { auth: AUTH } }, 'r.example:5000', undefined],
  ['no port', { 'r.example': { auth: AUTH } }, 'r.example:5000', undefined],
  ['a host that ends the same', { 'evil-r.example': { auth: AUTH } }, 'r.example', undefined],
  ['as an address', { 'https://r.example/v1/': { auth: AUTH } }, 'r.example', DEPLOY],
  ['upper case', { 'R.Example': { auth: AUTH } }, 'r.example', DEPLOY],
  ['the hub', { 'https://index.docker.io/v1/': { auth: AUTH } }, 'docker.io', DEPLOY],
  [
    'in two fields',
    { 'r.example': { username: 'deploy', password: 'se:cret' } },
    'r.example',
    DEPLOY,
  ],
  ['left empty for a helper', { 'r.example': {} }, 'r.example', undefined],
  ['no name', { 'r.example': { auth: 'OnNlY3JldA==' } }, 'r.example', undefined],
  ['no text', { 'r.example': { auth: 7 } }, 'r.example', undefined],
  ['no table', { 'r.example': 'x' }, 'r.example', undefined],
  ['nobody', undefined, 'r.example', undefined],
  ['a list', ['r.example'], 'r.example', undefined],
]

test.each(CASES)('%s', (_name, auths, registry, wanted) => {
  expect(readCredentials(JSON.stringify({ auths }), registry, 'file')).toEqual(wanted)
})

test('what is no JSON is an error that does not repeat it', () => {
  const read = () => readCredentials('{"auths": "SECRET', 'r.example', '/x/config.json')
  expect(read).toThrowError(expect.objectContaining({ code: 'OCI_BAD_CREDENTIALS' }))
  expect(read).not.toThrow(/SECRET/)
})

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-oci-credentials-'))
})
afterEach(() => rmSync(root, { recursive: true }))

test('the file is where docker has it', async () => {
  const text = JSON.stringify({ auths: { 'r.example': { auth: AUTH } } })
  expect(await findCredentials('r.example', { HOME: root })).toBeUndefined()
  mkdirSync(join(root, '.docker'))
  writeFileSync(join(root, '.docker/config.json'), text)
  expect(await findCredentials('r.example', { HOME: root })).toEqual(DEPLOY)
  expect(await findCredentials('r.example', { HOME: root, DOCKER_CONFIG: root })).toBeUndefined()
  writeFileSync(join(root, 'config.json'), text)
  expect(await findCredentials('r.example', { DOCKER_CONFIG: root })).toEqual(DEPLOY)
  const limits = { ...DEFAULT_OCI_LIMITS, credentialsBytes: text.length - 1 }
  await expect(findCredentials('r.example', { DOCKER_CONFIG: root }, limits)).rejects.toMatchObject(
    {
      code: 'OCI_LIMIT_EXCEEDED',
      details: { limit: 'credentialsBytes' },
    },
  )
})
