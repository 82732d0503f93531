/** What a terminal shows while something takes long: bars that tell how far it is, and time where nobody knows. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { hardenCommand } from '../../../src/cli/harden.ts'
import { publishCommand } from '../../../src/cli/publish.ts'
import { loopyFunctions } from '../../support/loopy-functions.ts'
import { printing } from '../../unit/publisher/job-run.ts'
import { startApi } from '../admin/api.ts'

const SLOW = printing('Content-Type: text/plain\n\nhello', '', loopyFunctions(30))

let root = ''
let drawn = ''
let printed = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-progress-'))
  mkdirSync(join(root, 'slow/public'), { recursive: true })
  writeFileSync(join(root, 'slow/slow.wasm'), SLOW)
  writeFileSync(join(root, 'slow/public/large'), new Uint8Array(3_000_000))
  writeFileSync(join(root, 'slow/wasm-fpm.json'), '{"files":"public"}')
  drawn = ''
  printed = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    drawn += String(text)
    return true
  })
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
  Object.defineProperty(process.stderr, 'isTTY', { value: true, configurable: true })
})
afterEach(() => {
  Reflect.deleteProperty(process.stderr, 'isTTY')
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.exitCode = undefined
  rmSync(root, { recursive: true })
})

/** The percentages that a bar went through. */
function shares(label: string): readonly number[] {
  return [...drawn.matchAll(new RegExp(`${label} +\\[[#.]+\\] (\\d+) %`, 'g'))].map((match) =>
    Number(match[1]),
  )
}

function expectBar(label: string, wanted: { readonly least: number }): void {
  const seen = shares(label)
  expect(seen.length).toBeGreaterThanOrEqual(wanted.least)
  expect(seen).toEqual([...seen].sort((a, b) => a - b))
  expect(seen.some((share) => share > 0)).toBe(true)
}

test('publish: reading and hardening tell how far they are, verifying and compiling for how long', async () => {
  const place = ['--tenant', 'acme', '--store', join(root, 'store')]
  await publishCommand().parseAsync([join(root, 'slow'), ...place], { from: 'user' })
  expect(printed).toContain('acme/slow answers /')
  expectBar('read', { least: 2 })
  expectBar('harden', { least: 2 })
  for (const step of ['verify', 'compile', 'probe', 'store']) {
    expect(drawn).toMatch(new RegExp(`${step} +\\[[#.]+\\] \\d+\\.\\d s`))
  }
  // Nothing is left of it.
  expect(drawn.endsWith('\r\x1b[K')).toBe(true)
})

test('publish --server: so do sending and hardening there', async () => {
  const api = await startApi()
  vi.stubEnv('WASM_FPM_TOKEN', await api.token('acme', ['publish']))
  const place = ['--tenant', 'acme', '--server', `http://127.0.0.1:${api.port}`]
  await publishCommand().parseAsync([join(root, 'slow'), ...place], { from: 'user' })
  expect(printed).toContain('acme/slow answers /')
  expectBar('upload', { least: 2 })
  expect(shares('upload').at(-1)).toBe(100)
  expectBar('harden', { least: 2 })
  expect(drawn).toMatch(/compile +\[[#.]+\] \d+\.\d s/)
})

test('the admin API tells how far hardening is to those who ask', async () => {
  const api = await startApi()
  const token = await api.token('acme', ['publish'])
  const events = async (query: string): Promise<readonly string[]> => {
    const path = `/v1/tenants/acme/releases?name=slow${query}`
    const { text } = await api.send('POST', path, { token, type: 'application/wasm', body: SLOW })
    const lines = text.trimEnd().split('\n')
    return lines.map((line) => JSON.parse(line)).map(({ event, step = '' }) => `${event} ${step}`)
  }
  expect(new Set(await events('&progress=true'))).toContain('progress harden')
  expect(new Set(await events(''))).not.toContain('progress harden')
})

test('harden: a bar for each module', async () => {
  const module = join(root, 'slow/slow.wasm')
  const harden = (out: string, ...args: readonly string[]) =>
    hardenCommand().parseAsync([...args, '-o', join(root, out)], { from: 'user' })
  await harden('one', module)
  expectBar('harden', { least: 2 })
  await harden('many', module, module)
  expectBar('harden 1/2', { least: 2 })
  expectBar('harden 2/2', { least: 2 })
})
