/** Whether a guest would find a plain file at a path, links followed as it follows them. */
import { Filetype } from './abi.ts'
import { CallContext } from './call-context.ts'
import type { DirectoryNode } from './filesystem.ts'
import { takeApart } from './path-texts.ts'
import { resolve } from './resolve.ts'

/** `path`: as the guest says it below `whole`, which is all that it sees. */
export function hasFile(whole: DirectoryNode, path: string): boolean {
  const host = new CallContext()
  whole.retain()
  host.whole = whole
  try {
    const found = resolve(host, whole, takeApart(path), 'follow')
    if (typeof found === 'number') return false
    const stat = found.node?.kind === 'file' ? found.node.stat() : undefined
    found.release()
    return typeof stat === 'object' && stat.filetype === Filetype.RegularFile
  } finally {
    // Gives back what it held.
    host.end()
  }
}
