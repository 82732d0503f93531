/**
 * `kill -9` of a machine's follower while it switches many tenants together, at points of all its operations on the file system: the store is
 * whole, each tenant has its old or its new release, and the next follower brings the rest. WASM_FPM_KILLS: how many points.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { Follower } from '../../../src/follow/follower.ts'
import { openSource } from '../../../src/follow/open-source.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { Replica } from '../../../src/store/replica.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { clock, temporaryFolder } from '../../support/follow/source-cases.ts'
import { release } from '../../unit/store/drafts.ts'

const KILLS = Number(process.env['WASM_FPM_KILLS'] ?? 8)
const TENANTS = Array.from({ length: 8 }, (_, number) => `t${number}`)
const FOLLOWER = fileURLToPath(new URL('killed-follower.ts', import.meta.url))

test('a follower that is killed leaves nothing half', {
  timeout: 120_000 + KILLS * 2000,
  // Nothing in here races with anybody.
  retry: 0,
}, async () => {
  const folder = temporaryFolder()
  const [there, prepared, here] = [join(folder, 'a'), join(folder, 'b'), join(folder, 'c')]
  const origin = await DirectoryStore.make(there, { clock })
  const publishAll = async (module: string): Promise<readonly string[]> => {
    const digests: string[] = []
    for (const [number, tenant] of TENANTS.entries()) {
      // Some share a release.
      const own = `${module} ${number % 3}`
      const { release: digest } = await release(origin, nodeFiles, {
        ...{ tenant, module: own, files: { 'a/b.html': own } },
      })
      digests.push(digest)
    }
    return digests
  }
  const run = (store: string, killAt: number) => {
    const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') }
    const args = ['--disable-warning=ExperimentalWarning', FOLLOWER, store, there, String(killAt)]
    const { stdout, stderr, status, signal } = spawnSync(process.execPath, args, {
      ...{ encoding: 'utf8', env },
    })
    expect([status, signal, stderr]).toEqual(killAt === 0 ? [0, null, ''] : [null, 'SIGKILL', ''])
    return stdout
  }
  const sound = async (): Promise<readonly string[]> => {
    const store = await DirectoryStore.open(here, { clock })
    expect((await store.check()).problems).toEqual([])
    const live = async (tenant: string): Promise<string> =>
      (await store.state(tenant)).handlers['main']?.release ?? ''
    return Promise.all(TENANTS.map(live))
  }
  /** As the next one does it. */
  const follow = async (): Promise<void> => {
    const follower = new Follower({
      ...{
        source: openSource(`dir:${there}`, clock),
        replica: await Replica.make(here, { clock }),
      },
      ...{ clock, intervalMs: 1000, logger: pino({ level: 'silent' }), onFacts: () => undefined },
    })
    await follower.look()
    expect(follower.facts).toMatchObject({ behind: 0, error: null })
  }
  const old = await publishAll('one')
  run(prepared, 0)
  const next = await publishAll('two')
  cpSync(prepared, here, { recursive: true, verbatimSymlinks: true })
  const { operations, switches, behind } = JSON.parse(run(here, 0))
  expect([switches, behind]).toEqual([TENANTS.length, 0])
  expect(await sound()).toEqual(next)
  expect(operations).toBeGreaterThan(100)
  const step = Math.max(1, operations / KILLS)
  for (let point = 1; point <= operations; point += step) {
    rmSync(here, { recursive: true })
    cpSync(prepared, here, { recursive: true, verbatimSymlinks: true })
    run(here, Math.floor(point))
    for (const [number, digest] of (await sound()).entries()) {
      expect([old[number], next[number]]).toContain(digest)
    }
    await follow()
    expect(await sound()).toEqual(next)
  }
})
