/** A release keeps its number for good, and the order of publication is that of the last time. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { findRelease } from '../../../src/store/find-release.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { release } from './drafts.ts'

const CASES = [
  { published: 'A B A', numbers: [1, 2, 1], newestFirst: [1, 2], before: 'B' },
  { published: 'A B C A B', numbers: [1, 2, 3, 1, 2], newestFirst: [2, 1, 3], before: 'A' },
  { published: 'A A', numbers: [1, 1], newestFirst: [1], before: undefined },
]

for (const { published, numbers, newestFirst, before } of CASES) {
  for (const stepMs of [1000, 0, -1000]) {
    test(`${published}, the clock moves by ${stepMs} ms`, async () => {
      const root = mkdtempSync(join(tmpdir(), 'wasm-fpm-numbers-'))
      onTestFinished(() => rmSync(root, { recursive: true }))
      const clock = new FakeClock()
      const store = await DirectoryStore.make(root, { clock })
      const digests = new Map<string, string>()
      const seen: number[] = []
      for (const module of published.split(' ')) {
        clock.ns += BigInt(stepMs) * 1_000_000n
        const { release: digest, number } = await release(store, nodeFiles, { module })
        digests.set(module, digest)
        seen.push(number)
      }
      expect(seen).toEqual(numbers)
      expect((await store.releases('acme')).map(({ number }) => number)).toEqual(newestFirst)
      const choice = { tenant: 'acme', doing: 'roll back acme to' }
      expect((await findRelease(store, '1', choice)).release).toBe(digests.get('A'))
      if (before === undefined) {
        await expect(store.rollBack('acme')).rejects.toMatchObject({
          code: 'STORE_NO_OLDER_RELEASE',
        })
      } else expect((await store.rollBack('acme')).release).toBe(digests.get(before))
    })
  }
}
