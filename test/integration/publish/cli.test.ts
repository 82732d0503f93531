/** The commands, as they are typed. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { compileHostile } from '../../../guests/hostile/compile.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { collectCommand } from '../../../src/cli/collect.ts'
import { fsckCommand } from '../../../src/cli/fsck.ts'
import { keyCommand } from '../../../src/cli/key.ts'
import { promoteCommand } from '../../../src/cli/promote.ts'
import { publishCommand } from '../../../src/cli/publish.ts'
import { releasesCommand } from '../../../src/cli/releases.ts'
import { rollbackCommand } from '../../../src/cli/rollback.ts'
import { signCommand } from '../../../src/cli/sign.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'

let root = ''
let printed = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-publish-cli-'))
  writeFileSync(join(root, 'one.wasm'), compileHostile('hello'))
  writeFileSync(join(root, 'trap.wasm'), compileHostile('trap-in-body'))
  printed = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
  rmSync(root, { recursive: true })
})

const COMMANDS = {
  publish: publishCommand,
  releases: releasesCommand,
  rollback: rollbackCommand,
  promote: promoteCommand,
  sign: signCommand,
  fsck: fsckCommand,
  collect: collectCommand,
}

/** Answers what it printed. */
async function type(name: keyof typeof COMMANDS, ...args: readonly string[]): Promise<string> {
  printed = ''
  await COMMANDS[name]().parseAsync([...args, '--store', join(root, 'store')], { from: 'user' })
  return printed
}

const MODULE = () => join(root, 'one.wasm')
const ACME = ['--tenant', 'acme']

test('publish, releases, rollback, collect, fsck', async () => {
  const story = await type('publish', MODULE(), ...ACME, '--route', '/a')
  expect(story.split('\n').map((line) => line.split(' ')[0])).toEqual([
    ...['read', 'verify', 'harden', 'compile', 'probe', 'store', 'switch'],
    'acme/one',
    '',
  ])
  expect(story).toMatch(/acme\/one answers \/a with [0-9a-f]{64}\n$/)
  await type('publish', MODULE(), ...ACME, '--route', '/b', '--handler', 'one')
  const table = (await type('releases', ...ACME)).split('\n')
  expect(table[0]).toMatch(
    /^STATE +NUMBER +RELEASE +HANDLER +ROUTES +MODULE +FILES +SIGNED BY +PUBLISHED$/,
  )
  expect(table[1]).toMatch(/^live +2 +[0-9a-f]{12} +one +\/b .* - +20/)
  expect(table[2]).toMatch(/^- +1 +[0-9a-f]{12} +one +\/a /)
  expect(await type('rollback', ...ACME)).toMatch(
    /^acme\/one: [0-9a-f]{12} is live, was [0-9a-f]{12} \([0-9.]+ ms\)\n$/,
  )
  expect(await type('rollback', '2', ...ACME)).toContain('is live')
  const [newest] = JSON.parse(await type('releases', ...ACME, '--json')) as ReadonlyArray<{
    readonly release: string
    readonly isLive: boolean
  }>
  expect(newest).toMatchObject({ number: 2, isLive: true, routes: [{ path: '/b' }], files: 0 })
  expect(await type('rollback', (newest?.release ?? '').slice(0, 8), ...ACME)).toContain('is live')
  expect(await type('collect')).toMatch(/^gave up 0 releases; removed 0 records/)
  expect(await type('fsck')).toMatch(
    /^clean: 1 tenants, 2 releases, 0 signatures, 2 blobs of [0-9.]+ (?:bytes|KiB)\n$/,
  )
  expect(await type('rollback', ...ACME, '--handler', 'one', '--withdraw')).toMatch(/off the air/)
  expect(await type('releases', '--tenant', 'nobody')).toBe('nobody has published nothing\n')
  expect(process.exitCode).toBeUndefined()
})

