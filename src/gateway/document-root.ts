/**
 * Document-root mode (design §8): a file under the tenant's `root` with an allowed extension is run as it lies there.
 *
 * Looking a path up costs two system calls; answers are kept for `revalidateMs`, so a changed file is noticed after that.
 */
import { realpathSync, type Stats, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import type { Clock } from '../base/clock.ts'
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

interface Lookup {
  readonly script: Script | undefined
  readonly expiresMs: number
}

interface Loaded {
  readonly identity: string
  readonly module: Promise<GuestModule>
  ready: GuestModule | undefined
}

export interface DocumentRootOptions {
  readonly root: string
  /** Lower-case, with the dot: `.wasm`. */
  readonly extensions: readonly string[]
  /** How long an answer about a file is believed, in milliseconds. */
  readonly revalidateMs: number
  /** What the memories of one instance may grow to. */
  readonly memoryMaxBytes: number
  readonly cache: CompileCache
  readonly clock: Clock
}

export class DocumentRoot {
  readonly root: string
  readonly #extensions: ReadonlySet<string>
  readonly #revalidateMs: number
  readonly #memoryMaxBytes: number
  readonly #cache: CompileCache
  readonly #clock: Clock
  readonly #lookups = new Map<string, Lookup>()
  readonly #loaded = new Map<string, Loaded>()

  constructor(options: DocumentRootOptions) {
    const { root, extensions, revalidateMs, memoryMaxBytes, cache, clock } = options
    this.#revalidateMs = revalidateMs
    this.#memoryMaxBytes = memoryMaxBytes
    this.root = root
    this.#extensions = new Set(extensions)
    this.#cache = cache
    this.#clock = clock
  }

  /** Whether `path` (relative to the root, no leading slash) names a file that may be run; latin1, one char a byte. Follows no link out of the root. */
  isScript(path: string): boolean {
    return this.#lookUp(path) !== undefined
  }

  /** The compiled script at `path`: at once when it is known and unchanged. Throws or rejects with `GuestError`. */
  load(path: string): GuestModule | Promise<GuestModule> {
    const script = this.#lookUp(path)
    if (script === undefined) {
      throw new GuestError(
        'GUEST_UNREADABLE',
        `Cannot read ${path}: no such file under ${this.root}`,
      )
    }
    const known = this.#loaded.get(path)
    if (known?.identity === script.identity) return known.ready ?? known.module
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
    return loaded.module
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
    return this.#cache.compile(bytes, { name: path, memoryMaxBytes: this.#memoryMaxBytes })
  }

  #lookUp(path: string): Script | undefined {
    const nowMs = this.#clock.nowMs()
    const known = this.#lookups.get(path)
    if (known !== undefined && known.expiresMs > nowMs) return known.script
    const script = this.#extensions.has(extname(path).toLowerCase()) ? this.#find(path) : undefined
    this.#lookups.delete(path)
    this.#remember(this.#lookups, path, { script, expiresMs: nowMs + this.#revalidateMs })
    return script
  }

  #find(path: string): Script | undefined {
    try {
      const root = realpathSync(this.root)
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

function identityOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`
}
