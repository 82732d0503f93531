import { expect, test } from 'vitest'
import { BuildLoop } from '../../../../src/cli/dev/build-loop.ts'

/** `during`: what changes while each build runs, one entry a build. */
function setUp(during: readonly (readonly string[])[]) {
  const waiting: Array<() => void> = []
  const generated: string[] = []
  let builds = 0
  const loop = new BuildLoop({
    build: () => {
      builds += 1
      return new Promise((resolve) => waiting.push(resolve))
    },
    takeChanges: () => during[builds - 1] ?? [],
    onGenerated: (path) => generated.push(path),
  })
  /** Ends the build that runs. */
  const finish = async (): Promise<void> => {
    waiting.shift()?.()
    await new Promise(setImmediate)
  }
  return { loop, generated, finish, builds: () => builds, running: () => waiting.length }
}

test('one build at a time; changes during one make another one', async () => {
  const { loop, finish, builds, running } = setUp([])
  loop.build()
  loop.build()
  loop.changed(['a'])
  expect([builds(), running()]).toEqual([1, 1])
  await finish()
  expect([builds(), running()]).toEqual([2, 1])
  await finish()
  expect([builds(), running()]).toEqual([2, 0])
  loop.changed(['a'])
  expect(builds()).toBe(3)
})

test('what changed while it ran is built', async () => {
  const { loop, finish, builds, running } = setUp([['main.c']])
  loop.build()
  await finish()
  expect([builds(), running()]).toEqual([2, 1])
  await finish()
  expect([builds(), running()]).toEqual([2, 0])
})

test('a file that changes with every build does not go on for ever', async () => {
  const always = Array.from({ length: 20 }, () => ['version.h'])
  const { loop, finish, builds, running, generated } = setUp(always)
  loop.build()
  for (let count = 0; count < 10; count += 1) await finish()
  expect([builds(), running()]).toEqual([4, 0])
  expect(generated).toEqual(['version.h'])
  loop.changed(['version.h'])
  expect(builds()).toBe(4)
  loop.changed(['version.h', 'main.c'])
  expect(builds()).toBe(5)
})

test('closed: the build that runs is awaited, and none starts', async () => {
  const { loop, finish, builds } = setUp([])
  loop.build()
  loop.changed(['a'])
  const closed = loop.close()
  await finish()
  await closed
  expect(builds()).toBe(1)
})
