/** Tenants' folders for sessions, made by the master for the workers' user. */
import {
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Logger } from '../../../src/base/logger.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { withSessionFolders } from '../../../src/config/session-folders.ts'
import { ownSessionFolders } from '../../../src/master/own-session-folders.ts'

const isRoot = process.getuid?.() === 0
const ACCOUNT = isRoot ? { uid: 12_345, gid: 12_345, name: 'x' } : undefined
const UID = ACCOUNT?.uid ?? process.getuid?.()

let store = ''
let lines: string[] = []

beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'own-sessions-'))
  lines = []
})
afterEach(() => rmSync(store, { recursive: true }))

const log = (fields: object, message: string): void => {
  lines.push(`${JSON.stringify(fields)} ${message}`)
}
const logger = { error: log, warn: log } as unknown as Logger

function own(account = ACCOUNT, hasStore = true): void {
  const config = parseConfig(
    `[[runtime]]\nname = "php"\nextensions = [".php"]
[[pool]]\nname = "www"\nlisten = ["/nowhere/www.sock"]
[[tenant]]\nname = "acme"\nhosts = ["*"]\nruntimes = ["php"]`,
    '/nowhere/wasm-fpm.toml',
  )
  ownSessionFolders(hasStore ? withSessionFolders(config, store) : config, account, logger)
}

const modeOf = (path: string): number => statSync(join(store, path)).mode & 0o777

test("they are made, the workers' user's and nobody else's", () => {
  const before = process.umask(0o077)
  try {
    own()
  } finally {
    process.umask(before)
  }
  expect(lines).toEqual([])
  expect(modeOf('state')).toBe(0o711)
  expect(modeOf('state/acme')).toBe(0o711)
  expect(modeOf('state/acme/sessions')).toBe(0o700)
  expect(statSync(join(store, 'state/acme/sessions')).uid).toBe(UID)
  expect(statSync(join(store, 'state/acme')).uid).toBe(process.getuid?.())
})

test('what is there stays', () => {
  own()
  writeFileSync(join(store, 'state/acme/sessions/sess_1'), 'x')
  own()
  expect(lines).toEqual([])
  expect(existsSync(join(store, 'state/acme/sessions/sess_1'))).toBe(true)
})

test.runIf(isRoot)('another user has what the one before had, but nothing behind links', () => {
  const folder = join(store, 'state/acme/sessions')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(store, 'secret'), 'x')
  const names = Array.from({ length: 20 }, (_, index) => `sess_${index}`)
  for (const [index, name] of names.entries()) {
    const path = join(folder, name)
    if (index % 2 === 0) symlinkSync(join(store, 'secret'), path)
    else writeFileSync(path, 'x')
    if (index % 4 === 1) chownSync(path, 9, 9)
  }
  linkSync(join(store, 'secret'), join(folder, 'secret'))
  own()
  const owners = names.map((name) => lstatSync(join(folder, name)).uid)
  expect(owners).toEqual(names.map((_, index) => (index % 2 === 0 ? 0 : UID)))
  expect(statSync(join(store, 'secret')).uid).toBe(0)
  expect(lines).toEqual([])
})

test.runIf(isRoot).for(['state', 'state/acme', 'state/acme/sessions'])(
  'a link in the place of %s is not followed',
  (path) => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'own-elsewhere-'))
    try {
      mkdirSync(join(elsewhere, 'acme/sessions'), { recursive: true })
      mkdirSync(join(store, 'state/acme/sessions'), { recursive: true })
      renameSync(join(store, path), join(store, 'moved'))
      const target = path.replace('state', elsewhere)
      symlinkSync(target, join(store, path))
      own()
      expect(statSync(target).uid).toBe(0)
      expect(lines.join()).toContain('no folder for sessions')
    } finally {
      rmSync(elsewhere, { recursive: true })
    }
  },
)

test('without a store it is said what becomes of sessions', () => {
  own(ACCOUNT, false)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('"tenants":["acme"]')
  expect(lines[0]).toContain('wanted `store` in the configuration')
})
