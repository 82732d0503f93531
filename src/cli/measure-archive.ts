/** How large an archive will be, before it is packed: for showing how far it is. Nothing depends on its being right. */
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const BLOCK_BYTES = 512
const END_BYTES = 2 * BLOCK_BYTES

/** Bytes of the tar archive of `parts` of `folder`; undefined: cannot be told. */
export async function measureArchive(
  folder: string,
  parts: readonly string[],
): Promise<number | undefined> {
  try {
    let bytes = END_BYTES
    for (const part of parts) bytes += await measure(join(folder, part))
    return bytes
  } catch {
    return undefined // packing it says what is wrong
  }
}

async function measure(path: string): Promise<number> {
  const status = await lstat(path)
  if (!status.isDirectory()) return BLOCK_BYTES + inBlocks(status.size)
  let bytes = BLOCK_BYTES
  for (const name of await readdir(path)) bytes += await measure(join(path, name))
  return bytes
}

function inBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES
}
