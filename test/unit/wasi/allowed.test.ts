/** What a file's permissions allow. */
import { expect, test } from 'vitest'
import { Filetype } from '../../../src/wasi/abi.ts'
import { allowedTo } from '../../../src/wasi/allowed.ts'
import { ownStat } from '../../../src/wasi/own-stat.ts'

const file = { ...ownStat(1n, 1n, Filetype.RegularFile), uid: 7, gid: 8 }
const folder = { ...file, filetype: Filetype.Directory }
const [owner, member, other, root] = [
  { uid: 7, groups: new Set([8]) },
  { uid: 9, groups: new Set([1, 8]) },
  { uid: 9, groups: new Set([9]) },
  { uid: 0, groups: new Set([0]) },
] as const

const CASES = [
  { person: owner, node: file, mode: 0o640, allowed: 6 },
  { person: owner, node: file, mode: 0o077, allowed: 0 },
  { person: member, node: file, mode: 0o640, allowed: 4 },
  { person: member, node: file, mode: 0o707, allowed: 0 },
  { person: other, node: file, mode: 0o640, allowed: 0 },
  { person: other, node: file, mode: 0o4775, allowed: 5 },
  { person: root, node: file, mode: 0o000, allowed: 6 },
  { person: root, node: file, mode: 0o001, allowed: 7 },
  { person: root, node: folder, mode: 0o000, allowed: 7 },
]

for (const { person, node, mode, allowed } of CASES) {
  test(`${mode.toString(8)} of 7:8 for ${person.uid} in ${[...person.groups]}`, () => {
    expect(allowedTo(person, { ...node, mode })).toBe(allowed)
  })
}
