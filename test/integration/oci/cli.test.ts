/** The commands, as they are typed. */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest'
import { compileHostile } from '../../../guests/hostile/compile.ts'
import { publishCommand } from '../../../src/cli/publish.ts'
import { pushCommand } from '../../../src/cli/push.ts'
import { hasRegistry, type Registry, startRegistry, USER } from './registry.ts'

const COMMANDS = { push: pushCommand, publish: publishCommand }

let root = ''
let printed = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-oci-cli-'))
  // The user who verifies has to get through.
  chmodSync(root, 0o755)
  mkdirSync(join(root, 'tmp'))
  mkdirSync(join(root, 'shop/public'), { recursive: true })
  writeFileSync(join(root, 'shop/shop.wasm'), compileHostile('hello'))
  writeFileSync(join(root, 'shop/public/index.html'), 'hello')
  writeFileSync(join(root, 'shop/wasm-fpm.json'), '{"routes":["/shop"],"files":"public"}')
  vi.stubEnv('HOME', root)
  vi.stubEnv('DOCKER_CONFIG', undefined)
  vi.stubEnv('TMPDIR', join(root, 'tmp'))
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.exitCode = undefined
  // Nothing temporary stays, whatever happened.
  expect(readdirSync(join(root, 'tmp'))).toEqual([])
  rmSync(root, { recursive: true })
})

/** Answers what it printed. */
async function type(name: keyof typeof COMMANDS, ...args: readonly string[]): Promise<string> {
  printed = ''
  await COMMANDS[name]()
    .exitOverride()
    .parseAsync([...args], { from: 'user' })
  return printed
}

function password(text: string): void {
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(
    Readable.from([Buffer.from(text)]) as typeof process.stdin,
  )
}

