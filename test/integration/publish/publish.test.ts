/** Publishing from end to end: real modules, the publisher's own process, a store on disk. */
import { execFile, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { compileHostile } from '../../../guests/hostile/compile.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import {
  type PublishOptions,
  type PublishProgress,
  publish,
} from '../../../src/store/publication.ts'
import { DEFAULT_PUBLISHER_LIMITS, runPublisher } from '../../../src/store/publisher-process.ts'
import { readHardened } from '../../../src/store/read-module.ts'
import { ReleaseReader } from '../../../src/store/release-reader.ts'

let root = ''
let source = ''
let store: DirectoryStore
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-publish-test-'))
  source = join(root, 'app')
  mkdirSync(source)
  store = await DirectoryStore.make(join(root, 'store'), { clock: systemClock })
})
afterEach(() => rmSync(root, { recursive: true }))

const GUESTS = fileURLToPath(new URL('../../../build/guests/c', import.meta.url))

function put(path: string, contents: string | Uint8Array): void {
  mkdirSync(dirname(join(source, path)), { recursive: true })
  writeFileSync(join(source, path), contents)
}

async function publishIt(changes: Partial<PublishOptions> = {}) {
  const steps: PublishProgress[] = []
  const publication = await publish(source, {
    store,
    tenant: 'acme',
    units: { size: parseSize, duration: parseDuration },
    clock: systemClock,
    onStep: (step) => steps.push(step),
    ...changes,
  })
  return { ...publication, steps }
}

async function liveOf(): Promise<readonly string[]> {
  return Object.values((await store.state('acme')).handlers).map(({ release }) => release)
}

test('a folder goes live, is read back as it was, and rolls back in no time', async () => {
  copyFileSync(join(GUESTS, 'hello.wasm'), join(source, 'hello.wasm'))
  put('public/index.html', '<h1>hello</h1>')
  put(
    'wasm-fpm.json',
    JSON.stringify({
      routes: ['/hello'],
      files: 'public',
      env: { MODE: 'live' },
      limits: { memory: '8MiB', cpu: '1s' },
      probe: { path: '/hello/world', status: 200 },
    }),
  )
  const first = await publishIt()
  expect(first.steps.map(({ step }) => step)).toEqual([
    'read',
    'verify',
    'harden',
    'compile',
    'probe',
    'store',
    'switch',
  ])
  const reader = await ReleaseReader.open(join(root, 'store'), { clock: systemClock })
  const [handler] = (await reader.current('acme')).handlers
  if (handler === undefined) throw new Error('nothing is live')
  expect(handler.digest).toBe(first.stored.release)
  expect(handler.release.hardened?.memoryMaxBytes).toBe(8 * 1024 * 1024)
  expect(readFileSync(handler.originalPath)).toEqual(readFileSync(join(source, 'hello.wasm')))
  expect(readFileSync(join(handler.imageRoot ?? '', 'index.html'), 'utf8')).toBe('<h1>hello</h1>')
  expect(WebAssembly.validate(await readHardened(handler))).toBe(true)

  put('public/index.html', '<h1>hello again</h1>')
  const second = await publishIt()
  expect(second.stored).toMatchObject({ number: 2, blobs: 4, sharedBlobs: 2 })
  const started = performance.now()
  expect(await store.rollBack('acme')).toMatchObject({ release: first.stored.release })
  expect(performance.now() - started).toBeLessThan(1000)
  expect(await store.check()).toMatchObject({ problems: [], leftovers: 0 })
})

const HOSTILE: ReadonlyArray<{
  readonly guest: string
  readonly limits?: Readonly<Record<string, string>>
  readonly code: string
}> = [
  { guest: 'endless-start', code: 'PUBLISHER_PROBE_FAILED' },
  { guest: 'recursion', code: 'PUBLISHER_PROBE_FAILED' },
  { guest: 'catch-everything', code: 'PUBLISHER_PROBE_FAILED' },
  { guest: 'exponential-calls', code: 'PUBLISHER_PROBE_FAILED' },
  { guest: 'flood-header', code: 'PUBLISHER_PROBE_FAILED' },
  { guest: 'flood-stderr', code: 'PUBLISHER_PROBE_FAILED' },
  { guest: 'sleep', limits: { wall: '200ms' }, code: 'PUBLISHER_PROBE_FAILED' },
]

test.for(HOSTILE)(
  '$guest does not go live, and what is live stays',
  async ({ guest, limits = {}, code }) => {
    put('app.wasm', compileHostile('hello'))
    await publishIt()
    const before = await liveOf()
    put('app.wasm', compileHostile(guest))
    put('wasm-fpm.json', JSON.stringify({ limits: { cpu: '100ms', wall: '2s', ...limits } }))
    await expect(publishIt()).rejects.toMatchObject({ code })
    expect(await liveOf()).toEqual(before)
    expect(await store.releases('acme')).toHaveLength(1)
    expect(await store.check()).toMatchObject({ problems: [], leftovers: 0 })
  },
)

const CAPS = [
  { name: 'time', limits: { timeMs: 20 }, code: 'STORE_PUBLISHER_TIMEOUT' },
  {
    name: 'memory',
    limits: { memoryBytes: 1024 * 1024, lookMs: 1 },
    code: 'STORE_PUBLISHER_MEMORY',
  },
  { name: 'talk', limits: { talkBytes: 10 }, code: 'STORE_LIMIT_EXCEEDED' },
]

