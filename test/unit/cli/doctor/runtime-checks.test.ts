import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkRuntime } from '../../../../src/cli/doctor/runtime-checks.ts'
import { parseConfig } from '../../../../src/config/parse.ts'

/** Somebody else than whoever runs the test. */
const WORKER = { name: 'acme', uid: 54_321, gids: new Set([54_321]) }
const OTHER = { name: 'other', uid: 54_322, gids: new Set([54_322]) }

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-doctor-'))
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'php.wasm'), '', { mode: 0o644 })
  mkdirSync(join(folder, 'folder'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function found(module: string): string[] {
  const text = `[[runtime]]\nname = "php"\nextensions = [".php"]\nmodule = "${module}"`
  const [runtime] = parseConfig(text, join(folder, 'wasm-fpm.toml')).runtimes
  if (runtime === undefined) throw new Error('no runtime')
  return checkRuntime(runtime, [WORKER, OTHER]).map(
    ({ subject, status, name, actual, advice }) =>
      `${subject} ${status} ${name} ${actual.replaceAll(folder, '')}: ${advice}`,
  )
}

test('a module that all workers can read', () => {
  expect(found('php.wasm')).toEqual(['runtime "php" ok module /php.wasm: '])
})

test('one that is missing, is none, or is closed', () => {
  expect(found('gone.wasm')).toEqual([
    'runtime "php" fail module /gone.wasm does not exist: `wasm-fpm runtime build php`',
  ])
  expect(found('folder')).toEqual([
    'runtime "php" fail module /folder is no file: `wasm-fpm runtime build php`',
  ])
  chmodSync(join(folder, 'php.wasm'), 0o600)
  const advice = 'chmod o+r it, and o+x the folders above'
  expect(found('php.wasm')).toEqual(
    ['acme', 'other'].map(
      (name) => `runtime "php" fail module user ${name} cannot read /php.wasm: ${advice}`,
    ),
  )
})
