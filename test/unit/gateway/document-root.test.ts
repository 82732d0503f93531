/** Modules that the worker does not keep are not kept here either, and are read again when they are asked for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DocumentRoot } from '../../../src/gateway/document-root.ts'
import { CompileCache } from '../../../src/guest/compile-cache.ts'
import { LoadTurns } from '../../../src/guest/load-turns.ts'
import { wat } from '../../support/wat.ts'

test('a module that is dropped is forgotten, and one that cannot be read is not read again and again', async () => {
  const root = mkdtempSync(join(tmpdir(), 'wasm-fpm-root-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const modules = [1, 2].map((page) =>
    wat(`(module (memory (export "memory") ${page}) (func (export "_start")))`),
  )
  for (const [at, bytes] of modules.entries()) writeFileSync(join(root, `${at}.wasm`), bytes)
  writeFileSync(join(root, 'bad.wasm'), Uint8Array.of(0, 0x61, 0x73, 0x6d, 9))
  const documents = new DocumentRoot({
    root,
    extensions: ['.wasm'],
    index: 'index.wasm',
    revalidateMs: 60_000,
    limitsOf: () => ({ memoryMaxBytes: 1 << 20, functionBytes: 1000 }),
    tenant: 'acme',
    cache: new CompileCache({ maxBytes: modules[0]?.length ?? 0 }),
    turns: new LoadTurns(),
    clock: systemClock,
  })
  const first = await documents.load('0.wasm')
  expect(documents.load('0.wasm')).toBe(first)
  const bad = documents.load('bad.wasm')
  await expect(bad).rejects.toMatchObject({ code: 'WASM_NOT_A_MODULE' })
  expect(documents.load('bad.wasm')).toBe(bad)
  const second = await documents.load('1.wasm')
  expect(documents.load('1.wasm')).toBe(second)
  const again = documents.load('0.wasm')
  expect(again).toBeInstanceOf(Promise)
  expect(await again).not.toBe(first)
})
