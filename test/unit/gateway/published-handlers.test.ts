/** Which releases a worker says it uses, while they come and go. What it answers: `test/integration/publish`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { createLogger } from '../../../src/base/logger.ts'
import { parseEnvironment } from '../../../src/cgi/environment.ts'
import { PublishedHandlers } from '../../../src/gateway/published-handlers.ts'
import { FileReader } from '../../../src/gateway/static/file-reader.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { surveyLeases } from '../../../src/store/leases.ts'
import { ReleaseReader } from '../../../src/store/release-reader.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { release } from '../store/drafts.ts'

const WALL_MS = 30_000
/** What a request may take, and the minute for what comes after it. */
const LAST_USE_MS = WALL_MS + 60_000
const REQUEST = parseEnvironment([
  ['REQUEST_METHOD', 'GET'],
  ['SCRIPT_NAME', '/x'],
  ['REQUEST_URI', '/x'],
  ['SERVER_PROTOCOL', 'HTTP/1.1'],
])

test('a release stays in use as long as a request may run on it, however many come after it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-published-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const store = await DirectoryStore.make(folder, { clock: systemClock })
  const reader = await ReleaseReader.open(folder, { clock: systemClock })
  const clock = new FakeClock()
  const handlers = new PublishedHandlers({
    ...{ tenant: 'acme', reader, clock, logger: createLogger('silent'), wallMs: WALL_MS },
    settingsOf: () => ({}) as never,
    fileReader: new FileReader(),
    verify: async () => undefined,
    load: async () => ({}) as never,
    onFailing: () => undefined,
  })
  onTestFinished(async () => {
    handlers.close()
    await reader.close()
  })
  const inUse = async (): Promise<readonly string[]> => {
    const { used } = await surveyLeases(store.layout, nodeFiles, 0)
    return [...used].sort()
  }
  const publish = async (module: string): Promise<string> => {
    const { release: digest } = await release(store, nodeFiles, { module })
    await handlers.find(REQUEST)
    await expect.poll(inUse).toContain(digest)
    // It is taken up when the one before is on its way out.
    await expect.poll(() => clock.pending).toBe(switches)
    switches += 1
    return digest
  }
  let switches = 0
  const one = await publish('one')
  const two = await publish('two')
  clock.advance(1000)
  const three = await publish('three')
  expect(await inUse()).toEqual([one, two, three].sort())
  clock.advance(LAST_USE_MS - 1001)
  expect(await inUse()).toEqual([one, two, three].sort())
  clock.advance(1)
  await expect.poll(inUse).toEqual([two, three].sort())
  clock.advance(1000)
  await expect.poll(inUse).toEqual([three])
})
