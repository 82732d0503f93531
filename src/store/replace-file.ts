/**
 * Replaces a small file of a store in one step, also on a full disk: the reserve holds files that have their space already, and
 * one of them becomes the new file. The old one takes its place in the reserve, so this works however often it has to.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { StoreError } from './errors.ts'
import type { Layout } from './layout.ts'
import { ownerText, thisOwner } from './owner.ts'
import type { StoreFiles } from './store-files.ts'

/** Files of the reserve, and bytes of each: a pointer of a tenant with many handlers fits. */
const SPARES = 4
/** Of these, what is left when the others are given up for their inodes. */
const LEAST_SPARES = 2
const SPARE_BYTES = 64 * 1024

/** How the numbers of the reserve's files are written, so that they sort. */
const NUMBER_CHARS = 12

export interface Replacement {
  /** The folder of `path`. */
  readonly folder: string
  readonly path: string
  readonly contents: Uint8Array
}

/** A new name for something temporary, with its maker's, so that `collect` can tell whether it is still wanted. */
export function draftPath(layout: Layout): string {
  return join(layout.tmp, `${ownerText(thisOwner())}-${randomBytes(6).toString('hex')}`)
}

/** The new contents or the old, whatever happens; the new ones for good, when this resolves. For who has the store's lock. */
export async function replaceFile(
  layout: Layout,
  files: StoreFiles,
  { folder, path, contents }: Replacement,
): Promise<void> {
  const draft = draftPath(layout)
  try {
    await files.create(draft, contents)
    await files.rename(draft, path)
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'STORE_FULL') throw error
    const spares = await sparesOf(layout, files)
    const spare = choose(spares, contents.length)
    if (spare === undefined) throw error
    await files.refill(spare.path, contents)
    // What is replaced keeps its space, and is a spare from now on.
    await files.link(path, sparePath(layout, nextNumber(spares))).catch(() => false)
    await files.rename(spare.path, path)
  }
  await files.syncFolder(folder)
}

/** Sets space aside, where some is missing. For who has the store's lock, or is making it. */
export async function makeReserve(layout: Layout, files: StoreFiles): Promise<void> {
  const before = await files.status(layout.reserve)
  // It was one file once.
  if (before?.kind === 'file') await files.remove(layout.reserve)
  if (before?.kind !== 'folder') await files.makeFolder(layout.reserve)
  const spares = await sparesOf(layout, files)
  const whole = spares.filter(({ bytes }) => bytes >= SPARE_BYTES)
  let number = nextNumber(spares)
  for (let count = whole.length; count < SPARES; count += 1) {
    // Not zeros: a file system may keep no space for these.
    await files.create(sparePath(layout, number), new Uint8Array(SPARE_BYTES).fill(0x2e))
    number += 1
  }
  for (const spare of spares) if (!whole.includes(spare)) await files.remove(spare.path)
}

/** No more files can be made: gives up some of the reserve, none that somebody is about to use. Needs no lock. */
export async function giveUpSpares(layout: Layout, files: StoreFiles): Promise<void> {
  const spares = await sparesOf(layout, files)
  for (const { path } of spares.slice(LEAST_SPARES)) await files.remove(path)
}

interface Spare {
  readonly path: string
  readonly number: number
  readonly bytes: number
}

/** In the order they were made. */
async function sparesOf(layout: Layout, files: StoreFiles): Promise<readonly Spare[]> {
  const spares: Spare[] = []
  for (const { name } of await files.list(layout.reserve)) {
    const path = join(layout.reserve, name)
    const { allocatedBytes: bytes = 0 } = (await files.status(path)) ?? {}
    spares.push({ path, number: Number(name), bytes })
  }
  return spares
}

/** The smallest that is large enough; not the last one, if there is another: somebody may still be reading what it was. */
function choose(spares: readonly Spare[], bytes: number): Spare | undefined {
  const large = spares.filter((one) => one.bytes >= bytes).toSorted((a, b) => a.bytes - b.bytes)
  return large.find((one) => one !== spares.at(-1)) ?? large[0]
}

function nextNumber(spares: readonly Spare[]): number {
  return (spares.at(-1)?.number ?? 0) + 1
}

function sparePath(layout: Layout, number: number): string {
  return join(layout.reserve, String(number).padStart(NUMBER_CHARS, '0'))
}
