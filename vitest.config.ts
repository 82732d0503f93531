import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

// Hostile guests are held to bounds in time, and real servers and processes race with each other: on a machine that others use
// as well, what was missed is tried again, once more or thrice. What hangs is no mood of the machine, and everything else has to
// pass at once.
const RETRIES: Readonly<Record<string, number>> = { hostile: 3, alone: 1, peers: 1, integration: 1 }

/** Messages of failures other than vitest's own "Test timed out in". */
const NO_HANG = /^(?!(Test|Hook) timed out in )/

/** What a test waits for comes at once, unless the machine has other things to do: what does not come at all fails later. */
const POLL_MS = 30_000

/** They measure how long something takes, or how much of a processor. */
const ALONE = [
  'test/integration/master/metrics.test.ts',
  'test/integration/master/workers.test.ts',
  'test/integration/publish/switching.test.ts',
]

const project = (name: string, include: string[], testTimeout = 10_000) => ({
  test: {
    name,
    include,
    ...(name === 'integration' ? { exclude: ALONE } : {}),
    // Half of the time they wait; vitest would leave one of the processors to others. Those that measure come behind, one at a time.
    ...(name === 'alone' || name === 'hostile'
      ? { maxWorkers: 1, sequence: { groupOrder: 1 } }
      : { maxWorkers: availableParallelism() }),
    testTimeout,
    hookTimeout: 120_000,
    retry: { count: RETRIES[name] ?? 0, condition: NO_HANG },
    expect: { poll: { timeout: POLL_MS } },
  },
})

export default defineConfig({
  test: {
    pool: 'forks',
    globalSetup: 'test/support/build-program.ts',
    // The next process of the program begins with what V8 has compiled of the one before, where that may be read: workers may not.
    env: { NODE_COMPILE_CACHE: resolve('build/compiled') },
    projects: [
      project('architecture', [
        'test/architecture.test.ts',
        'test/documents.test.ts',
        'test/exports.test.ts',
        'test/garbage.test.ts',
        'test/limits-doc.test.ts',
      ]),
      project('unit', ['test/unit/**/*.test.ts'], 90_000),
      project('integration', ['test/integration/**/*.test.ts'], 120_000),
      project('alone', ALONE, 120_000),
      project('hostile', ['test/hostile/**/*.test.ts'], 60_000),
      project('peers', ['test/peers/**/*.test.ts'], 180_000),
    ],
  },
})
