/** Users and groups by name and by number. */
import { expect, test } from 'vitest'
import { findAccount } from '../../../src/master/account.ts'

const source = {
  uid: 0,
  passwd: 'root:x:0:0::/root:/bin/sh\nwww:x:33:34::/:/bin/false\n',
  group: 'root:x:0:\nstaff:x:50:\n',
}

const CASES = [
  { user: undefined, group: undefined, wanted: undefined },
  { user: 'www', group: undefined, wanted: { uid: 33, gid: 34, name: 'www' } },
  { user: '33', group: undefined, wanted: { uid: 33, gid: 34, name: '33' } },
  { user: '4711', group: undefined, wanted: { uid: 4711, gid: 4711, name: '4711' } },
  { user: 'www', group: 'staff', wanted: { uid: 33, gid: 50, name: 'www' } },
  { user: undefined, group: '51', wanted: { uid: 0, gid: 51, name: '0' } },
]

for (const { user, group, wanted } of CASES) {
  test(`${user} and ${group}`, () =>
    expect(findAccount({ name: 'p', user, group }, source)).toEqual(wanted))
}

test('who does not exist is refused', () => {
  const pool = { name: 'p', user: 'nobody-here', group: undefined }
  expect(() => findAccount(pool, source)).toThrow('there is no user "nobody-here"')
  const other = { name: 'p', user: 'www', group: 'none-such' }
  expect(() => findAccount(other, source)).toThrow('there is no group "none-such"')
})

test('only root can be somebody else', () => {
  const pool = { name: 'p', user: 'www', group: undefined }
  expect(() => findAccount(pool, { ...source, uid: 1000 })).toThrow('wanted root')
  expect(findAccount(pool, { ...source, uid: 33 })?.uid).toBe(33)
})
