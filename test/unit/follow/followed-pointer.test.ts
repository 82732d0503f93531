/** Which pointer was followed last is in the pointer here: whoever switches here is not overruled until there is something new there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FolderSource } from '../../../src/follow/folder-source.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { Replica } from '../../../src/store/replica.ts'
import { signRelease } from '../../../src/store/signature.ts'
import { createSigningKey } from '../../../src/store/signing-key.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { clock, temporaryFolder } from '../../support/follow/source-cases.ts'
import { release } from '../store/drafts.ts'

const KEY = createSigningKey().key

async function twoStores() {
  const folder = temporaryFolder()
  const [there, here] = [join(folder, 'there'), join(folder, 'here')]
  const origin = await DirectoryStore.make(there, { clock })
  const replica = await Replica.make(here, { clock })
  const source = new FolderSource(there, clock)
  const pointer = (): Uint8Array => readFileSync(join(there, 'live/acme.json'))
  const follow = () => replica.follow(source, 'acme', pointer())
  const isInStep = () => replica.isInStep('acme', pointer())
  const store = await DirectoryStore.open(here, { clock })
  const live = async () => (await store.state('acme')).handlers['main']?.release
  return { origin, store, follow, isInStep, live }
}

const HERE: ReadonlyArray<
  readonly [name: string, work: (store: DirectoryStore) => Promise<unknown>]
> = [
  ['rolled back', (store) => store.rollBack('acme')],
  ['withdrawn', (store) => store.withdraw('acme', 'main')],
  [
    'signed',
    async (store) => {
      const [{ release: digest } = { release: '' }] = await store.releases('acme')
      const signed = { tenant: 'acme', release: digest }
      await store.putSignature('acme', digest, signRelease(KEY, signed))
    },
  ],
]

test.for(HERE)('what is %s here stays so until there is something new there', async ([, work]) => {
  const { origin, store, follow, isInStep, live } = await twoStores()
  await release(origin, nodeFiles, { module: '1' })
  expect(await isInStep()).toBe(false)
  await follow()
  await release(origin, nodeFiles, { module: '2' })
  await follow()
  await work(store)
  expect(await isInStep()).toBe(true)
  const { release: newest } = await release(origin, nodeFiles, { module: '3' })
  expect(await isInStep()).toBe(false)
  await follow()
  expect([await isInStep(), await live()]).toEqual([true, newest])
})

test('what is live there again as it is here is no switch', async () => {
  const { origin, store, follow, isInStep } = await twoStores()
  await release(origin, nodeFiles, { module: '1' })
  await follow()
  const before = await store.state('acme')
  const { release: live = '' } = before.handlers['main'] ?? {}
  await origin.putSignature('acme', live, signRelease(KEY, { tenant: 'acme', release: live }))
  expect(await isInStep()).toBe(false)
  await follow()
  expect(await isInStep()).toBe(true)
  const { sequence, handlers } = await store.state('acme')
  expect([sequence, handlers]).toEqual([before.sequence, before.handlers])
})
