/** Whatever is done to a tenant's pointers in whatever order: what answers is there, and rolling back never goes where it must not. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { CrashFiles } from './crash-files.ts'
import { store as keep } from './drafts.ts'

const MODULES = ['1', '2', '3', '4']

type Step =
  | { readonly do: 'switch' | 'canary'; readonly module: number }
  | { readonly do: 'promote' | 'drop' | 'rollback' | 'withdraw' | 'collect' | 'fail' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('switch' as const, 'canary' as const),
    module: fc.nat(MODULES.length - 1),
  }),
  fc.record({
    do: fc.constantFrom(
      ...(['promote', 'drop', 'rollback', 'withdraw', 'collect', 'fail'] as const),
    ),
  }),
)

/** What it should be: the live release, its canary, and where rolling back goes, the next one last. */
interface Model {
  live: string | undefined
  canary: string | undefined
  past: string[]
}

test('a model of live releases, canaries and rolling back', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const files = new CrashFiles()
      const store = await DirectoryStore.make('/store', { clock: systemClock, files })
      const digests: string[] = []
      for (const module of MODULES) digests.push((await keep(store, files, { module })).release)
      const model: Model = { live: undefined, canary: undefined, past: [] }
      for (const one of steps) {
        const digest = 'module' in one ? (digests[one.module] ?? '') : ''
        const isDone = await carryOut(store, one, digest).then(
          () => true,
          (error: unknown) => {
            expect(error).toMatchObject({ code: expect.stringMatching(/^STORE_/) })
            return false
          },
        )
        const listed = new Set((await store.releases('acme')).map(({ release }) => release))
        expect(isDone).toBe(expected(model, one, { digest, listed }))
        const pointer = (await store.state('acme')).handlers['main']
        expect([pointer?.release, pointer?.canary?.release]).toEqual([model.live, model.canary])
        expect((await store.check()).problems).toEqual([])
      }
    }),
    { numRuns: 60 },
  )
})

async function carryOut(store: DirectoryStore, one: Step, digest: string): Promise<unknown> {
  switch (one.do) {
    case 'switch':
      return store.switchTo('acme', digest)
    case 'canary':
      return store.setCanary('acme', digest, { weight: 10, sticky: false })
    case 'promote':
      return store.promote('acme')
    case 'drop':
      return store.dropCanary('acme')
    case 'rollback':
      return store.rollBack('acme')
    case 'withdraw':
      return store.withdraw('acme', 'main')
    case 'collect':
      return store.collect({ keep: 1 })
    case 'fail': {
      const { handlers } = await store.state('acme')
      return store.rollBackFrom('acme', 'main', handlers['main']?.release ?? 'a'.repeat(64))
    }
  }
}

/** Changes the model; answers whether it can be done. */
function expected(
  model: Model,
  one: Step,
  { digest, listed }: { readonly digest: string; readonly listed: ReadonlySet<string> },
): boolean {
  const { live, canary } = model
  switch (one.do) {
    case 'switch':
      return listed.has(digest) && goLive(model, digest)
    case 'canary':
      if (!listed.has(digest) || live === undefined || live === digest) return false
      model.canary = digest
      return true
    case 'promote':
      return canary !== undefined && goLive(model, canary)
    case 'drop':
      model.canary = undefined
      return canary !== undefined
    case 'rollback':
      if (canary === undefined) return goBack(model, listed)
      model.canary = undefined
      return true
    case 'fail':
      // Nothing to go back from is nothing to complain about.
      return live === undefined || goBack(model, listed)
    case 'withdraw':
      Object.assign(model, { live: undefined, canary: undefined, past: [] })
      return live !== undefined
    case 'collect':
      return true
  }
}

function goLive(model: Model, digest: string): boolean {
  const { live, past } = model
  const before = live === undefined || live === digest ? past : [...past, live]
  model.past = live === digest ? before : before.filter((one) => one !== digest)
  model.live = digest
  model.canary = undefined
  return true
}

function goBack(model: Model, listed: ReadonlySet<string>): boolean {
  const kept = model.past.filter((one) => listed.has(one))
  const older = kept.pop()
  if (older === undefined) return false
  Object.assign(model, { live: older, canary: undefined, past: kept })
  return true
}