test('a canary: published, grown, rolled back, promoted', async () => {
  await expect(type('publish', MODULE(), ...ACME, '--weight', '10')).rejects.toMatchObject({
    code: 'STORE_BAD_CANARY',
  })
  // Refused before anything is verified or stored.
  expect(printed.trim().split('\n')).toHaveLength(1)
  expect(await type('releases', ...ACME, '--json')).toBe('[]\n')
  await type('publish', MODULE(), ...ACME)
  const folder = join(root, 'one')
  mkdirSync(folder)
  writeFileSync(join(folder, 'wasm-fpm.toml'), '[handler]\nenv = { MODE = "new" }\n')
  copyFileSync(MODULE(), join(folder, 'one.wasm'))
  const story = await type('publish', folder, ...ACME, '--weight', '10', '--sticky')
  expect(story).toMatch(/^switch +[0-9a-f]{12} gets 10 % of the clients, [0-9a-f]{12} the others /m)
  expect(story).toMatch(/^acme\/one answers 10 % of \/ with [0-9a-f]{64}$/m)
  expect(await type('releases', ...ACME)).toMatch(/^10 % sticky +2 .*\nlive +1 /m)
  expect(await type('promote', ...ACME, '--weight', '50')).toMatch(
    /^acme\/one: [0-9a-f]{12} gets 50 % of the clients \([0-9.]+ ms\)\n$/,
  )
  expect(await type('rollback', ...ACME)).toMatch(
    /^acme\/one: [0-9a-f]{12} is no canary any more, [0-9a-f]{12} gets all requests/,
  )
  const lines = (await type('publish', folder, ...ACME, '--weight', '1', '--json')).trim()
  const last = JSON.parse(lines.split('\n').at(-1) ?? '') as {
    readonly release: string
    readonly live: string
  }
  expect(last).toMatchObject({
    event: 'published',
    // The same release as before: it keeps its number.
    number: 2,
    canary: { release: last.release, weight: 1, sticky: false },
  })
  expect(last.live).not.toBe(last.release)
  expect(JSON.parse(await type('promote', ...ACME, '--json'))).toMatchObject({
    release: last.release,
    previous: last.live,
  })
})

test('keys, signatures, and a tenant that demands them', async () => {
  const key = join(root, 'key')
  const line = (await useKey('create', key)).trim()
  expect(statSync(key).mode & 0o777).toBe(0o600)
  expect(readFileSync(`${key}.pub`, 'utf8')).toBe(`${line}\n`)
  expect(await useKey('show', key)).toBe(`${line}\n`)
  await expect(useKey('create', key)).rejects.toMatchObject({ code: 'CLI_NOT_WRITABLE' })
  const config = join(root, 'wasm-fpm.toml')
  writeFileSync(
    config,
    `store = "store"\n[[pool]]\nname = "www"\nlisten = ["${root}/www.sock"]\n[[tenant]]\nname = "acme"\nsigners = ["key.pub"]\n`,
  )
  const place = [...ACME, '--config', config]
  await expect(type('publish', MODULE(), ...place)).rejects.toMatchObject({
    code: 'STORE_UNSIGNED',
  })
  expect(printed).toBe('')
  expect(await type('publish', MODULE(), ...place, '--sign', key)).toContain(
    `sign     by ${line} (`,
  )
  const [row] = JSON.parse(await type('releases', ...place, '--json')) as ReadonlyArray<{
    readonly signedBy: readonly string[]
  }>
  expect(row?.signedBy).toHaveLength(1)
  const other = join(root, 'other')
  await useKey('create', other)
  await expect(type('publish', MODULE(), ...place, '--sign', other)).rejects.toMatchObject({
    code: 'STORE_UNSIGNED',
  })
  expect(await type('sign', '1', ...ACME, '--key', other)).toMatch(
    /^acme: release 1, .* signed by ed25519:/,
  )
  expect(await type('fsck')).toMatch(/^clean: .* 2 signatures/)
})