test.for(CAPS)('a publisher that takes too much $name is killed', async ({ limits, code }) => {
  put('app.wasm', compileHostile('hello'))
  put('wasm-fpm.json', '{"limits":{"memory":"1MiB"}}')
  const publisherLimits = { ...DEFAULT_PUBLISHER_LIMITS, ...limits }
  await expect(publishIt({ publisherLimits })).rejects.toMatchObject({ code })
  expect(await liveOf()).toEqual([])
  expect(readdirSync(store.layout.tmp)).toEqual([])
})

test('limits only go down from the tenant’s', async () => {
  put('app.wasm', compileHostile('hello'))
  put('wasm-fpm.json', JSON.stringify({ limits: { memory: '128MiB' } }))
  await expect(publishIt()).rejects.toMatchObject({
    code: 'STORE_OVER_TENANT_LIMIT',
    details: { limit: 'memoryBytes', actual: 134_217_728, wanted: 67_108_864 },
  })
})

const NOBODY = { uid: 65_534, gid: 65_534 }

test.runIf(process.getuid?.() === 0)('as root, somebody else verifies a copy', async () => {
  put('app.wasm', compileHostile('hello'))
  put('public/a/b', 'c')
  put('wasm-fpm.json', JSON.stringify({ files: 'public' }))
  chmodSync(root, 0o711)
  vi.stubEnv('TMPDIR', root)
  const published = await publishIt({ account: NOBODY }).finally(() => vi.unstubAllEnvs())
  expect(published.stored.number).toBe(1)
  expect(readdirSync(root).sort()).toEqual(['app', 'store'])
})

test.runIf(process.getuid?.() === 0)(
  'who verifies is not root: what root alone may read is out of reach',
  async () => {
    put('app.wasm', compileHostile('hello'))
    chmodSync(root, 0o711)
    chmodSync(join(source, 'app.wasm'), 0o600)
    const job = {
      kind: 'module' as const,
      name: 'acme/main',
      modulePath: join(source, 'app.wasm'),
      imagePath: null,
      abi: 'cgi' as const,
      lifetime: null,
      env: {},
      scriptName: '',
      probe: { method: 'GET', path: '/', headers: {}, body: '' },
      limits: {
        moduleBytes: 1_000_000,
        functionBytes: 1_000_000,
        hardenedBytes: 1_000_000,
        memoryBytes: 1_048_576,
        cpuMs: 1000,
        wallMs: 1000,
        responseBodyBytes: 1000,
      },
    }
    const options = { clock: systemClock, onStep: () => undefined }
    await expect(runPublisher(job, { ...options, account: NOBODY })).rejects.toMatchObject({
      code: 'PUBLISHER_BAD_JOB',
      message: expect.stringContaining('EACCES'),
    })
    chmodSync(join(source, 'app.wasm'), 0o644)
    const result = await runPublisher(job, { ...options, account: NOBODY })
    expect(result.done.lifetime).toBe('reset')
  },
)

test('publishers in several processes take turns', async () => {
  put('app.wasm', compileHostile('hello'))
  const script = fileURLToPath(new URL('publish-once.ts', import.meta.url))
  const folder = join(root, 'store')
  const said = await Promise.all(
    ['/a', '/b', '/c'].map(async (route) => {
      const command = [script, source, folder, route]
      return (await promisify(execFile)(process.execPath, command)).stdout
    }),
  )
  expect(said).toEqual(['published\n', 'published\n', 'published\n'])
  expect((await store.releases('acme')).map(({ number }) => number)).toEqual([3, 2, 1])
  expect((await store.state('acme')).sequence).toBe(3)
  expect(await store.check()).toMatchObject({ problems: [], releases: 3, leftovers: 0 })
})

test('files that may not become larger end as a full disk, and nothing is lost', async () => {
  put('app.wasm', compileHostile('hello'))
  await publishIt()
  const before = await liveOf()
  put('app.wasm', Buffer.concat([compileHostile('hello'), customSection(100_000)]))
  const script = fileURLToPath(new URL('publish-once.ts', import.meta.url))
  const { stdout } = spawnSync(
    'bash',
    [
      '-c',
      'ulimit -f 64; exec "$@"',
      'bash',
      process.execPath,
      script,
      source,
      join(root, 'store'),
    ],
    { encoding: 'utf8' },
  )
  expect(stdout).toBe('STORE_FULL\n')
  expect(await liveOf()).toEqual(before)
  expect(await store.check()).toMatchObject({ problems: [], leftovers: 0 })
  expect((await publishIt()).stored.number).toBe(2)
})

/** A section that means nothing, with so many bytes in it. */
function customSection(bytes: number): Uint8Array {
  const body = Buffer.concat([Buffer.of(1, 0x78), Buffer.alloc(bytes)])
  const size: number[] = []
  for (let rest = body.length; ; rest >>>= 7) {
    size.push(rest < 128 ? rest : (rest & 127) | 128)
    if (rest < 128) break
  }
  return Buffer.concat([Buffer.of(0, ...size), body])
}
