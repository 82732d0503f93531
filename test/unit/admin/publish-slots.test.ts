import { expect, test } from 'vitest'
import { PublishSlots } from '../../../src/admin/publish-slots.ts'

test('so many in all, so many of a tenant, and each place is given back once', () => {
  const slots = new PublishSlots({ publications: 3, tenantPublications: 2 })
  const first = slots.take('acme')
  slots.take('acme')
  expect(() => slots.take('acme')).toThrow(expect.objectContaining({ code: 'ADMIN_BUSY' }))
  slots.take('other')
  expect(() => slots.take('third')).toThrow(expect.objectContaining({ code: 'ADMIN_BUSY' }))
  first()
  expect(slots.total).toBe(2)
  slots.take('third')
  expect(slots.total).toBe(3)
})
