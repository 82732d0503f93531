/** The units of examples/systemd: by systemd's own judgement where it is installed, and for what must (not) be in them. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'

const FOLDER = join(process.cwd(), 'examples/systemd')
const { CI } = process.env

function readExample(name: string): string {
  return readFileSync(join(FOLDER, name), 'utf8')
}

/** Sections, each with its settings in order. */
function parseUnit(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>()
  let section = new Map<string, string>()
  for (const [index, line] of text.split('\n').entries()) {
    const [, header] = /^\[([A-Z][a-z]+)\]$/.exec(line) ?? []
    const [, name, value] = /^([A-Z][A-Za-z]+)=(.*)$/.exec(line) ?? []
    if (header !== undefined) {
      section = new Map()
      sections.set(header, section)
    } else if (name !== undefined && value !== undefined) section.set(name, value)
    else if (line !== '' && !line.startsWith('#')) throw new Error(`line ${index + 1}: ${line}`)
  }
  return sections
}

test('the service says when it is ready, is hardened, and can compile', () => {
  const unit = parseUnit(readExample('wasm-fpm.service'))
  expect([...unit.keys()]).toEqual(['Unit', 'Service', 'Install'])
  const service = unit.get('Service')
  expect(Object.fromEntries(service ?? [])).toMatchObject({
    Type: 'notify',
    KillMode: 'mixed',
    NoNewPrivileges: 'yes',
    ProtectSystem: 'strict',
    PrivateTmp: 'yes',
    RestrictAddressFamilies: 'AF_UNIX AF_INET AF_INET6',
    RuntimeDirectory: 'wasm-fpm',
    LimitAS: 'infinity',
  })
  expect(service?.get('CapabilityBoundingSet')?.split(' ')).not.toContain('CAP_SYS_ADMIN')
  // V8 writes machine code: with it no guest can be compiled.
  expect(service?.has('MemoryDenyWriteExecute')).toBe(false)
})

test('the service gives requests longer to end than the server does', () => {
  const seconds = parseUnit(readExample('wasm-fpm.service')).get('Service')?.get('TimeoutStopSec')
  const { processControlTimeoutMs } = loadConfig(join(FOLDER, 'wasm-fpm.toml'))
  expect(Number.parseInt(seconds ?? '', 10) * 1000).toBeGreaterThan(processControlTimeoutMs)
})

test('configuration, socket unit and logrotate name the same places', () => {
  const { pools, tenants, pid } = loadConfig(join(FOLDER, 'wasm-fpm.toml'))
  const socket = parseUnit(readExample('wasm-fpm.socket')).get('Socket')
  expect(pools[0]?.listen).toEqual([{ kind: 'unix', path: socket?.get('ListenStream') }])
  expect(socket?.get('FileDescriptorName')).toBe(pools[0]?.name)
  expect(readExample('wasm-fpm.toml')).toContain(
    `listen = ["systemd:${socket?.get('FileDescriptorName')}"]`,
  )
  expect(Number.parseInt(socket?.get('SocketMode') ?? '', 8)).toBe(pools[0]?.listenMode)
  expect(tenants.map(({ name }) => name)).toEqual(['acme'])
  expect(readExample('wasm-fpm.logrotate')).toContain(`kill -USR1 "$(cat ${pid})"`)
})

test.skipIf(!isInstalled('/usr/bin/systemd-analyze'))('systemd takes both units', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-units-'))
  try {
    for (const name of ['wasm-fpm.service', 'wasm-fpm.socket']) {
      // The command is not installed where the tests run.
      const text = readExample(name).replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true')
      writeFileSync(join(folder, name), text)
    }
    const files = ['wasm-fpm.service', 'wasm-fpm.socket'].map((name) => join(folder, name))
    // It exits with 0 even when it does not know a key: what counts is what it says.
    const { status, stdout, stderr } = spawnSync(
      '/usr/bin/systemd-analyze',
      ['verify', '--man=no', ...files],
      { env: { SYSTEMD_UNIT_PATH: `${folder}:` }, encoding: 'utf8' },
    )
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** A missing systemd is a skip on a laptop, a failure in CI. */
function isInstalled(program: string): boolean {
  if (existsSync(program)) return true
  if (CI) throw new Error(`Cannot check the units: no ${program}`)
  process.stderr.write(`skipped: systemd units, there is no ${program}\n`)
  return false
}
