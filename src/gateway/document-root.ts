/**
 * Document-root mode, php-fpm's way: a file under the tenant's `root` with an allowed extension is run as it lies there: a module
 * by itself, a script by one of the tenant's runtimes.
 *
 * The tenant may change everything there at any time, so files are opened by `openWithin` only. Looking a path up costs a few
 * system calls for each folder; answers are kept for `revalidateMs`, so a changed file is noticed after that.
 */
import type { Stats } from 'node:fs'
import { extname } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { openWithin } from '../base/open-within.ts'
import { OpenError, type OpenedFile } from '../base/opened-file.ts'
import type { ScriptRules } from '../cgi/script-path.ts'
import type { CompileCache, ModuleHolder } from '../guest/compile-cache.ts'
import { GuestError } from '../guest/errors.ts'
import {
  type CompileLimits,
  checkModuleBytes,
  type GuestModule,
  MAX_MODULE_BYTES,
} from '../guest/guest-module.ts'
import { type LoadTurns, SMALL_MODULE_BYTES } from '../guest/load-turns.ts'
import { KeptLoad, type Retry } from './kept-load.ts'
import { ScriptMemory } from './script-memory.ts'
import type { ScriptRuntime } from './script-runtime.ts'

/** How many paths are remembered, existing or not. */
const MAX_PATHS = 4096

/** What is wrong with these need not be the file's fault. */
const TRANSIENT: ReadonlySet<string> = new Set([
  'GUEST_UNREADABLE',
  'GUEST_TYPES_USED_UP',
  'GUEST_BOOT_FAILED',
])

const MAGIC_BYTES = 8

interface Loaded {
  readonly identity: string
  readonly module: KeptLoad<GuestModule>
  readonly holder: ModuleHolder
}

interface Lookup {
  /** Whether there is a file that may be run. */
  readonly isThere: boolean
  /** undefined: it is no module. */
  readonly loaded: Loaded | undefined
  readonly expiresMs: number
}

interface Looking {
  readonly nowMs: number
  /** Whether it is where this folder does not lead. */
  readonly isElsewhere: (path: string) => boolean
}

export interface DocumentRootOptions {
  readonly tenant: string
  readonly root: string
  /** Of modules; lower-case, with the dot: `.wasm`. */
  readonly extensions: readonly string[]
  /** The file that the path of a folder means. */
  readonly index: string
  /** What runs other files. Default: nothing. */
  readonly runtimes?: readonly ScriptRuntime[]
  /** Whether their guests find a file at a path (as for `load`) by way of what is mounted. Default: nothing is. */
  readonly isMounted?: (path: string) => boolean
  /** How long an answer about a file is believed, in milliseconds. */
  readonly revalidateMs: number
  /** What the script at `path` (as for `load`) may have. */
  readonly limitsOf: (path: string) => CompileLimits
  /** Makes a module that has been compiled ready for requests. Default: it is. */
  readonly prepare?: (module: GuestModule, path: string) => Promise<GuestModule>
  readonly cache: CompileCache
  readonly turns: LoadTurns
  readonly clock: Clock
}

export class DocumentRoot {
  /** What the paths of requests may mean here. */
  readonly rules: ScriptRules
  /** Which files requests mean. */
  readonly scripts: ScriptMemory
  readonly #root: string
  readonly #extensions: ReadonlySet<string>
  readonly #revalidateMs: number
  readonly #limitsOf: (path: string) => CompileLimits
  readonly #prepare: DocumentRootOptions['prepare']
  readonly #tenant: string
  readonly #cache: CompileCache
  readonly #turns: LoadTurns
  readonly #clock: Clock
  readonly #isMounted: (path: string) => boolean
  readonly #lookups = new Map<string, Lookup>()
  readonly #loaded = new Map<string, Loaded>()

  constructor(options: DocumentRootOptions) {
    const { root, extensions, index, revalidateMs, limitsOf, cache, clock } = options
    const { runtimes = [], isMounted = () => false } = options
    this.#isMounted = isMounted
    this.#root = root
    this.#tenant = options.tenant
    this.#turns = options.turns
    this.#revalidateMs = revalidateMs
    this.#limitsOf = limitsOf
    this.#prepare = options.prepare
    this.rules = {
      documentRoot: Buffer.from(root).toString('latin1'),
      extensions: [...extensions, ...runtimes.flatMap((runtime) => runtime.extensions)],
      indexes: [index, ...runtimes.flatMap((runtime) => runtime.index ?? [])],
    }
    this.scripts = new ScriptMemory(this.rules, runtimes)
    this.#extensions = new Set(extensions)
    this.#cache = cache
    this.#clock = clock
  }

  /**
   * The compiled script at `path` (relative to the root, no leading slash; latin1, one char a byte): at once when it is known
   * and unchanged; undefined when that is no file that may be run. Links are followed inside of the root. Throws
   * GUEST_OUTSIDE_ROOT for one that leads out of it; rejects with `GuestError`.
   */
  load(path: string): GuestModule | Promise<GuestModule> | undefined {
    return this.#current(path).loaded?.module.get()
  }

