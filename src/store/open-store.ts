/** Opens the store in a folder, or makes one. */
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { StoreError, storeFileError } from './errors.ts'
import { Layout, STORE_FORMAT } from './layout.ts'
import { makeReserve } from './replace-file.ts'
import { nodeFiles, type StoreFiles } from './store-files.ts'

/** Where a store is when nobody says anything else. */
export const DEFAULT_STORE = '/var/lib/wasm-fpm/store'

/** Rejects with STORE_NOT_A_STORE unless there is a store of our format. */
export async function openStore(folder: string, files: StoreFiles = nodeFiles): Promise<Layout> {
  const layout = await findStore(folder, files)
  if ((await files.status(layout.format)) !== undefined) return layout
  throw new StoreError(
    'STORE_NOT_A_STORE',
    `Cannot open store ${layout.root}: there is none, wanted one`,
  )
}

/** As `openStore`, also where there is none yet. */
export async function findStore(folder: string, files: StoreFiles = nodeFiles): Promise<Layout> {
  const layout = new Layout(resolve(folder))
  const format = await files.read(layout.format, 1024)
  const text = format === undefined ? STORE_FORMAT : Buffer.from(format).toString('utf8')
  if (text === STORE_FORMAT) return layout
  throw new StoreError(
    'STORE_NOT_A_STORE',
    `Cannot open store ${layout.root}: its format is ${JSON.stringify(text)}, wanted ${JSON.stringify(STORE_FORMAT)} in its file "format" (was it made by another version?)`,
  )
}

/** Whether a store is there or can still come there, as far as can be seen. */
export function mayBeStore(folder: string): Promise<boolean> {
  return findStore(folder).then(
    () => true,
    () => false,
  )
}

/** Whether there is a store of our format, as far as can be seen. */
export function isStore(folder: string): Promise<boolean> {
  return openStore(folder).then(
    () => true,
    () => false,
  )
}

/** Opens the store in a folder; makes one where there is nothing, or an empty folder. */
export async function makeStore(folder: string, files: StoreFiles = nodeFiles): Promise<Layout> {
  const layout = new Layout(resolve(folder))
  if ((await files.status(layout.format)) !== undefined) return openStore(folder, files)
  const { root } = layout
  try {
    await mkdir(dirname(root), { recursive: true })
  } catch (cause) {
    throw storeFileError(`make folder ${dirname(root)}`, cause)
  }
  await files.makeFolder(root)
  await refuseForeign(layout, files)
  for (const part of PARTS) await files.makeFolder(`${root}/${part}`, MODES[part])
  await files.syncFolder(dirname(root))
  await makeReserve(layout, files)
  // Last, and in one step: a folder with this file in it is a whole store.
  const draft = `${layout.tmp}/format-${process.pid}`
  await files.removeAll(draft)
  await files.create(draft, Buffer.from(STORE_FORMAT))
  await files.syncFolder(root)
  await files.rename(draft, layout.format)
  await files.syncFolder(root)
  return layout
}

/**
 * Whether there is a store in a folder, or one could be made there, as far as this user can see; changes nothing. Undefined: nobody
 * says where. Rejects with STORE_NOT_A_STORE, as `makeStore` would.
 */
export async function checkStorePlace(
  { store }: { readonly store: string | undefined },
  files: StoreFiles = nodeFiles,
): Promise<void> {
  if (store === undefined) return
  const layout = await findStore(store, files)
  if ((await files.status(layout.format)) !== undefined) return
  if ((await files.status(layout.root))?.kind === 'folder') await refuseForeign(layout, files)
}

async function refuseForeign({ root }: Layout, files: StoreFiles): Promise<void> {
  const known = new Set([...PARTS, ...BEFORE])
  const foreign = (await files.list(root)).find(({ name }) => !known.has(name))
  if (foreign === undefined) return
  throw new StoreError(
    'STORE_NOT_A_STORE',
    `Cannot make a store in ${root}: there is ${JSON.stringify(foreign.name)}, wanted an empty folder`,
  )
}

/** What may be there before a store is: modules of runtimes that somebody has put there, what is left of one. */
const BEFORE = ['runtimes', 'state', 'reserve']

/** Workers of all pools, who may be different users, write their leases there; sticky, as /tmp is. */
const MODES: Readonly<Record<string, number>> = { leases: 0o1777 }

const PARTS = [
  'blobs',
  'images',
  'releases',
  'tenants',
  'live',
  'signatures',
  'leases',
  'lock',
  'tmp',
]
