import { expect, test } from 'vitest'
import { askTenants } from '../../../src/master/ask-tenants.ts'

test('all tenants are asked, few at a time, and told in order', async () => {
  const tenants = Array.from({ length: 1000 }, (_, number) => ({ tenant: `t${number}`, pool: 'p' }))
  let running = 0
  let most = 0
  const found = await askTenants(tenants, async ({ tenant }) => {
    running += 1
    most = Math.max(most, running)
    await new Promise(setImmediate)
    running -= 1
    return [`status of ${tenant}`]
  })
  expect(most).toBeGreaterThan(1)
  expect(most).toBeLessThanOrEqual(128)
  expect(found.map(({ tenant }) => tenant)).toEqual(tenants.map(({ tenant }) => tenant))
  expect(found[999]).toEqual({ tenant: 't999', pool: 'p', statuses: ['status of t999'] })
})

test('nobody to ask', async () => {
  expect(await askTenants([], () => Promise.resolve([]))).toEqual([])
})
