import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findCredentials, readCredentials, readHelper } from '../../../src/oci/find-credentials.ts'
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

function find(environment: Readonly<Record<string, string>>, limits = DEFAULT_OCI_LIMITS) {
  return findCredentials('r.example', { environment, limits })
}

test('the file is where docker has it', async () => {
  const text = JSON.stringify({ auths: { 'r.example': { auth: AUTH } } })
  expect(await find({ HOME: root })).toBeUndefined()
  mkdirSync(join(root, '.docker'))
  writeFileSync(join(root, '.docker/config.json'), text)
  expect(await find({ HOME: root })).toEqual(DEPLOY)
  expect(await find({ HOME: root, DOCKER_CONFIG: root })).toBeUndefined()
  writeFileSync(join(root, 'config.json'), text)
  expect(await find({ DOCKER_CONFIG: root })).toEqual(DEPLOY)
  const limits = { ...DEFAULT_OCI_LIMITS, credentialsBytes: text.length - 1 }
  await expect(find({ DOCKER_CONFIG: root }, limits)).rejects.toMatchObject({
    code: 'OCI_LIMIT_EXCEEDED',
    details: { limit: 'credentialsBytes' },
  })
})

const HELPERS: readonly (readonly [
  name: string,
  config: unknown,
  registry: string,
  wanted: string | undefined,
])[] = [
  ['its own', { credHelpers: { 'r.example': 'own' }, credsStore: 'all' }, 'r.example', 'own'],
  ['the one for all', { credHelpers: { 'r.example': 'own' }, credsStore: 'all' }, 'x', 'all'],
  ['of the hub', { credHelpers: { 'index.docker.io': 'hub' } }, 'docker.io', 'hub'],
  ['another port', { credHelpers: { 'r.example:1': 'own' } }, 'r.example', undefined],
  [
    'its own is none',
    { credHelpers: { 'r.example': '' }, credsStore: 'all' },
    'r.example',
    undefined,
  ],
  ['no text', { credsStore: 7 }, 'r.example', undefined],
  ['no table', [], 'r.example', undefined],
  ['nothing', null, 'r.example', undefined],
]

test.each(HELPERS)('helper: %s', (_name, config, registry, wanted) => {
  expect(readHelper(JSON.stringify(config), registry, 'file')).toBe(wanted)
})

/** A helper program that does what `script` says. */
function putHelper(name: string, script: string): void {
  const file = join(root, `docker-credential-${name}`)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
}

function helperOf(script: string, config: object = {}, limits = DEFAULT_OCI_LIMITS) {
  putHelper('fake', script)
  writeFileSync(join(root, 'config.json'), JSON.stringify({ credsStore: 'fake', ...config }))
  return find({ DOCKER_CONFIG: root, PATH: `${root}:${process.env['PATH']}`, MARK: 'mine' }, limits)
}

const ANSWER = `'{"ServerURL":"r.example","Username":"deploy","Secret":"se:cret"}'`

test('a helper is asked for the registry, on standard input', async () => {
  const script = `test "$#$1" = 1get && test "$(cat)" = r.example && test $MARK = mine && echo ${ANSWER}`
  expect(await helperOf(script)).toEqual(DEPLOY)
})

test('the hub has the name that docker gives it', async () => {
  const script = `test "$(cat)" = https://index.docker.io/v1/ && echo ${ANSWER}`
  await expect(helperOf(script)).rejects.toMatchObject({ code: 'OCI_CREDENTIAL_HELPER' })
  const environment = { DOCKER_CONFIG: root, PATH: `${root}:${process.env['PATH']}` }
  expect(await findCredentials('docker.io', { environment })).toEqual(DEPLOY)
})

test('what a helper does not know may be in the file', async () => {
  const script = 'cat > /dev/null; echo credentials not found in native keychain; exit 1'
  expect(await helperOf(script)).toBeUndefined()
  expect(await helperOf(script, { auths: { 'r.example': { auth: AUTH } } })).toEqual(DEPLOY)
})

const BAD_HELPERS = [
  { name: 'fails', script: 'echo no keychain here; exit 1', says: /with 1 \(no keychain here\)/ },
  { name: 'is killed', script: 'kill -9 $$', says: /with SIGKILL/ },
  { name: 'prints no JSON', script: 'echo SECRET', says: /something else/ },
  { name: 'has no secret', script: `echo '{"Username":"SECRET"}'`, says: /something else/ },
  {
    name: 'has a token',
    script: `echo '{"Username":"<token>","Secret":"SECRET"}'`,
    says: /identity token/,
  },
]

test.each(BAD_HELPERS)('a helper that $name', async ({ script, says }) => {
  const failure = helperOf(script)
  await expect(failure).rejects.toMatchObject({ code: 'OCI_CREDENTIAL_HELPER' })
  await expect(failure).rejects.toThrow(says)
  await expect(failure).rejects.not.toThrow(/SECRET/)
})

test('a helper that is not there, and one whose name is a path', async () => {
  await expect(helperOf('', { credsStore: 'missing' })).rejects.toMatchObject({
    code: 'OCI_CREDENTIAL_HELPER',
    message: expect.stringContaining('docker-credential-missing: it cannot be run (ENOENT)'),
  })
  for (const name of ['../fake', 'a b', 'Fake', '-', '$(id)', 'a'.repeat(1000)]) {
    const failure = helperOf(`echo ${ANSWER}`, { credsStore: name })
    const code = name === '-' ? 'OCI_CREDENTIAL_HELPER' : 'OCI_BAD_CREDENTIALS'
    await expect(failure, name).rejects.toMatchObject({ code })
  }
})

test('a helper that says too much, or takes too long', async () => {
  const limits = { ...DEFAULT_OCI_LIMITS, helperBytes: 1000, helperMs: 300 }
  await expect(helperOf('yes', {}, limits)).rejects.toMatchObject({
    code: 'OCI_LIMIT_EXCEEDED',
    details: { limit: 'helperBytes', wanted: 1000 },
  })
  await expect(helperOf('sleep 30', {}, limits)).rejects.toMatchObject({
    code: 'OCI_TIMEOUT',
    details: { limit: 'helperMs' },
  })
})
