/**
 * Document-root mode (design §8): a file under the tenant's `root` with an allowed extension is run as it lies there.
 *
 * Looking a path up costs two system calls; answers are kept for `revalidateMs`, so a changed file is noticed after that.
 */
import { realpathSync, type Stats, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { ScriptRules } from '../cgi/script-path.ts'
import type { CompileCache } from '../guest/compile-cache.ts'
import { GuestError } from '../guest/errors.ts'
import type { GuestModule } from '../guest/module.ts'

/** How many paths are remembered, existing or not. */
const MAX_PATHS = 4096

/** The largest module file that is read. */
const MAX_MODULE_BYTES = 256 * 1024 * 1024

interface Script {
  readonly realPath: string
  readonly identity: string
  readonly bytes: number
}

interface Loaded {
  readonly identity: string
  readonly module: Promise<GuestModule>
  ready: GuestModule | undefined
}

interface Lookup {
  /** undefined: there is no script. */
  readonly loaded: Loaded | undefined
  readonly expiresMs: number
}

export interface DocumentRootOptions {
  readonly root: string
  /** Lower-case, with the dot: `.wasm`. */
  readonly extensions: readonly string[]
  /** The file that the path of a folder means. */
  readonly index: string
  /** How long an answer about a file is believed, in milliseconds. */
  readonly revalidateMs: number
  /** What the memories of one instance of the script at `path` (as for `load`) may grow to. */
  readonly memoryMaxBytes: (path: string) => number
  readonly cache: CompileCache
  readonly clock: Clock
}

export class DocumentRoot {
  /** What the paths of requests may mean here. */
  readonly rules: ScriptRules
  readonly #extensions: ReadonlySet<string>
  readonly #revalidateMs: number
  readonly #memoryMaxBytes: (path: string) => number
  readonly #cache: CompileCache
  readonly #clock: Clock
  readonly #lookups = new Map<string, Lookup>()
  readonly #loaded = new Map<string, Loaded>()

  constructor(options: DocumentRootOptions) {
    const { root, extensions, index, revalidateMs, memoryMaxBytes, cache, clock } = options
    this.#revalidateMs = revalidateMs
    this.#memoryMaxBytes = memoryMaxBytes
    this.rules = { documentRoot: root, extensions, index }
    this.#extensions = new Set(extensions)
    this.#cache = cache
    this.#clock = clock
  }

  /**
   * The compiled script at `path` (relative to the root, no leading slash; latin1, one char a byte): at once when it is known
   * and unchanged; undefined when that is no file that may be run. Follows no link out of the root. Rejects with `GuestError`.
   */
  load(path: string): GuestModule | Promise<GuestModule> | undefined {
    const nowMs = this.#clock.nowMs()
    const known = this.#lookups.get(path)
    const isCurrent = known !== undefined && known.expiresMs > nowMs
    const { loaded } = isCurrent ? known : this.#lookUp(ownCopy(path), nowMs)
    return loaded?.ready ?? loaded?.module
  }

  #lookUp(path: string, nowMs: number): Lookup {
    const script = this.#extensions.has(extname(path).toLowerCase()) ? this.#find(path) : undefined
    const loaded = script === undefined ? undefined : this.#load(script, path)
    const lookup: Lookup = { loaded, expiresMs: nowMs + this.#revalidateMs }
    this.#lookups.delete(path)
    this.#remember(this.#lookups, path, lookup)
    return lookup
  }

  /** Reads and compiles the script, unless it is the one that was read last time. */
  #load(script: Script, path: string): Loaded {
    const known = this.#loaded.get(path)
    if (known?.identity === script.identity) return known
    const loaded: Loaded = {
      identity: script.identity,
      module: this.#read(script, path),
      ready: undefined,
    }
    this.#remember(this.#loaded, path, loaded)
    loaded.module.then(
      (module) => {
        loaded.ready = module
      },
      () => undefined,
    )
    return loaded
  }

  async #read(script: Script, path: string): Promise<GuestModule> {
    if (script.bytes > MAX_MODULE_BYTES) {
      throw new GuestError(
        'GUEST_TOO_LARGE',
        `Cannot read ${path}: ${script.bytes} bytes, wanted at most ${MAX_MODULE_BYTES}`,
      )
    }
    let bytes: Uint8Array
    try {
      bytes = await readFile(script.realPath)
    } catch (cause) {
      throw new GuestError('GUEST_UNREADABLE', `Cannot read ${path}: ${String(cause)}`, { cause })
    }
    return this.#cache.compile(bytes, { name: path, memoryMaxBytes: this.#memoryMaxBytes(path) })
  }

  #find(path: string): Script | undefined {
    try {
      const root = realpathSync(this.rules.documentRoot)
      const realPath = realpathSync(join(root, Buffer.from(path, 'latin1').toString('utf8')))
      if (!realPath.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined
      const stats = statSync(realPath)
      if (!stats.isFile()) return undefined
      return { realPath, identity: identityOf(stats), bytes: stats.size }
    } catch {
      return undefined // nothing there, or nothing we may see: the same to a client
    }
  }

  #remember<Value>(map: Map<string, Value>, path: string, value: Value): void {
    if (map.size >= MAX_PATHS) {
      for (const oldest of map.keys()) {
        map.delete(oldest)
        break
      }
    }
    map.set(path, value)
  }
}

/** A part of a longer string, kept, would keep all of it. */
function ownCopy(path: string): string {
  return Buffer.from(path, 'latin1').toString('latin1')
}

function identityOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`
}
