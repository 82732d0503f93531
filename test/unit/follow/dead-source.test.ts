/**
 * What follows is dead for 72 hours: what is here is served, can be rolled back, and is kept. The hours are a clock's that is moved, a minute at a
 * time: every look, and each renewal of a lease, that there would be happens. A machine whose processes are started anew with its source dead is
 * test/integration/master/follow.test.ts.
 */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { FolderSource } from '../../../src/follow/folder-source.ts'
import { Follower } from '../../../src/follow/follower.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { ReleaseReader } from '../../../src/store/release-reader.ts'
import { Replica } from '../../../src/store/replica.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/follow/source-cases.ts'
import { release } from '../store/drafts.ts'

const MINUTE_MS = 60_000
const HOURS = 72

async function follow() {
  const clock = new FakeClock()
  const folder = temporaryFolder()
  const [there, here] = [join(folder, 'there'), join(folder, 'here')]
  const origin = await DirectoryStore.make(there, { clock })
  const replica = await Replica.make(here, { clock })
  const said: string[] = []
  let looked = Promise.withResolvers<void>()
  const follower = new Follower({
    ...{ source: new FolderSource(there, clock), replica, clock, intervalMs: MINUTE_MS },
    onFacts: () => looked.resolve(),
    logger: pino({ base: null }, { write: (line) => said.push(JSON.parse(line).msg) }),
  })
  const afterLook = async (begin: () => void): Promise<void> => {
    looked = Promise.withResolvers<void>()
    begin()
    await looked.promise
    // Its timer is set in the turns after that.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const pass = async (minutes: number): Promise<void> => {
    for (let minute = 0; minute < minutes; minute += 1)
      await afterLook(() => clock.advance(MINUTE_MS))
  }
  const start = (): Promise<void> => afterLook(() => follower.start())
  const local = await DirectoryStore.open(here, { clock })
  const reader = await ReleaseReader.open(here, { clock })
  return { origin, local, reader, follower, there, said, start, pass }
}

test('the source is dead for 72 hours', { timeout: 120_000 }, async () => {
  const { origin, local, reader, follower, there, said, start, pass } = await follow()
  const publish = async (module: string): Promise<string> =>
    (await release(origin, nodeFiles, { module })).release
  const holder = {}
  const served = async () =>
    (await reader.take('acme', { holder })).handlers.map(({ digest }) => digest)
  const first = await publish('1')
  await start()
  const second = await publish('2')
  await pass(1)
  expect(await served()).toEqual([second])

  renameSync(there, `${there}-dead`)
  await pass((HOURS / 2) * 60)
  expect(await served()).toEqual([second])
  await local.rollBack('acme')
  expect(await served()).toEqual([first])
  await pass((HOURS / 2) * 60)
  expect(await served()).toEqual([first])
  expect(follower.facts).toMatchObject({ looks: HOURS * 60 + 2, failures: HOURS * 60, behind: 0 })
  expect(follower.facts.seenMs).toBeGreaterThanOrEqual(HOURS * 60 * MINUTE_MS)
  // Told once, and not at each look.
  expect(said.filter((line) => line.includes('there is no store'))).toHaveLength(1)
  // Its lease has been renewed.
  expect(await local.collect({ keep: 1 })).toMatchObject({ entries: 0, releases: 0, leases: 0 })
  expect(await local.check()).toMatchObject({ problems: [], leftovers: 0 })

  renameSync(`${there}-dead`, there)
  await pass(1)
  // Nothing new there: what is live here is what somebody here has said.
  expect([await served(), said.at(-1)]).toEqual([[first], 'the source is there again'])
  const third = await publish('3')
  await pass(1)
  expect(await served()).toEqual([third])
  await follower.close()
  await reader.close()
})
