/** A folder that is exported to again and again: what has not changed is not read again, and what is lost is. */
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type ExportIndex, INDEX_FILE } from '../../../src/follow/export-index.ts'
import { FolderExport } from '../../../src/follow/export-store.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { clock, temporaryFolder } from '../../support/follow/source-cases.ts'
import { release } from '../store/drafts.ts'

/** A release that nobody has published. */
const FOREIGN = 'f'.repeat(64)

async function twoTenants() {
  const folder = temporaryFolder()
  const [from, to] = [join(folder, 'store'), join(folder, 'copy')]
  const store = await DirectoryStore.make(from, { clock })
  const publish = async (tenant: string, module: string): Promise<string> =>
    (await release(store, nodeFiles, { tenant, module })).release
  const index = (): ExportIndex['tenants'] =>
    (JSON.parse(readFileSync(join(to, INDEX_FILE), 'utf8')) as ExportIndex).tenants
  const published = (tenant: string) => index()[tenant]?.published.toSorted()
  const first = { acme: await publish('acme', '1'), beta: await publish('beta', '1') }
  return { from, to, publish, index, published, first }
}

test('only what has changed is listed again', async () => {
  const { from, to, publish, published, first } = await twoTenants()
  const session = await FolderExport.open(from, to, clock)
  expect(await session.run()).toMatchObject({ tenants: 2, changed: 2 })
  writeFileSync(join(to, 'tenants/beta', `${FOREIGN}.json`), '{}')
  const next = await publish('acme', '2')
  expect(await session.run()).toMatchObject({ tenants: 2, changed: 1 })
  expect(published('acme')).toEqual([first.acme, next].toSorted())
  expect(published('beta')).toEqual([first.beta])
  // Who begins knows nothing.
  expect(await (await FolderExport.open(from, to, clock)).run()).toMatchObject({ changed: 0 })
  expect(published('beta')).toEqual([first.beta, FOREIGN].toSorted())
})

test('an index that is gone, or another one, is made again of all that there is', async () => {
  const { from, to, index } = await twoTenants()
  const session = await FolderExport.open(from, to, clock)
  await session.run()
  const whole = index()
  rmSync(join(to, INDEX_FILE))
  expect(await session.run()).toMatchObject({ tenants: 2, changed: 0 })
  expect(index()).toEqual(whole)
  rmSync(join(to, INDEX_FILE))
  writeFileSync(join(to, INDEX_FILE), '{"format":1,"tenants":{}}')
  await session.run()
  expect(index()).toEqual(whole)
})

test('a tenant that could not be read is tried again', async () => {
  const { from, to, publish, published } = await twoTenants()
  const session = await FolderExport.open(from, to, clock)
  await session.run()
  const next = await publish('acme', '2')
  const entry = join(from, 'tenants/acme', `${next}.json`)
  const bytes = readFileSync(entry)
  rmSync(entry)
  await expect(session.run()).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  expect(published('acme')).not.toContain(next)
  writeFileSync(entry, bytes)
  expect(await session.run()).toMatchObject({ changed: 1 })
  expect(published('acme')).toContain(next)
})

test('no index has the second of the one before, whatever the clock says', async () => {
  const { from, to, publish } = await twoTenants()
  const session = await FolderExport.open(from, to, clock)
  const second = (): number => Math.floor(statSync(join(to, INDEX_FILE)).mtimeMs / 1000)
  await session.run()
  const first = second()
  await publish('acme', '2')
  await session.run()
  await publish('acme', '3')
  await session.run()
  expect(second()).toBeGreaterThan(first + 1)
  const later = first + 7 * 3600
  utimesSync(join(to, INDEX_FILE), later, later)
  await publish('acme', '4')
  await session.run()
  expect(second()).toBe(later + 1)
  await session.run()
  expect(second()).toBe(later + 1)
})
