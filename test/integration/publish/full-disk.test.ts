/**
 * A store on a disk without a free byte: whatever is published is read and served, by new workers too, and rolling back, withdrawing and
 * collecting work as often as they are wanted. The disk is a small tmpfs, which only root can mount.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readdirSync, statfsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { publish } from '../../../src/store/publication.ts'
import { ReleaseReader } from '../../../src/store/release-reader.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { release } from '../../unit/store/drafts.ts'
import { Client, configText, makeFolder, serve } from '../master/serve.ts'

const isRoot = process.getuid?.() === 0
const GUESTS = resolve('build/guests/as')
const FILES = { 'index.html': 'a page' }

test.skipIf(!isRoot)('everything that gets out of it works on a full disk', async () => {
  const { root, fill } = smallDisk()
  const store = await DirectoryStore.make(root, { clock: systemClock })
  const first = await release(store, nodeFiles, { module: '1', files: FILES })
  const second = await release(store, nodeFiles, { module: '2', files: FILES })
  const third = await release(store, nodeFiles, { module: '3', files: FILES })
  fill()

  // A worker that was replaced: it reads, and holds what it uses.
  const reader = await ReleaseReader.open(root, { clock: systemClock })
  const live = await reader.take('acme', { holder: reader })
  expect(live.handlers.map(({ digest }) => digest)).toEqual([third.release])
  expect((await reader.listing(live.handlers[0] as never)).length).toBe(1)

  await expect(release(store, nodeFiles, { module: 'x'.repeat(9000) })).rejects.toMatchObject({
    code: 'STORE_FULL',
  })
  for (let round = 0; round < 10; round += 1) {
    expect((await store.rollBack('acme')).release).toBe(second.release)
    fill()
    expect((await store.switchTo('acme', third.release)).release).toBe(third.release)
    fill()
    await store.collect()
    fill()
  }
  expect((await store.rollBack('acme')).release).toBe(second.release)
  fill()
  // What the reader holds stays, what nobody holds goes.
  await store.switchTo('acme', first.release)
  fill()
  await store.collect({ keep: 1 })
  expect(await reader.listing(live.handlers[0] as never)).toHaveLength(1)
  expect((await store.check()).problems).toEqual([])
  fill()
  expect((await store.withdraw('acme', 'main')).release).toBe(first.release)
  await reader.close()
  expect(readdirSync(store.layout.leases)).toEqual([])
  expect((await store.check()).problems).toEqual([])
})

test.skipIf(!isRoot)(
  'a worker that takes the place of another one on a full disk serves what is published',
  async () => {
    const { root, fill } = smallDisk()
    const store = await DirectoryStore.make(root, { clock: systemClock })
    const units = { size: parseSize, duration: parseDuration }
    const publishAt = (route: string, name: string) =>
      publish(join(GUESTS, name), { store, tenant: 'site', route, units, clock: systemClock })
    await publishAt('/old', 'hello.wasm')
    await publishAt('/app', 'echo.wasm')
    const folder = makeFolder()
    const serving = await serve({
      folder,
      config: configText(folder, { top: `store = "${root}"`, pool: 'workers = 1' }),
    })
    const answers = async (): Promise<readonly number[]> => {
      const client = new Client(serving.socket)
      const found = []
      for (const path of ['old', 'app', 'app/more', 'hello.wasm'])
        found.push((await client.get(path)).status)
      client.close()
      return found
    }
    expect(await answers()).toEqual([200, 200, 200, 200])
    fill()
    for (const replace of ['crash', 'restart']) {
      const [before = -1] = serving.workers()
      const from = serving.log().length
      if (replace === 'crash') process.kill(before, 'SIGKILL')
      else expect((await serving.command('restart')).code).toBe(0)
      await serving.logged(/"msg":"worker is ready"/, from)
      await expect.poll(() => serving.workers().includes(before)).toBe(false)
      expect([replace, await answers()]).toEqual([replace, [200, 200, 200, 200]])
      // What the old one held is taken over, or told of; nobody is answered 500.
      expect(serving.log().slice(from)).not.toContain('"status":500')
    }
    // And the way out is there.
    await store.withdraw('site', 'echo')
    await store.collect({ keep: 1 })
    await expect.poll(answers).toEqual([200, 404, 404, 200])
  },
)

/** A store's folder on a disk of two megabytes; `fill` leaves not a byte of it. */
function smallDisk(): { readonly root: string; readonly fill: () => void } {
  const disk = join(makeFolder(), 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0755', 'tmpfs', disk])
  onTestFinished(() => void spawnSync('umount', ['-l', disk]))
  const filler = join(disk, 'filler')
  const fill = (): void => {
    for (;;) {
      const { bavail, bsize } = statfsSync(disk)
      if (bavail === 0) return
      appendFileSync(filler, Buffer.alloc(bavail * bsize, 1))
    }
  }
  return { root: join(disk, 'store'), fill }
}
