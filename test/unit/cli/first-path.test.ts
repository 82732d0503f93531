import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { firstPath } from '../../../src/cli/first-path.ts'
import { parseConfig } from '../../../src/config/parse.ts'

test('a path that is there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-first-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'www'))
  const asked = (tenant: string) => {
    const text = `[[pool]]\nname = "www"\nlisten = ["/a"]\n[[tenant]]\nname = "acme"\n${tenant}`
    return firstPath(parseConfig(text, join(folder, 'wasm-fpm.toml')))
  }
  const steps: ReadonlyArray<readonly [string, string, string]> = [
    ['', '', '/'],
    ['', 'root = "gone"', '/'],
    ['', 'root = "www"', '/'],
    ['some shop.wasm', 'root = "www"', '/some%20shop.wasm'],
    ['echo.wasm', 'root = "www"', '/echo.wasm'],
    ['hello.wasm', 'root = "www"', '/hello.wasm'],
  ]
  for (const [file, tenant, path] of steps) {
    if (file !== '') writeFileSync(join(folder, 'www', file), '')
    expect({ tenant, path: asked(tenant) }).toEqual({ tenant, path })
  }
})
