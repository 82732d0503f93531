/** Pushing to and pulling from a real registry. */
import { execFileSync } from 'node:child_process'
import { createHash, sign, X509Certificate } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { pullArtifact } from '../../../src/oci/pull-artifact.ts'
import { type PushOptions, pushArtifact } from '../../../src/oci/push-artifact.ts'
import type { TransferProgress } from '../../../src/oci/transfer.ts'
import { type FakeRegistry, startFake } from './fake-registry.ts'
import { hasRegistry, type Registry, startRegistry, USER } from './registry.ts'

/** `\0asm`, version 1, and a custom section of the name and contents `a`. */
const MODULE = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, 3, 1, 0x61, 0x61])
const OPTIONS = { clock: systemClock }

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-oci-'))
  mkdirSync(join(root, 'in'))
})
afterEach(() => rmSync(root, { recursive: true }))

function put(path: string, contents: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), contents)
}

const LONG = 'l'.repeat(120)

/** A folder with everything that travels, and with what does not. */
function putShop(folder = 'shop'): string {
  put(`${folder}/build/app.wasm`, MODULE)
  put(`${folder}/wasm-fpm.json`, '{"module":"build/app.wasm","files":"public"}')
  put(`${folder}/public/index.html`, 'hello\n')
  put(`${folder}/public/deep/er/zeichen-äöü.txt`, 'ü')
  put(`${folder}/public/${LONG}/${LONG}.css`, '')
  put(`${folder}/public/big.bin`, Buffer.alloc(700_001, 'wasm-fpm '))
  put(`${folder}/.env`, 'SECRET=1')
  put(`${folder}/src/main.c`, 'int main;')
  return join(root, folder)
}

