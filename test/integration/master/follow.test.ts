/** A machine that follows another one's store: served, told, and left alone when the source is dead or the disk is full. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statfsSync,
  truncateSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import { Follower } from '../../../src/follow/follower.ts'
import { openSource } from '../../../src/follow/open-source.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { publish } from '../../../src/store/publication.ts'
import { Replica } from '../../../src/store/replica.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { release } from '../../unit/store/drafts.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

const isRoot = process.getuid?.() === 0
const GUESTS = resolve('build/guests/as')
const clock = systemClock
/** Debian's nobody. */
const NOBODY = 65534

test('what is published there is served here, with the source dead, too', async () => {
  const [there, folder] = [join(makeFolder(), 'store'), makeFolder()]
  const origin = await DirectoryStore.make(there, { clock })
  const units = { size: parseSize, duration: parseDuration }
  // One handler: its name is that of the file.
  const module = join(makeFolder(), 'app.wasm')
  const publishAt = (name: string) => {
    copyFileSync(join(GUESTS, name), module)
    return publish(module, { store: origin, tenant: 'site', route: '/app', units, clock })
  }
  await publishAt('hello.wasm')
  const user = isRoot ? 'user = "nobody"\ngroup = "nogroup"' : ''
  const here = join(folder, 'own')
  mkdirSync(here)
  if (isRoot) chownSync(here, NOBODY, NOBODY)
  const config = configText(folder, {
    top: `store = "${here}/store"\n[follow]\nsource = "dir:${there}"\ninterval = "100ms"\n${user}`,
    pool: 'workers = 1',
  })
  const serving = await serve({ folder, config })
  const get = async (): Promise<string> => {
    const client = new Client(serving.socket)
    const { status, body } = await client.get('app')
    client.close()
    return `${status} ${body.slice(0, 5)}`
  }
  const status = async (): Promise<string> => (await serving.command('status')).stdout
  await expect.poll(get, { timeout: 60_000 }).toBe('200 Hello')
  await expect
    .poll(status, { timeout: 60_000 })
    .toMatch(/^follows dir:.*: 1 tenants in step, seen /m)
  if (isRoot)
    expect(
      execFileSync('stat', ['-c', '%U', join(here, 'store/live/site.json')], { encoding: 'utf8' }),
    ).toBe('nobody\n')

  await publishAt('echo.wasm')
  await expect.poll(get, { timeout: 60_000 }).toMatch(/^200 \{/)
  renameSync(there, `${there}-dead`)
  await expect.poll(status, { timeout: 60_000 }).toMatch(/\[FOLLOW_NO_SOURCE\]$/m)
  const local = await DirectoryStore.open(`${here}/store`, { clock })
  await local.rollBack('site')
  await expect.poll(get, { timeout: 60_000 }).toBe('200 Hello')
  // The process is replaced when it dies, and requests do not notice.
  const from = serving.log().length
  const pid = Number(/"pid":(\d+),"source"/.exec(serving.log())?.[1])
  process.kill(pid, 'SIGKILL')
  await serving.logged(/"msg":"following"/, from)
  // Started anew with the source dead.
  serving.child.kill('SIGTERM')
  expect(await serving.exit).toBe(0)
  const again = await serve({ folder, config })
  await again.logged(/FOLLOW_NO_SOURCE/)
  expect(await get()).toBe('200 Hello')
  expect((await again.command('status')).stdout).toMatch(/^master \d+, up /)
  expect((await local.check()).problems).toEqual([])
}, 300_000)

test('a machine that has nothing yet is ready when it has what its source has, and stays so', async () => {
  const [there, folder] = [join(makeFolder(), 'store'), makeFolder()]
  const config = configText(folder, {
    top: `store = "${folder}/own"\n[follow]\nsource = "dir:${there}"\ninterval = "100ms"`,
    pool: 'workers = 1',
    tenant: 'ready_path = "/ready"',
  })
  const serving = await serve({ folder, config })
  const client = new Client(serving.socket)
  const ready = async (): Promise<string> => (await client.get('ready')).body
  await serving.logged(/FOLLOW_NO_SOURCE/)
  expect(await ready()).toBe('starting\n')
  expect((await client.get('hello.wasm')).status).toBe(200)
  const origin = await DirectoryStore.make(`${there}-dead`, { clock })
  await release(origin, nodeFiles, { module: '1', tenant: 'site' })
  renameSync(`${there}-dead`, there)
  await expect.poll(ready).toBe('ready\n')
  const local = await DirectoryStore.open(`${folder}/own`, { clock })
  expect((await local.state('site')).handlers['main']?.release).toBeDefined()
  renameSync(there, `${there}-dead`)
  const from = serving.log().length
  await serving.logged(/FOLLOW_NO_SOURCE/, from)
  expect(await ready()).toBe('ready\n')
})

test.skipIf(!isRoot)('a full disk: nothing half, and it goes on when there is space', async () => {
  const there = join(makeFolder(), 'store')
  const origin = await DirectoryStore.make(there, { clock })
  const disk = join(makeFolder(), 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0755', 'tmpfs', disk])
  onTestFinished(() => void spawnSync('umount', ['-l', disk]))
  const root = join(disk, 'store')
  const replica = await Replica.make(root, { clock })
  const local = await DirectoryStore.open(root, { clock })
  const follower = new Follower({
    ...{ source: openSource(`dir:${there}`, clock), replica, clock, intervalMs: 1000 },
    ...{ logger: pino({ level: 'silent' }), onFacts: () => undefined },
  })
  const first = await release(origin, nodeFiles, { module: '1', files: { 'a.html': 'a' } })
  await follower.look()
  const filler = join(disk, 'filler')
  const { bavail, bsize } = statfsSync(disk)
  appendFileSync(filler, Buffer.alloc(bavail * bsize, 1))
  const second = await release(origin, nodeFiles, {
    module: '2',
    files: { 'a.html': 'x'.repeat(300_000) },
  })
  await follower.look()
  expect(follower.facts).toMatchObject({ behind: 1, error: { code: 'STORE_FULL' } })
  const live = async () => (await local.state('acme')).handlers['main']?.release
  expect(await live()).toBe(first.release)
  expect((await local.check()).problems).toEqual([])
  expect(readdirSync(local.layout.tmp)).toEqual([])
  truncateSync(filler, 0)
  await follower.look()
  expect(follower.facts).toMatchObject({ behind: 0, error: null })
  expect(await live()).toBe(second.release)
  expect((await local.check()).problems).toEqual([])
})
