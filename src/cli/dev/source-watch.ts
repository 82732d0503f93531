/**
 * Watches a folder of sources. The system says that something has happened somewhere; what it was is found by looking at
 * times and sizes, so that an editor's three events for one save are one change, and a file that is touched by nobody is
 * none.
 */
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Timer } from '../../base/clock.ts'

/** Folders that are built into, or that nobody edits. */
const IGNORED_FOLDERS = new Set(['node_modules', 'target', 'build', 'dist', 'out', '__pycache__'])
/** What editors and compilers leave behind. */
const IGNORED_FILES = /^\.|~$|^4913$|\.(?:o|d|a|wat|map|tmp|swp|lock)$|^package-lock\.json$/

/** After the last event; savers write several files at once. */
const QUIET_MS = 100
/** Most files that are looked at. */
const MAX_FILES = 20_000

export interface SourceWatchOptions {
  readonly clock: Clock
  /** File names that are built, not edited; undefined: none. */
  readonly outputs: RegExp | undefined
  /** Receives the paths that have changed, come or gone, relative to the folder. */
  readonly onChange: (paths: readonly string[]) => void
}

export class SourceWatch {
  readonly #folder: string
  readonly #options: SourceWatchOptions
  readonly #watchers = new Map<string, FSWatcher>()
  /** Path to what it looked like. */
  #seen: ReadonlyMap<string, string> = new Map()
  #timer: Timer | undefined
  #isClosed = false

  constructor(folder: string, options: SourceWatchOptions) {
    this.#folder = folder
    this.#options = options
  }

  /** From here on changes are told. */
  start(): void {
    this.#seen = this.#look()
  }

  /** What has changed since it was told last; it will not be told again. */
  takeChanges(): readonly string[] {
    if (this.#isClosed) return []
    const before = this.#seen
    const now = this.#look()
    this.#seen = now
    const paths = new Set([...before.keys(), ...now.keys()])
    return [...paths].filter((path) => before.get(path) !== now.get(path)).toSorted()
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  /** Looks at all files, and watches the folders they lie in. */
  #look(): ReadonlyMap<string, string> {
    const files = new Map<string, string>()
    const folders = new Set<string>()
    const visit = (inner: string): void => {
      folders.add(inner)
      for (const entry of entriesOf(join(this.#folder, inner))) {
        const path = inner === '' ? entry.name : `${inner}/${entry.name}`
        if (files.size >= MAX_FILES || this.#isIgnored(entry.name)) continue
        if (entry.isDirectory()) {
          if (!IGNORED_FOLDERS.has(entry.name)) visit(path)
        } else {
          const stats = statSync(join(this.#folder, path), { throwIfNoEntry: false })
          if (stats?.isFile() === true) files.set(path, `${stats.mtimeMs} ${stats.size}`)
        }
      }
    }
    visit('')
    this.#watchOnly(folders)
    return files
  }

  #isIgnored(name: string): boolean {
    return IGNORED_FILES.test(name) || this.#options.outputs?.test(name) === true
  }

  #watchOnly(folders: ReadonlySet<string>): void {
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of folders) {
      if (this.#watchers.has(folder)) continue
      try {
        const watcher = watch(join(this.#folder, folder), this.#heard)
        watcher.on('error', () => watcher.close())
        this.#watchers.set(folder, watcher)
      } catch {
        // It has just gone; the folder above it tells.
      }
    }
  }

  readonly #heard = (): void => {
    this.#timer?.cancel()
    if (this.#isClosed) return
    this.#timer = this.#options.clock.after(QUIET_MS, () => {
      const changes = this.takeChanges()
      if (changes.length > 0) this.#options.onChange(changes)
    })
  }
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return [] // it has just gone
  }
}
