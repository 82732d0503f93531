/**
 * What Node's permission model is told of files, for a process that is started with `--permission`.
 *
 * Node keeps the paths in a tree whose branches part at any letter. A path that another one begins with becomes a fork in it, and
 * is then no end of its own: a file is denied, and a folder too, though not what is in it. So nothing is named that
 * lies in a folder that is named, and longer names come first: for files that suffices. A folder beside one whose name goes on
 * (`/srv/a`, `/srv/ab`) stays denied; `open-folder.ts` opens it.
 */
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** `paths` and everything below those that are folders, or are not there yet. */
export function permissionFlags(access: 'read' | 'write', paths: readonly string[]): string[] {
  const all = [...new Set(paths.map((path) => resolve(path)))]
  const outer = all.filter((path) => !all.some((other) => isBelow(path, other)))
  // Of two paths one of which begins with the other, the longer one comes first.
  const sorted = outer.sort().reverse()
  return sorted.flatMap(granted).map((path) => `--allow-fs-${access}=${path}`)
}

/** Node takes what is not there yet for a file; so it may become a folder as well. */
function granted(path: string): string[] {
  return existsSync(path) ? [path] : [path, join(path, '*')]
}

function isBelow(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

/** This program's code, what says that it is made of ES modules, and its dependencies wherever they are installed above it. */
export function programFolders(): string[] {
  const code = dirname(dirname(fileURLToPath(import.meta.url)))
  const folders = [code]
  for (let at = dirname(code); ; at = dirname(at)) {
    for (const name of ['node_modules', 'package.json']) {
      const path = join(at, name)
      if (existsSync(path)) folders.push(path, realpathSync(path))
    }
    if (at === dirname(at)) return folders
  }
}
