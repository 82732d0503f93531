/** Whether somebody else could use a file: the kernel's rules for owner, group and mode, without becoming somebody else. */
import { readFileSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'

export interface Person {
  readonly name: string
  readonly uid: number
  /** The main one and all others. */
  readonly gids: ReadonlySet<number>
}

export const READ = 4
export const WRITE = 2
export const SEARCH = 1

/** The texts of /etc/passwd and /etc/group. */
export interface AccountFiles {
  readonly passwd: string
  readonly group: string
}

export function readAccountFiles(): AccountFiles {
  return { passwd: readFileSync('/etc/passwd', 'utf8'), group: readFileSync('/etc/group', 'utf8') }
}

/** The person with this name or numeric id; undefined: nobody has the name. `group` takes the place of the main group. */
export function findPerson(
  nameOrId: string,
  { passwd, group }: AccountFiles,
  mainGroup?: string,
): Person | undefined {
  const row = findRow(passwd, nameOrId)
  const isNumber = /^[0-9]{1,9}$/.test(nameOrId)
  if (row === undefined && !isNumber) return undefined
  const name = row?.[0] ?? nameOrId
  const gid =
    mainGroup === undefined ? Number(row?.[3] ?? nameOrId) : findGroup(mainGroup, { passwd, group })
  if (gid === undefined) return undefined
  // name:password:gid:member,member
  const others = rowsOf(group).filter((fields) => (fields[3] ?? '').split(',').includes(name))
  const gids = new Set([gid, ...others.map((fields) => Number(fields[2]))])
  return { name, uid: Number(row?.[2] ?? nameOrId), gids }
}

export function findGroup(nameOrId: string, { group }: AccountFiles): number | undefined {
  const row = findRow(group, nameOrId)
  if (row !== undefined) return Number(row[2])
  return /^[0-9]{1,9}$/.test(nameOrId) ? Number(nameOrId) : undefined
}

export type Ownership = Pick<Stats, 'uid' | 'gid' | 'mode'>

/** Whether `person` has all of `wanted` (READ, WRITE, SEARCH) on a file. */
export function mayUse({ uid, gids }: Person, file: Ownership, wanted: number): boolean {
  if (uid === 0) return true
  const shift = uid === file.uid ? 6 : gids.has(file.gid) ? 3 : 0
  return ((file.mode >> shift) & wanted) === wanted
}

/** The first folder on the way to `path` (itself not included) that `person` cannot pass; undefined: the way is free. */
export function blockedAt(person: Person, path: string): string | undefined {
  const folder = dirname(path)
  const above = folder === path ? undefined : blockedAt(person, folder)
  if (above !== undefined || folder === path) return above
  const stats = statSync(folder, { throwIfNoEntry: false })
  return stats !== undefined && mayUse(person, stats, SEARCH) ? undefined : folder
}

function findRow(table: string, nameOrId: string): readonly string[] | undefined {
  const rows = rowsOf(table)
  return rows.find(([name]) => name === nameOrId) ?? rows.find((row) => row[2] === nameOrId)
}

function rowsOf(table: string): ReadonlyArray<readonly string[]> {
  return table.split('\n').map((line) => line.split(':'))
}
