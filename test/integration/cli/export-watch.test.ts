/** `wasm-fpm export --watch`: what becomes live is exported, whatever is in the way meanwhile. */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock as clock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { release } from '../../unit/store/drafts.ts'
import { emptyFolder, start } from './cli.ts'

test('each switch is exported; a target that cannot be written is told once, and tried again', async () => {
  const folder = emptyFolder()
  const [root, copy] = [join(folder, 'store'), join(folder, 'copy')]
  const store = await DirectoryStore.make(root, { clock })
  await release(store, nodeFiles, { module: '1' })
  const running = start(['export', copy, '--store', root, '--watch'])
  await running.printed(/1 tenants, 1 of them changed/)
  const from = running.text().length
  const next = await release(store, nodeFiles, { module: '2' })
  await running.printed(/1 tenants, 1 of them changed/, from)
  expect(readFileSync(join(copy, 'index.json'), 'utf8')).toContain(next.release)
  // Something else has taken its place.
  rmSync(copy, { recursive: true })
  writeFileSync(copy, '')
  const last = await release(store, nodeFiles, { module: '3' })
  await running.printed(/wasm-fpm: Cannot .*\n/, from)
  rmSync(copy)
  mkdirSync(copy)
  chmodSync(copy, 0o755)
  await running.printed(/1 of them changed/, running.text().length)
  expect(readFileSync(join(copy, 'index.json'), 'utf8')).toContain(last.release)
  expect(running.text().match(/wasm-fpm: Cannot/g)).toHaveLength(1)
  running.child.kill('SIGINT')
  expect(await running.exit).toBe('SIGINT')
})
