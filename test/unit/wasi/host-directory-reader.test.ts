/** Folders of the host that are listed. */
import { linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Errno } from '../../../src/wasi/errno.ts'
import { MAX_HOST_ENTRIES, readHostDirectory } from '../../../src/wasi/host-directory-reader.ts'

test('a folder with more entries than a guest may list', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-entries-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (let at = 0; at < MAX_HOST_ENTRIES; at++) writeFileSync(join(folder, String(at)), '')
  const read = () => {
    const reader = readHostDirectory(folder)
    if (typeof reader === 'number') throw new Error(`errno ${reader}`)
    const first = reader.read(MAX_HOST_ENTRIES)
    const rest = reader.read(1)
    reader.close()
    return [typeof first === 'number' ? first : first.length, rest]
  }
  expect(read()).toEqual([MAX_HOST_ENTRIES, []])
  linkSync(join(folder, '0'), join(folder, 'more'))
  expect(read()).toEqual([MAX_HOST_ENTRIES, Errno.OVERFLOW])
})
