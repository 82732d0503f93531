/** A source whose files come byte by byte: it is waited for while it is worth it, and nobody else waits. */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { join, normalize } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { FolderExport } from '../../../src/follow/export-store.ts'
import { Follower } from '../../../src/follow/follower.ts'
import { openSource } from '../../../src/follow/open-source.ts'
import type { ReleaseSource } from '../../../src/follow/release-source.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { Replica } from '../../../src/store/replica.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { clock, setUp, temporaryFolder } from '../../support/follow/source-cases.ts'
import { release } from '../store/drafts.ts'

const SLOW = 'x'.repeat(3000)

test('what drips comes in the end; others are live long before', async () => {
  const drip = { isOn: false, bytes: 0 }
  const { publish, follower, live, local } = await setUp(async (store) => {
    const copy = join(temporaryFolder(), 'copy')
    const sync = async (): Promise<void> =>
      void (await (await FolderExport.open(store, copy, clock)).run())
    await sync()
    const nothing = async (): Promise<void> => undefined
    return {
      source: openSource(await drippingServer(copy, drip), clock),
      ...{ sync, spoil: nothing, takeAway: nothing, bringBack: nothing },
    }
  })
  drip.isOn = true
  const slow = await publish({ module: 'slow', files: { 'a.html': SLOW } })
  follower.start()
  onTestFinished(() => follower.close())
  await expect.poll(() => drip.bytes).toBeGreaterThan(0)
  for (const tenant of ['b', 'c', 'd']) {
    const other = await publish({ module: tenant, tenant })
    await expect.poll(() => live(tenant)).toBe(other)
  }
  expect(await live()).toBeUndefined()
  expect(follower.facts).toMatchObject({ tenants: 4, behind: 1, error: null })
  expect((await local.check()).problems).toEqual([])
  expect(drip.bytes).toBeLessThan(SLOW.length)
  drip.isOn = false
  await expect.poll(() => live()).toBe(slow)
  expect((await local.check()).problems).toEqual([])
})

test('less than 8 KiB a second after a minute is given up, and tried again', async () => {
  const there = join(temporaryFolder(), 'store')
  const origin = await DirectoryStore.make(there, { clock })
  const time = new FakeClock()
  const drip = { stepMs: 0 }
  const source = dripping(openSource(`dir:${there}`, clock), time, drip)
  const here = join(temporaryFolder(), 'store')
  const replica = await Replica.make(here, { clock })
  const local = await DirectoryStore.open(here, { clock })
  const follower = new Follower({
    ...{ source, replica, clock: time, intervalMs: 2000, onFacts: () => undefined },
    logger: pino({ level: 'silent' }),
  })
  const live = async (tenant = 'acme') => (await local.state(tenant)).handlers['main']?.release
  const look = async () => {
    await follower.look()
    expect((await local.check()).problems).toEqual([])
    expect(readdirSync(local.layout.tmp)).toEqual([])
    return follower.facts
  }
  const old = await release(origin, nodeFiles, { module: '1' })
  await look()
  const next = await release(origin, nodeFiles, { module: '2', files: { 'a.html': SLOW } })
  const other = await release(origin, nodeFiles, { module: '3', tenant: 'other' })
  // 3,000 bytes, one each 21 ms: 63 s, which is more than a minute and what they may take besides.
  drip.stepMs = 21
  const facts = await look()
  expect(facts).toMatchObject({ behind: 1, error: { code: 'FOLLOW_NO_SOURCE' } })
  expect(facts.error?.message).toMatch(/blobs\/.*: \d+ bytes in 60 s/)
  expect([await live(), await live('other')]).toEqual([old.release, other.release])
  drip.stepMs = 20
  expect(await look()).toMatchObject({ behind: 0, error: null })
  expect(await live()).toBe(next.release)
})

/** The large file of `source` comes byte by byte, each so many milliseconds after the one before. */
function dripping(
  source: ReleaseSource,
  time: FakeClock,
  drip: { readonly stepMs: number },
): ReleaseSource {
  return {
    name: source.name,
    look: () => source.look(),
    list: (folder) => source.list(folder),
    read: (path, maxBytes) => source.read(path, maxBytes),
    stream: async (path, maxBytes) => {
      const bytes = await source.read(path, maxBytes)
      return (
        bytes &&
        (async function* () {
          if (bytes.length !== SLOW.length) yield bytes
          else
            for (const byte of bytes) {
              time.advance(drip.stepMs)
              yield Uint8Array.of(byte)
            }
        })()
      )
    },
  }
}

/** Hands out a folder; the large file byte by byte, while it drips. Resolves with its address. */
async function drippingServer(
  folder: string,
  drip: { readonly isOn: boolean; bytes: number },
): Promise<string> {
  const send = async (response: ServerResponse, bytes: Uint8Array): Promise<void> => {
    for (const [at, byte] of bytes.entries()) {
      if (response.destroyed) return
      if (!drip.isOn) {
        response.end(bytes.subarray(at))
        return
      }
      response.write(Uint8Array.of(byte))
      drip.bytes += 1
      await delay(50)
    }
    response.end()
  }
  const server = createServer((request, response) => {
    try {
      const bytes = readFileSync(join(folder, normalize(request.url ?? '')))
      response.writeHead(200, { 'content-length': bytes.length })
      if (bytes.length === SLOW.length) void send(response, bytes)
      else response.end(bytes)
    } catch {
      response.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}