describe.runIf(hasRegistry())('push and publish', () => {
  let registry: Registry
  let text = ''
  beforeAll(async () => {
    registry = await startRegistry({ auth: 'basic' })
    text = `oci://${registry.host}/acme/shop:v1`
  })
  afterAll(() => registry.stop())

  const logIn = () => {
    mkdirSync(join(root, '.docker'))
    const auth = Buffer.from(`${USER.username}:${USER.password}`).toString('base64')
    const config = JSON.stringify({ auths: { [registry.host]: { auth } } })
    writeFileSync(join(root, '.docker/config.json'), config)
  }

  test('there and back', async () => {
    logIn()
    const story = await type('push', join(root, 'shop'), text)
    const reference = story.trim().split('\n').at(-1) ?? ''
    expect(reference).toMatch(new RegExp(`^${text}@sha256:[0-9a-f]{64}$`))
    expect(story).toMatch(/^pushed \d+ bytes, 0 of them were there\n/)
    const digest = reference.slice(reference.indexOf('sha256:'))

    const place = ['--store', join(root, 'store'), '--tenant', 'acme']
    const published = await type('publish', reference, ...place)
    expect(published.split('\n')[0]).toMatch(new RegExp(`^pull {5}${digest}, \\d+ bytes \\(`))
    expect(published).toMatch(/acme\/shop answers \/shop with [0-9a-f]{64}\n$/)

    // From the folder itself it is the same release.
    const lines = (await type('publish', join(root, 'shop'), ...place, '--json')).trim().split('\n')
    const release = JSON.parse(lines.at(-1) ?? '').release
    expect(published).toContain(release)
    const first = (await type('publish', text, ...place, '--json')).split('\n')[0] ?? ''
    expect(JSON.parse(first)).toMatchObject({
      event: 'step',
      step: 'pull',
      found: { digest, bytes: expect.any(Number) },
    })
  })

  test('a terminal shows how far pushing and pulling are', async () => {
    logIn()
    let drawn = ''
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      drawn += String(chunk)
      return true
    })
    Object.defineProperty(process.stderr, 'isTTY', { value: true, configurable: true })
    onTestFinished(() => void Reflect.deleteProperty(process.stderr, 'isTTY'))
    writeFileSync(join(root, 'shop/public/large'), randomBytes(3_000_000))
    await type('push', join(root, 'shop'), `${text}-4`)
    const place = ['--store', join(root, 'store'), '--tenant', 'acme']
    await type('publish', `${text}-4`, ...place)
    for (const bar of ['push', 'pull']) {
      expect(drawn).toMatch(new RegExp(`${bar} +\\[\\.+\\] 0 %`))
      expect(drawn).toMatch(new RegExp(`${bar} +\\[#+\\] 100 %`))
    }
  })

  test('a password that a helper program keeps', async () => {
    mkdirSync(join(root, '.docker'))
    const config = JSON.stringify({ credHelpers: { [registry.host]: 'fake' } })
    writeFileSync(join(root, '.docker/config.json'), config)
    const answer = JSON.stringify({ Username: USER.username, Secret: USER.password })
    const script = `#!/bin/sh\ntest "$1 $(cat)" = "get ${registry.host}" && echo '${answer}'\n`
    writeFileSync(join(root, 'docker-credential-fake'), script, { mode: 0o755 })
    const source = join(root, 'shop')
    await expect(type('push', source, `${text}-3`)).rejects.toMatchObject({
      code: 'OCI_CREDENTIAL_HELPER',
    })
    vi.stubEnv('PATH', `${root}:${process.env['PATH']}`)
    expect(await type('push', source, `${text}-3`)).toContain(`${text}-3@sha256:`)
  })

  test('a password on standard input, and JSON', async () => {
    password(`${USER.password}\n`)
    const options = ['--username', USER.username, '--password-stdin', '--json']
    const one = ['--annotation', 'a=b=c', '--annotation', 'd=', '--module-only']
    const pushed = JSON.parse(
      await type('push', join(root, 'shop'), `${text}-2`, ...options, ...one),
    )
    expect(pushed).toEqual({
      event: 'pushed',
      reference: expect.stringContaining(`${text}-2@sha256:`),
      digest: expect.stringMatching(/^sha256:/),
      bytes: expect.any(Number),
      sharedBytes: expect.any(Number),
    })
    password('guess')
    const failed = JSON.parse(await type('push', join(root, 'shop'), text, ...options))
    expect(failed).toMatchObject({ event: 'failed', error: { code: 'OCI_DENIED' } })
    expect(process.exitCode).toBe(1)
  })

  test('the date that a build says', async () => {
    logIn()
    const digests = new Set<string>()
    for (const date of ['', '1700000000', '1700000000']) {
      vi.stubEnv('SOURCE_DATE_EPOCH', date)
      digests.add(JSON.parse(await type('push', join(root, 'shop'), text, '--json')).digest)
    }
    expect(digests.size).toBe(2)
    vi.stubEnv('SOURCE_DATE_EPOCH', 'today')
    await expect(type('push', join(root, 'shop'), text)).rejects.toMatchObject({
      code: 'CLI_USAGE',
    })
  })

  test('what cannot be published leaves nothing', async () => {
    logIn()
    const place = ['--store', join(root, 'store'), '--tenant', 'acme']
    writeFileSync(join(root, 'shop/shop.wasm'), compileHostile('trap-in-body'))
    await type('push', join(root, 'shop'), `${text}-trap`)
    await expect(type('publish', `${text}-trap`, ...place)).rejects.toMatchObject({
      code: 'PUBLISHER_PROBE_FAILED',
    })
    await expect(type('publish', `${text}-none`, ...place)).rejects.toMatchObject({
      code: 'OCI_NOT_FOUND',
    })
  })

  test('what makes no sense', async () => {
    const source = join(root, 'shop')
    const usage = { code: 'CLI_USAGE' }
    await expect(type('push', source, text, '--username', 'x')).rejects.toMatchObject(usage)
    await expect(type('push', source, text, '--password-stdin')).rejects.toMatchObject(usage)
    await expect(type('push', source, text, '--annotation', '=x')).rejects.toMatchObject(usage)
    password('')
    const named = ['--username', 'x', '--password-stdin']
    await expect(type('push', source, text, ...named)).rejects.toMatchObject(usage)
    await expect(type('push', source, 'shop:v1')).rejects.toMatchObject({
      code: 'OCI_BAD_REFERENCE',
    })
  })
})