  /**
   * Whether there is a file at `path` (as for `load`) for a runtime, whose guest opens it itself, and sees what is mounted, too.
   * Throws GUEST_OUTSIDE_ROOT.
   */
  has(path: string): boolean {
    return this.#current(path, this.#isMounted).isThere
  }

  #current(path: string, isElsewhere: (path: string) => boolean = () => false): Lookup {
    const nowMs = this.#clock.nowMs()
    const known = this.#lookups.get(path)
    const isCurrent = known !== undefined && known.expiresMs > nowMs
    return isCurrent ? known : this.#lookUp(ownCopy(path), { nowMs, isElsewhere })
  }

  #lookUp(path: string, { nowMs, isElsewhere }: Looking): Lookup {
    const stats = this.#statsOf(path, isElsewhere)
    const isModule = stats !== undefined && this.#extensions.has(extname(path).toLowerCase())
    const lookup: Lookup = {
      isThere: stats !== undefined || isElsewhere(path),
      loaded: isModule ? this.#find(stats, path) : undefined,
      expiresMs: nowMs + this.#revalidateMs,
    }
    this.#lookups.delete(path)
    this.#remember(this.#lookups, path, lookup)
    return lookup
  }

  #statsOf(path: string, isElsewhere: Looking['isElsewhere']): Stats | undefined {
    try {
      using file = this.#open(path)
      return file.stats
    } catch (error) {
      const isOutside = error instanceof OpenError && error.code === 'OPEN_OUTSIDE'
      if (isOutside && !isElsewhere(path)) throw outside(path, error)
      return undefined // nothing there, or nothing we may see: the same to a client
    }
  }

  #find(stats: Stats, path: string): Loaded {
    const known = this.#loaded.get(path)
    return known?.identity === identityOf(stats) ? known : this.#remembered(stats, path)
  }

  /** Should it change while it is read and compiled, the next look finds it changed. */
  #remembered(stats: Stats, path: string): Loaded {
    const holder = { tenant: this.#tenant, dropped: () => this.#forget(path, holder) }
    const module = new KeptLoad({
      clock: this.#clock,
      load: () => this.#read(path, stats.size, holder),
      retry: whenToRetry,
    })
    const loaded: Loaded = { identity: identityOf(stats), module, holder }
    this.#remember(this.#loaded, path, loaded)
    return loaded
  }

  /** The worker keeps no more modules: the next request reads it anew. */
  #forget(path: string, holder: ModuleHolder): void {
    if (this.#loaded.get(path)?.holder === holder) this.#loaded.delete(path)
    if (this.#lookups.get(path)?.loaded?.holder === holder) this.#lookups.delete(path)
  }

  async #read(path: string, size: number, holder: ModuleHolder): Promise<GuestModule> {
    checkModuleBytes(size)
    const compiled = await this.#turns.take(this.#tenant, size, async () => {
      // A small one that has grown meanwhile must not be in the way of small ones.
      const bytes = await this.#readBytes(
        path,
        size <= SMALL_MODULE_BYTES ? SMALL_MODULE_BYTES : MAX_MODULE_BYTES,
      )
      return this.#cache.compile(bytes, { name: path, ...this.#limitsOf(path) }, holder)
    })
    return this.#prepare?.(compiled, path) ?? compiled
  }

  async #readBytes(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    try {
      using file = this.#open(path)
      const { size } = file.stats
      if (size > maxBytes) throw new Error('it has grown')
      const magic = new Uint8Array(Math.min(size, MAGIC_BYTES))
      await file.fill(magic)
      // The rest of what is no module, such as one large hole, is not worth the memory.
      if (!isModule(magic)) return magic
      const bytes = new Uint8Array(size)
      const length = await file.fill(bytes)
      return length === size ? bytes : bytes.slice(0, length)
    } catch (cause) {
      throw new GuestError('GUEST_UNREADABLE', `Cannot read ${path}: ${String(cause)}`, { cause })
    }
  }

  #open(path: string): OpenedFile {
    const name = Buffer.from(path, 'latin1').toString('utf8')
    return openWithin(this.#root, name, 'follow-inside')
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

function whenToRetry(error: unknown): Retry {
  if (!(error instanceof GuestError)) return 'never'
  if (error.code === 'GUEST_LOADS_WAITING') return 'at-once'
  return TRANSIENT.has(error.code) ? 'after-pause' : 'never'
}

/** A part of a longer string, kept, would keep all of it. */
function ownCopy(path: string): string {
  return Buffer.from(path, 'latin1').toString('latin1')
}

function outside(path: string, cause: unknown): GuestError {
  return new GuestError(
    'GUEST_OUTSIDE_ROOT',
    `Cannot run ${path}: a link there leads out of the tenant's root, wanted one that stays inside, or a copy`,
    { cause },
  )
}

/** `\0asm`. */
function isModule(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d
}

function identityOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`
}
