import { defineConfig } from 'vitest/config'

// Hostile guests are held to bounds in time: on a machine that others use as well, a bound that was missed is tried again.
const project = (name: string, include: string[], testTimeout = 10_000) => ({
  test: { name, include, testTimeout, hookTimeout: 60_000, retry: name === 'hostile' ? 3 : 0 },
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
