/** One build at a time in a folder. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { defaultCache, withFolder } from '../../../../src/cli/runtime/cache-folder.ts'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-cache-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'php')
}

test('a second one is told of the first; once that has ended, or failed, another may come', async () => {
  const folder = newFolder()
  await withFolder(folder, async () => {
    await expect(withFolder(folder, async () => 1)).rejects.toMatchObject({
      code: 'RUNTIME_BUSY',
      message: expect.stringContaining(`process ${process.pid} does so`),
    })
  })
  await expect(withFolder(folder, () => Promise.reject(new Error('broken')))).rejects.toThrow(
    'broken',
  )
  expect(await withFolder(folder, async () => 2)).toBe(2)
})

test('one that has died leaves nothing that stops the next', async () => {
  const folder = newFolder()
  await withFolder(folder, async () => undefined)
  writeFileSync(join(folder, 'lock'), '4194304999\n')
  expect(await withFolder(folder, async () => 3)).toBe(3)
})

test('a place that cannot be: a code', async () => {
  await expect(withFolder('/dev/null/php', async () => 1)).rejects.toMatchObject({
    code: 'CLI_NOT_WRITABLE',
  })
})

test('the cache is where XDG has it', () => {
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('XDG_CACHE_HOME', '/cache')
  expect(defaultCache()).toBe('/cache/wasm-fpm/runtimes')
  vi.stubEnv('XDG_CACHE_HOME', 'relative')
  vi.stubEnv('HOME', '/home/a')
  expect(defaultCache()).toBe('/home/a/.cache/wasm-fpm/runtimes')
})
