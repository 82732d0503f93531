import { expect, test } from 'vitest'
import { TenantPlaces } from '../../../src/admin/tenant-places.ts'

test('so many in all, so many of a tenant, and each place is given back once', () => {
  const places = new TenantPlaces({ doing: 'publish', things: 'uploads', inAll: 3, ofTenant: 2 })
  const first = places.take('acme')
  places.take('acme')
  expect(() => places.take('acme')).toThrow(expect.objectContaining({ code: 'ADMIN_BUSY' }))
  places.take('other')
  expect(() => places.take('third')).toThrow(expect.objectContaining({ code: 'ADMIN_BUSY' }))
  first()
  expect(places.total).toBe(2)
  places.take('third')
  expect(places.total).toBe(3)
})

test('the operator is held to the number in all only', () => {
  const places = new TenantPlaces({ doing: 'publish', things: 'uploads', inAll: 3, ofTenant: 1 })
  for (let count = 0; count < 3; count += 1) places.take('')
  expect(() => places.take('')).toThrow('3 uploads are under way, wanted fewer than 3')
})
