/** How much there is to read, before it is read: for showing how far it is. Nothing depends on its being right. */
import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes of all plain files in a folder and below it; undefined: cannot be told, or more than `maxFiles` files. */
export async function measureTree(folder: string, maxFiles: number): Promise<number | undefined> {
  let [bytes, entries] = [0, 0]
  const visit = async (inner: string): Promise<void> => {
    for await (const entry of await opendir(inner)) {
      entries += 1
      if (entries > maxFiles) throw new RangeError(`more than ${maxFiles} files`)
      const path = join(inner, entry.name)
      if (entry.isDirectory()) await visit(path)
      else if (entry.isFile()) bytes += (await lstat(path)).size
    }
  }
  return visit(folder).then(
    () => bytes,
    // Reading it says what is wrong.
    () => undefined,
  )
}

/** Bytes of a file; undefined: cannot be told. */
export function measureFile(path: string): Promise<number | undefined> {
  return lstat(path).then(
    ({ size }) => size,
    () => undefined,
  )
}
