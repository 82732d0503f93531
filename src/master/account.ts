/** The user and group a pool's workers run as. */
import { readFileSync } from 'node:fs'
import { MasterError } from './errors.ts'

export interface Account {
  readonly uid: number
  readonly gid: number
  /** For `HOME`-less environments and log lines. */
  readonly name: string
}

/** Where accounts are looked up, and who asks. */
export interface AccountSource {
  /** Of this process. */
  readonly uid: number
  /** The text of /etc/passwd and /etc/group. */
  readonly passwd: string
  readonly group: string
}

export function readAccountSource(): AccountSource {
  return {
    uid: process.getuid?.() ?? -1,
    passwd: readFileSync('/etc/passwd', 'utf8'),
    group: readFileSync('/etc/group', 'utf8'),
  }
}

/**
 * The account for `user` and `group` (names or numeric ids); undefined: the master's own. A group alone changes the
 * group only. Throws `MasterError` (MASTER_UNKNOWN_ACCOUNT, MASTER_NOT_ROOT).
 */
export function findAccount(
  { name, user, group }: PoolAccount,
  source: AccountSource,
): Account | undefined {
  if (user === undefined && group === undefined) return undefined
  const passwdRow = user === undefined ? undefined : findRow(source.passwd, user)
  const uid = user === undefined ? source.uid : idOf(user, passwdRow)
  if (uid === undefined) throw unknown(name, 'user', user)
  const groupRow = group === undefined ? undefined : findRow(source.group, group)
  const gid = group === undefined ? Number(passwdRow?.[3] ?? uid) : idOf(group, groupRow)
  if (gid === undefined) throw unknown(name, 'group', group)
  if (source.uid !== 0 && uid !== source.uid) {
    throw new MasterError(
      'MASTER_NOT_ROOT',
      `Cannot run the workers of pool ${name} as ${user}: started as user ${source.uid}, wanted root or no user`,
    )
  }
  return { uid, gid, name: user ?? String(uid) }
}

interface PoolAccount {
  /** The pool's. */
  readonly name: string
  readonly user: string | undefined
  readonly group: string | undefined
}

/** `name:password:id:...` in both files; by name, then by number. */
function findRow(table: string, nameOrId: string): readonly string[] | undefined {
  const rows = table.split('\n').map((line) => line.split(':'))
  return rows.find(([name]) => name === nameOrId) ?? rows.find((row) => row[2] === nameOrId)
}

function idOf(nameOrId: string, row: readonly string[] | undefined): number | undefined {
  if (row !== undefined) return Number(row[2])
  return /^[0-9]{1,9}$/.test(nameOrId) ? Number(nameOrId) : undefined
}

function unknown(pool: string, what: string, name: string | undefined): MasterError {
  return new MasterError(
    'MASTER_UNKNOWN_ACCOUNT',
    `Cannot run the workers of pool ${pool}: there is no ${what} "${name}", wanted a name of /etc/${what === 'user' ? 'passwd' : 'group'} or a number`,
  )
}
