import { expect, test } from 'vitest'
import { Places } from '../../../src/pool/places.ts'
import { compileGuest } from '../../support/guest.ts'
import { wat } from '../../support/wat.ts'

const small = await compileGuest(
  wat('(module (memory (export "memory") 1) (func (export "_start")))'),
)
const large = await compileGuest(
  wat('(module (memory (export "memory") 2) (func (export "_start")))'),
)

test('a place is told apart by tenant, module, engine and name, and found again', () => {
  const [acme, beta] = [new Places('acme'), new Places('beta')]
  const places = [
    acme.find(small, 'own', ''),
    beta.find(small, 'own', ''),
    acme.find(large, 'own', ''),
    acme.find(small, 'wasmer', ''),
    acme.find(small, 'own', 'release'),
  ]
  expect(new Set(places).size).toBe(places.length)
  expect(places.map(({ owner }) => owner.tenant)).toEqual(['acme', 'beta', 'acme', 'acme', 'acme'])
  expect(acme.find(small, 'own', '')).toBe(places[0])
  expect(acme.find(small, 'own', 'release')).toBe(places[4])
})

test('a name that was forgotten means the same place', () => {
  const places = new Places('acme')
  const first = places.find(small, 'own', 'first')
  for (let index = 0; index < 100; index += 1) places.find(small, 'own', String(index))
  expect(places.find(small, 'own', 'first')).toEqual(first)
})
