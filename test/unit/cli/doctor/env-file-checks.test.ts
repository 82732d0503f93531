import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkEnvFiles } from '../../../../src/cli/doctor/env-file-checks.ts'
import { parseConfig } from '../../../../src/config/parse.ts'

function parse(folder: string, keys: string) {
  const text = `[[pool]]\nname = "www"\nlisten = ["/a"]\n[[tenant]]\nname = "acme"\n${keys}`
  return parseConfig(text, join(folder, 'wasm-fpm.toml'))
}

test('files of secrets: none, good ones, and one that others can read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-doctor-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  expect(checkEnvFiles(parse(folder, ''))).toEqual([])
  const file = join(folder, 'a.env')
  writeFileSync(file, 'A=canary\n', { mode: 0o600 })
  const config = parse(folder, 'env_file = "a.env"\n')
  expect(checkEnvFiles(config)).toMatchObject([{ status: 'ok', actual: '1 of them' }])
  chmodSync(file, 0o644)
  expect(checkEnvFiles(config)).toMatchObject([
    {
      status: 'fail',
      actual: expect.stringContaining(`chmod 600 ${file}`),
      advice: expect.stringMatching(/^chmod 600 and chown/),
    },
  ])
  expect(JSON.stringify(checkEnvFiles(config))).not.toContain('canary')
})
