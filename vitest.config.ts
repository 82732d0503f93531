import { defineConfig } from 'vitest/config'

// Hostile guests are held to bounds in time, and real servers and processes race with each other: on a machine that others use
// as well, what was missed is tried again. Everything else has to pass at once.
const RETRIES: Readonly<Record<string, number>> = { hostile: 3, peers: 2, integration: 2 }

const project = (name: string, include: string[], testTimeout = 10_000) => ({
  test: { name, include, testTimeout, hookTimeout: 60_000, retry: RETRIES[name] ?? 0 },
})

export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      project('architecture', ['test/architecture.test.ts']),
      project('unit', ['test/unit/**/*.test.ts']),
      project('integration', ['test/integration/**/*.test.ts'], 30_000),
      project('hostile', ['test/hostile/**/*.test.ts'], 60_000),
      project('peers', ['test/peers/**/*.test.ts'], 60_000),
    ],
  },
})