test('publish --no-switch: stored, live by nothing, and made live later', async () => {
  const story = await type('publish', MODULE(), ...ACME, '--no-switch')
  expect(story.split('\n').map((line) => line.split(' ')[0])).toEqual([
    ...['read', 'verify', 'harden', 'compile', 'probe', 'store'],
    ...[expect.stringMatching(/^acme\//), ''],
  ])
  expect(story).toMatch(/: stored and not live is [0-9a-f]{64}\n$/)
  expect(await type('releases', ...ACME)).not.toMatch(/^live/m)
  expect(await type('rollback', '1', ...ACME)).toContain('is live, was nothing')
  const canary = [...ACME, '--no-switch', '--weight', '5']
  await expect(type('publish', MODULE(), ...canary)).rejects.toMatchObject({ code: 'CLI_USAGE' })
})

/** `wasm-fpm key`: it works on no store. */
async function useKey(...args: readonly string[]): Promise<string> {
  printed = ''
  await keyCommand().parseAsync([...args], { from: 'user' })
  return printed
}

test('a configuration says which store', async () => {
  const config = join(root, 'wasm-fpm.toml')
  writeFileSync(
    config,
    `store = "other store"\n[[pool]]\nname = "www"\nlisten = ["${root}/www.sock"]\n[[tenant]]\nname = "acme"\n`,
  )
  await publishCommand().parseAsync([MODULE(), ...ACME, '--config', config], { from: 'user' })
  printed = ''
  await releasesCommand().parseAsync([...ACME, '--config', config], { from: 'user' })
  expect(printed).toMatch(/^live +1 /m)
  expect(existsSync(join(root, 'store'))).toBe(false)
})

test('a module that fails its probe: an error, or a last line of JSON, and nothing is published', async () => {
  const trap = join(root, 'trap.wasm')
  await expect(type('publish', trap, ...ACME)).rejects.toMatchObject({
    code: 'PUBLISHER_PROBE_FAILED',
  })
  expect(printed).toContain('compile')
  expect(printed).not.toContain('store ')
  const lines = (await type('publish', trap, ...ACME, '--json')).trim().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { readonly event: string }).event)).toEqual([
    ...['step', 'step', 'step', 'step'],
    'failed',
  ])
  expect(process.exitCode).toBe(1)
  expect(await type('releases', ...ACME, '--json')).toBe('[]\n')
})

test('the last line of --json says what is live', async () => {
  const lines = (await type('publish', MODULE(), ...ACME, '--json')).trim().split('\n')
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
    event: 'published',
    tenant: 'acme',
    handler: 'one',
    number: 1,
    sequence: 1,
  })
})

test('fsck says what is damaged and exits with 1', async () => {
  await type('publish', MODULE(), ...ACME)
  const store = await DirectoryStore.open(join(root, 'store'), { clock: systemClock })
  const [entry] = await store.releases('acme')
  const blob = store.layout.blob((await store.release(entry?.release ?? '')).original?.digest ?? '')
  chmodSync(blob, 0o644)
  writeFileSync(blob, 'rubbish')
  expect(await type('fsck')).toMatch(
    /^damaged: release [0-9a-f]{64}: blob [0-9a-f]{64} has changed\n1 problems: /,
  )
  expect(process.exitCode).toBe(1)
})

test('the configuration’s tenant gives the limits and must be there', async () => {
  const config = join(root, 'wasm-fpm.toml')
  writeFileSync(
    config,
    `[[pool]]\nname = "www"\nlisten = ["${root}/www.sock"]\n[[tenant]]\nname = "acme"\n[tenant.limits]\nmemory = "1MiB"\n`,
  )
  await expect(
    type('publish', MODULE(), '--tenant', 'nobody', '--config', config),
  ).rejects.toMatchObject({ code: 'CONFIG_UNKNOWN_TENANT' })
  await type('publish', MODULE(), ...ACME, '--config', config)
  const store = await DirectoryStore.open(join(root, 'store'), { clock: systemClock })
  const [entry] = await store.releases('acme')
  const { hardened } = await store.release(entry?.release ?? '')
  expect(hardened?.memoryMaxBytes).toBe(1_048_576)
})

const BAD = [
  { name: 'rollback', args: ['abc', ...ACME], code: 'STORE_UNKNOWN_RELEASE' },
  { name: 'rollback', args: ['--withdraw', ...ACME], code: 'CLI_USAGE' },
  { name: 'promote', args: [...ACME], code: 'STORE_NO_CANARY' },
  { name: 'promote', args: [...ACME, '--weight', '100'], code: 'CLI_USAGE' },
  { name: 'publish', args: ['x', ...ACME, '--weight', '0'], code: 'CLI_USAGE' },
  { name: 'publish', args: ['x', ...ACME, '--sticky'], code: 'CLI_USAGE' },
  { name: 'publish', args: ['x', ...ACME, '--sign', '/nowhere/key'], code: 'STORE_BAD_KEY' },
  { name: 'sign', args: ['7', ...ACME, '--key', '/nowhere/key'], code: 'STORE_BAD_KEY' },
  { name: 'collect', args: ['--keep', '0'], code: 'CLI_USAGE' },
  { name: 'releases', args: ['--tenant', '../x'], code: 'STORE_BAD_NAME' },
] as const

test.for(BAD)('$name $args: $code', async ({ name, args, code }) => {
  await type('publish', MODULE(), ...ACME)
  await expect(type(name, ...args)).rejects.toMatchObject({ code })
})
