/** Compares a folder of files with the listing it should be. */
import { join } from 'node:path'
import { digestOf } from './digest.ts'
import type { ImageFile } from './release.ts'
import type { StoreFiles } from './store-files.ts'

/** Answers what is wrong; reads every file. */
export async function checkImage(
  files: StoreFiles,
  root: string,
  listing: readonly ImageFile[],
): Promise<readonly string[]> {
  const problems: string[] = []
  const expected = new Map(listing.map((file) => [file.path, file]))
  const visit = async (folder: string): Promise<void> => {
    for (const { name, kind } of await files.list(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (kind === 'folder') {
        await visit(path)
        continue
      }
      const file = expected.get(path)
      expected.delete(path)
      if (kind !== 'file' || file === undefined) problems.push(`${path} should not be there`)
      else if (!(await isIntact(files, join(root, path), file)))
        problems.push(`${path} has changed`)
    }
  }
  await visit('')
  for (const path of expected.keys()) problems.push(`${path} is missing`)
  return problems
}

async function isIntact(files: StoreFiles, path: string, file: ImageFile): Promise<boolean> {
  const status = await files.status(path)
  if (status?.kind !== 'file' || status.bytes !== file.bytes) return false
  const contents = await files.read(path, file.bytes)
  return contents !== undefined && digestOf(contents) === file.digest
}