/** Path to contents of all files below a folder. */
function filesOf(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
  return Object.fromEntries(
    paths
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort()
      .map((path) => [path.slice(folder.length + 1), sha256(readFileSync(path))]),
  )
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function manifestOf(registry: Registry, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(`http://${registry.host}/v2/${path}`, {
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  })
  expect(response.headers.get('content-type')).toBe('application/vnd.oci.image.manifest.v1+json')
  return (await response.json()) as Record<string, unknown>
}

describe.runIf(hasRegistry())('docker-registry', () => {
  let registry: Registry
  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry.stop())

  const push = (source: string, path: string, options: Partial<PushOptions> = {}) =>
    pushArtifact(source, `oci://${registry.host}/${path}`, { ...OPTIONS, ...options })
  const pull = (path: string) =>
    pullArtifact(`oci://${registry.host}/${path}`, join(root, 'in'), OPTIONS)

  test('a module alone is an artifact as wasm tools make it', async () => {
    put('hello.wasm', MODULE)
    const pushed = await push(join(root, 'hello.wasm'), 'tools/hello:v1')
    const manifest = await manifestOf(registry, 'tools/hello/manifests/v1')
    const module = `sha256:${sha256(MODULE)}`
    expect(manifest).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {
        mediaType: 'application/vnd.wasm.config.v0+json',
        digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        size: expect.any(Number),
      },
      layers: [
        {
          mediaType: 'application/wasm',
          digest: module,
          size: MODULE.length,
          annotations: { 'org.opencontainers.image.title': 'hello.wasm' },
        },
      ],
      annotations: { 'org.opencontainers.image.created': '1970-01-01T00:00:00.000Z' },
    })
    const { digest: config } = manifest['config'] as { readonly digest: string }
    const url = `http://${registry.host}/v2/tools/hello/blobs/${config}`
    expect(await (await fetch(url)).json()).toEqual({
      created: '1970-01-01T00:00:00.000Z',
      architecture: 'wasm',
      os: 'wasip1',
      layerDigests: [module],
    })
    const pulled = await pull('tools/hello:v1')
    expect(pulled).toEqual({
      digest: pushed.digest,
      path: join(root, 'in', 'hello.wasm'),
      bytes: MODULE.length,
    })
    expect(readFileSync(pulled.path)).toEqual(MODULE)
    expect(readdirSync(join(root, 'in'))).toEqual(['hello.wasm'])
  })

  test('a folder comes back as it is, without what does not belong to it', async () => {
    const source = putShop()
    const pushed = await push(source, 'acme/shop:v1')
    const pulled = await pull(`acme/shop@${pushed.digest}`)
    expect(pulled.digest).toBe(pushed.digest)
    expect(pulled.path).toBe(join(root, 'in', 'shop'))
    expect(readdirSync(join(root, 'in'))).toEqual(['shop'])
    const { '.env': _, 'src/main.c': __, ...wanted } = filesOf(source)
    expect(Object.keys(wanted)).toHaveLength(6)
    expect(filesOf(pulled.path)).toEqual(wanted)
  })

  test('the same folder gives the same digest, and nothing is sent twice', async () => {
    const first = await push(putShop('one'), 'acme/same:a')
    const other = putShop('two')
    utimesSync(join(other, 'public/index.html'), 1, 1)
    const seen: TransferProgress[] = []
    const second = await push(other, 'acme/same:b', { onProgress: (one) => seen.push(one) })
    expect(second.digest).toBe(first.digest)
    expect(first.sharedBytes).toBeLessThan(second.sharedBytes)
    const last = seen.at(-1)
    expect(last?.doneBytes).toBe(last?.totalBytes)
    expect(second.sharedBytes).toBe(last?.totalBytes)
    expect(second.bytes).toBe(second.sharedBytes)
    writeFileSync(join(other, 'public/index.html'), 'hellO\n')
    expect((await push(other, 'acme/same:b')).digest).not.toBe(first.digest)
    expect((await pull('acme/same:a')).digest).toBe(first.digest)
  })

  test('options: annotations, a date, the module alone', async () => {
    const source = putShop()
    await push(source, 'acme/alone:v1', {
      moduleOnly: true,
      createdMs: 1_700_000_000_000,
      annotations: { 'org.opencontainers.image.revision': 'abc' },
    })
    const manifest = await manifestOf(registry, 'acme/alone/manifests/v1')
    expect(manifest['layers']).toHaveLength(1)
    expect(manifest['annotations']).toEqual({
      'org.opencontainers.image.created': '2023-11-14T22:13:20.000Z',
      'org.opencontainers.image.revision': 'abc',
    })
    expect((await pull('acme/alone:v1')).path).toBe(join(root, 'in', 'alone.wasm'))
  })

  test('a large module arrives whole, and progress is told', async () => {
    const large = Buffer.alloc(5_000_000, 'x')
    MODULE.copy(large)
    put('large.wasm', large)
    const seen: TransferProgress[] = []
    await push(join(root, 'large.wasm'), 'large:v1', { onProgress: (one) => seen.push(one) })
    expect(seen.length).toBeGreaterThan(50)
    expect(seen.at(-1)?.doneBytes).toBe(seen.at(-1)?.totalBytes)
    const { path } = await pull('large:v1')
    expect(sha256(readFileSync(path))).toBe(sha256(large))
  })

  test('what is not there', async () => {
    await expect(pull('nobody/nothing:v1')).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' })
    put('hello.wasm', MODULE)
    await push(join(root, 'hello.wasm'), 'somebody:v1')
    await expect(pull('somebody:v2')).rejects.toThrow(/MANIFEST_UNKNOWN/)
    expect(readdirSync(join(root, 'in'))).toEqual([])
  })
})

