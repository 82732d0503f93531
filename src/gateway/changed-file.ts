/** Whether files are still what they were when they were loaded: for many of them in several goes, so that others have their turn. */

/** Files that are looked at in one go. */
const LOOKS_AT_ONCE = 256

export interface LoadedFiles {
  /** By the guest's path, what each was. */
  readonly files: ReadonlyMap<string, string>
  /** Changes whenever the file at a guest's path does; undefined: there is none. */
  readonly identify: (path: string) => string | undefined
}

/** The path of the first that is not what it was; undefined: all are. */
export function changedFile(
  loaded: LoadedFiles,
  from = 0,
): string | undefined | Promise<string | undefined> {
  let at = 0
  for (const [path, identity] of loaded.files) {
    if (at++ < from) continue
    if (at > from + LOOKS_AT_ONCE) return othersTurn().then(() => changedFile(loaded, at - 1))
    if (loaded.identify(path) !== identity) return path
  }
  return undefined
}

/** What files are now; those that are not there are left out. */
export async function identifyFiles(
  paths: readonly string[],
  identify: LoadedFiles['identify'],
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  for (const [at, path] of paths.entries()) {
    if (at > 0 && at % LOOKS_AT_ONCE === 0) await othersTurn()
    const identity = identify(path)
    if (identity !== undefined) files.set(path, identity)
  }
  return files
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
