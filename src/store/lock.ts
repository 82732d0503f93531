/**
 * Whose turn it is to change a store, across processes.
 *
 * Turns are numbered tickets: notes in one folder, which need no space on a full disk, each saying who holds it, or `free`. The highest number counts. Whoever
 * finds it free, or its holder dead, tries to make the next number, which only one can. A ticket is given back by renaming
 * `free` over it, never by removing it; numbers therefore never go back, and somebody who looked long ago and
 * only now makes "the next" number finds a higher one afterwards and steps back.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { StoreError } from './errors.ts'
import { ownerText, parseOwner, stateOf, thisOwner } from './owner.ts'
import type { StoreFiles } from './store-files.ts'

export interface LockOptions {
  readonly files: StoreFiles
  /** The folder of the tickets; must be there. */
  readonly folder: string
  readonly clock: Clock
  /** How long to wait for others, in milliseconds. */
  readonly waitMs: number
  /** No more files can be made: gives some up. Default: there are none. */
  readonly makeRoom?: () => Promise<void>
}

/** Between two looks, in milliseconds. */
const LOOK_MS = 10

/** After this time without a sign, the holder of a ticket who is not on this machine is taken for dead. */
const FOREIGN_STALE_MS = 10 * 60_000

/** Tickets kept before the one that counts, for those who looked long ago. */
const KEPT = 16

const FREE = 'free'
const TICKET = /^[0-9]{12}$/

/** Does `work` while nobody else of this lock's folder does theirs. Rejects with STORE_BUSY when others take too long. */
export async function withLock<Result>(
  options: LockOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  const { files, folder } = options
  // Made before it is needed: giving a ticket back must work on a full disk.
  const free = join(folder, draftName())
  await makeNote(options, free, FREE)
  try {
    const ticket = await acquire(options, free)
    try {
      return await work()
    } finally {
      await files.rename(free, ticket)
    }
  } finally {
    await files.remove(free)
  }
}

async function acquire(options: LockOptions, free: string): Promise<string> {
  const { clock, waitMs } = options
  const deadlineMs = clock.nowMs() + waitMs
  for (;;) {
    const last = await lastTicket(options)
    const holder = last === undefined ? undefined : await holderOf(options, last)
    if (holder === undefined) {
      const taken = await tryTake(options, (last ?? 0) + 1, free)
      if (taken !== undefined) return taken
    }
    if (clock.nowMs() > deadlineMs) throw busy(waitMs, holder)
    await new Promise<void>((wake) => clock.after(LOOK_MS, wake))
  }
}

function busy(waitMs: number, holder: string | undefined): StoreError {
  return new StoreError(
    'STORE_BUSY',
    `Cannot change the store: ${holder ?? 'others'} kept it for ${waitMs} ms, wanted a turn`,
  )
}

async function ticketNumbers({ files, folder }: LockOptions): Promise<readonly number[]> {
  const entries = await files.list(folder)
  return entries.filter(({ name }) => TICKET.test(name)).map(({ name }) => Number(name))
}

async function lastTicket(options: LockOptions): Promise<number | undefined> {
  return (await ticketNumbers(options)).at(-1)
}

/** Who holds a ticket; undefined: nobody any more. */
async function holderOf(options: LockOptions, number: number): Promise<string | undefined> {
  const { files, clock } = options
  const path = pathOf(options, number)
  const text = await files.readNote(path)
  // Gone: a higher one has come. Not to be understood: cut short by a power cut, for tickets appear whole.
  const owner = parseOwner(text ?? '')
  if (owner === undefined) return text === undefined ? 'somebody' : undefined
  const name = `process ${owner.pid}`
  switch (stateOf(owner, thisOwner())) {
    case 'alive':
      return name
    case 'gone':
      return undefined
    case 'unknown': {
      const status = await files.status(path)
      const ageMs = Number(clock.realtimeNs() / 1_000_000n) - (status?.modifiedMs ?? 0)
      return ageMs > FOREIGN_STALE_MS ? undefined : `${name} of another machine`
    }
  }
}

/** Makes ticket `number`; answers its path if the turn is ours. */
async function tryTake(
  options: LockOptions,
  number: number,
  free: string,
): Promise<string | undefined> {
  const { files } = options
  const path = pathOf(options, number)
  if (!(await makeNote(options, path, ownerText(thisOwner())))) return undefined
  const numbers = await ticketNumbers(options).catch(async (error: unknown) => {
    // Nobody would give it back, and this process lives on.
    await files.rename(free, path)
    throw error
  })
  if (numbers.at(-1) !== number) {
    await files.remove(path)
    return undefined
  }
  await removeTickets(options, numbers, number - KEPT)
  return path
}

/** A note takes no space, but an inode: where none is left, tickets that do not count any more give theirs, and then others do. */
async function makeNote(options: LockOptions, path: string, text: string): Promise<boolean> {
  const { files } = options
  const removeOld = async (): Promise<void> => {
    const numbers = await ticketNumbers(options)
    await removeTickets(options, numbers, numbers.at(-1) ?? 0)
  }
  for (const makeRoom of [removeOld, options.makeRoom]) {
    try {
      return await files.createNote(path, text)
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'STORE_FULL') throw error
      await makeRoom?.()
    }
  }
  return files.createNote(path, text)
}

async function removeTickets(
  options: LockOptions,
  numbers: readonly number[],
  before: number,
): Promise<void> {
  for (const old of numbers) {
    if (old < before) await options.files.remove(pathOf(options, old))
  }
}

/** With its maker's name, so that `collect` can tell whether it is still wanted. */
function draftName(): string {
  return `${ownerText(thisOwner())}-${randomBytes(6).toString('hex')}`
}

function pathOf({ folder }: LockOptions, number: number): string {
  return join(folder, String(number).padStart(12, '0'))
}
