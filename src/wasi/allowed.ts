/** Whom a file's permissions allow what, as Linux has it, without lists of access control. */
import { ACCESS_ALL, Access, Filetype } from './abi.ts'
import type { Filestat } from './filesystem.ts'
import { OWN } from './own-stat.ts'

export interface Person {
  readonly uid: number
  readonly groups: ReadonlySet<number>
}

/** This process. */
export const SELF: Person = {
  uid: OWN.uid,
  groups: new Set([OWN.gid, ...(process.getgroups?.() ?? [])]),
}

/** The bits of access(2). */
export function allowedTo(person: Person, { mode, uid, gid, filetype }: Filestat): number {
  if (person.uid === 0) {
    const canRun = filetype === Filetype.Directory || (mode & 0o111) !== 0
    return canRun ? ACCESS_ALL : ACCESS_ALL & ~Access.Execute
  }
  if (uid === person.uid) return (mode >> 6) & ACCESS_ALL
  return (person.groups.has(gid) ? mode >> 3 : mode) & ACCESS_ALL
}
