/** `limits.function`: how large a function may be is the operator's to say, wherever a module is taken. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { publishCommand } from '../../../src/cli/publish.ts'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { publish } from '../../../src/store/publication.ts'
import { wat } from '../../support/wat.ts'
import { Client, configText, makeFolder, serve } from '../master/serve.ts'

/** Answers; has a function of 3,002 bytes. */
const LARGE = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\14\\00\\00\\00")
  (data (i32.const 16) "Content-Type: a/b\\0a\\0ax")
  (func $large ${'nop '.repeat(3000)})
  (func (export "_start")
    (call $large)
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 200)))))`)

const OVER =
  /"code":"WASM_LIMIT_EXCEEDED"[^\n]*functionBytes is 3002, wanted at most 2048, in function 1[^\n]*offset \d+/

test('a function over the limit is refused in the document root, as a release and when it is published', async () => {
  const folder = makeFolder()
  for (const name of ['large.wasm', 'own.wasm']) writeFileSync(join(folder, name), LARGE)
  const text = (limits: string): string =>
    configText(folder, { top: `store = "${folder}/store"`, tenant: limits })
  const small = `[[tenant.handlers]]
name = "own.wasm"
limits = { function = "3KiB" }
[tenant.limits]
function = "2KiB"`
  const store = await DirectoryStore.make(join(folder, 'store'), { clock: systemClock })
  const units = { size: parseSize, duration: parseDuration }
  const source = join(folder, 'large.wasm')
  // Nobody has said anything yet: the default holds.
  await publish(source, { store, tenant: 'site', route: '/app', units, clock: systemClock })
  const serving = await serve({ folder, config: text(small) })
  const client = new Client(serving.socket)
  for (const path of ['large.wasm', 'app']) {
    const from = serving.log().length
    expect([path, (await client.get(path)).status]).toEqual([path, 502])
    await serving.logged(OVER, from)
  }
  for (const path of ['hello.wasm', 'own.wasm'])
    expect([path, (await client.get(path)).status]).toEqual([path, 200])
  await expect(
    publishCommand().parseAsync(
      [source, '--tenant', 'site', '--config', join(folder, 'wasm-fpm.toml')],
      { from: 'user' },
    ),
  ).rejects.toMatchObject({ code: 'WASM_LIMIT_EXCEEDED', details: { limit: 'functionBytes' } })

  serving.writeConfig(text('[tenant.limits]\nfunction = "4KiB"'))
  expect((await serving.command('reload')).code).toBe(0)
  for (const path of ['large.wasm', 'app']) {
    await expect.poll(async () => (await client.get(path)).status).toBe(200)
  }
})
