/** A number is given to one release only, whatever has been given up meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { release } from './drafts.ts'

type Step = string | { readonly keep: number } | 'withdraw'

/** A letter publishes that module as handler `main`, a capital one as `other`. */
const STORIES: ReadonlyArray<readonly Step[]> = [
  ['a', 'b', 'withdraw', { keep: 0 }, 'c'],
  ['a', 'b', 'c', 'd', 'a', 'b', 'c', { keep: 1 }, 'e'],
  ['a', 'B', 'C', 'D', 'B', 'C', { keep: 0 }, 'e', { keep: 0 }, 'F'],
  ['a', 'b', 'c', 'a', { keep: 0 }, { keep: 0 }, 'd', { keep: 1 }, 'e'],
]

test.each(STORIES.map((story) => ({ name: JSON.stringify(story), story })))(
  '$name',
  async ({ story }) => {
    const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-numbers-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const store = await DirectoryStore.make(join(folder, 'store'), { clock: systemClock })
    const releaseOf = new Map<number, string>()
    for (const step of story) {
      if (typeof step === 'object') await store.collect(step)
      else if (step === 'withdraw') await store.withdraw('acme', 'main')
      else {
        const handler = step === step.toLowerCase() ? 'main' : 'other'
        const route = `/${handler}`
        const stored = await release(store, nodeFiles, { module: step, handler, route })
        expect(releaseOf.get(stored.number) ?? stored.release).toBe(stored.release)
        releaseOf.set(stored.number, stored.release)
      }
    }
    expect((await store.check()).problems).toEqual([])
  },
)