describe.runIf(hasRegistry())('docker-registry that asks who we are', () => {
  let registry: Registry
  beforeAll(async () => {
    registry = await startRegistry({ auth: 'basic' })
  })
  afterAll(() => registry.stop())

  test('with and without the right password', async () => {
    put('hello.wasm', MODULE)
    const source = join(root, 'hello.wasm')
    const text = `oci://${registry.host}/acme/hello:v1`
    const pushed = await pushArtifact(source, text, { ...OPTIONS, credentials: USER })
    const into = join(root, 'in')
    const pulled = await pullArtifact(text, into, { ...OPTIONS, credentials: USER })
    expect(pulled.digest).toBe(pushed.digest)
    rmSync(pulled.path)
    const wrong = { ...USER, password: 'guess' }
    for (const credentials of [undefined, wrong]) {
      const options = { ...OPTIONS, credentials }
      await expect(pullArtifact(text, into, options)).rejects.toMatchObject({ code: 'OCI_DENIED' })
      await expect(pushArtifact(source, text, options)).rejects.toMatchObject({
        code: 'OCI_DENIED',
      })
    }
    expect(readdirSync(into)).toEqual([])
  })
})

describe.runIf(hasRegistry())('docker-registry that sends us for a token', () => {
  let keys = ''
  let tokens: FakeRegistry
  let registry: Registry
  const granted: string[] = []
  beforeAll(async () => {
    keys = mkdtempSync(join(tmpdir(), 'wasm-fpm-oci-keys-'))
    const [key, certificate] = [join(keys, 'key.pem'), join(keys, 'certificate.pem')]
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=tests'],
        ...['-keyout', key, '-out', certificate],
      ],
      { stdio: 'pipe' },
    )
    tokens = await startFake(({ path, headers }, response) => {
      const { searchParams } = new URL(path, 'http://x/')
      const right = `Basic ${Buffer.from(`${USER.username}:${USER.password}`).toString('base64')}`
      if (headers.authorization !== right) {
        response.writeHead(401).end()
        return true
      }
      const scope = searchParams.get('scope') ?? ''
      granted.push(scope)
      response.end(JSON.stringify({ token: makeToken(keys, scope) }))
      return true
    })
    registry = await startRegistry({
      authLines: [
        '  token:',
        `    realm: http://${tokens.host}/token`,
        '    service: tests',
        '    issuer: tests',
        `    rootcertbundle: ${certificate}`,
      ],
    })
  })
  afterAll(async () => {
    await registry.stop()
    await tokens.stop()
    rmSync(keys, { recursive: true })
  })

  test('with and without the right password', async () => {
    put('hello.wasm', MODULE)
    const source = join(root, 'hello.wasm')
    const text = `oci://${registry.host}/acme/hello:v1`
    const into = join(root, 'in')
    const pushed = await pushArtifact(source, text, { ...OPTIONS, credentials: USER })
    const pulled = await pullArtifact(text, into, { ...OPTIONS, credentials: USER })
    expect(pulled.digest).toBe(pushed.digest)
    expect(granted).toEqual(['repository:acme/hello:pull,push', 'repository:acme/hello:pull'])
    rmSync(pulled.path)
    await expect(pullArtifact(text, into, OPTIONS)).rejects.toMatchObject({ code: 'OCI_DENIED' })
  })
})

/** A token as the registry's own documentation has it: a JWT that brings its certificate. */
function makeToken(keys: string, scope: string): string {
  const [type, name, actions = ''] = scope.split(':')
  const certificate = new X509Certificate(readFileSync(join(keys, 'certificate.pem')))
  const now = Math.floor(Date.now() / 1000)
  const parts = [
    { alg: 'RS256', typ: 'JWT', x5c: [certificate.raw.toString('base64')] },
    {
      ...{ iss: 'tests', aud: 'tests', sub: 'deploy', jti: '1' },
      ...{ nbf: now - 10, iat: now, exp: now + 300 },
      access: [{ type, name, actions: actions.split(',') }],
    },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  const text = parts.join('.')
  const signature = sign('sha256', Buffer.from(text), readFileSync(join(keys, 'key.pem')))
  return `${text}.${signature.toString('base64url')}`
}
