/** The process that follows dies at any moment: the store is whole, what is live is the old or the new, and the next one goes on. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock as clock } from '../../../src/base/clock.ts'
import { openSource } from '../../../src/follow/open-source.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { StoreError } from '../../../src/store/errors.ts'
import { Replica } from '../../../src/store/replica.ts'
import { nodeFiles, type StoreFiles } from '../../../src/store/store-files.ts'
import { release } from '../store/drafts.ts'

function temporaryStore(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-broken-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'store')
}

/** Does `left` things more, and then nothing, not even what would clean up; but for the lock, which the next one takes from the dead. */
function dyingFiles(left: { count: number }): StoreFiles {
  return new Proxy(nodeFiles, {
    get:
      (files, name: keyof StoreFiles) =>
      (first: string, ...rest: unknown[]) => {
        const isLock = `${first} ${String(rest[0])}`.includes('/lock/')
        if (!isLock) left.count -= 1
        if (!isLock && left.count < 0)
          return Promise.reject(new StoreError('STORE_IO', 'it is dead'))
        const call = files[name] as (...args: unknown[]) => unknown
        return call(first, ...rest)
      },
  })
}

test('whatever it was about to do', { timeout: 300_000 }, async () => {
  const there = temporaryStore()
  const origin = await DirectoryStore.make(there, { clock })
  const source = openSource(`dir:${there}`, clock)
  const pointer = async (): Promise<Uint8Array> =>
    (await source.look())?.all.get('acme') ?? new Uint8Array(0)
  const old = await release(origin, nodeFiles, { module: '1', files: { 'a.html': 'a' } })
  const before = await pointer()
  const next = await release(origin, nodeFiles, {
    module: '2',
    files: { 'a.html': 'b', 'd/e': 'c' },
  })
  const after = await pointer()
  let [outcome, tries] = ['died', 0]
  for (let count = 1; outcome === 'died'; count += 3) {
    const here = temporaryStore()
    await (await Replica.make(here, { clock })).follow(source, 'acme', before)
    const local = await DirectoryStore.open(here, { clock })
    const live = async () => (await local.state('acme')).handlers['main']?.release
    expect(await live()).toBe(old.release)
    const files = dyingFiles({ count })
    outcome = await Replica.make(here, { clock, files }).then(
      (replica) =>
        replica.follow(source, 'acme', after).then(
          () => 'done',
          () => 'died',
        ),
      () => 'died',
    )
    expect([count, (await local.check()).problems]).toEqual([count, []])
    expect([old.release, next.release]).toContain(await live())
    if (outcome === 'done') expect(await live()).toBe(next.release)
    await (await Replica.make(here, { clock })).follow(source, 'acme', after)
    expect(await live()).toBe(next.release)
    expect((await local.check()).problems).toEqual([])
    expect((await local.rollBack('acme')).release).toBe(old.release)
    tries += 1
  }
  expect(tries).toBeGreaterThan(15)
})
