/** Compiled modules by content: tenants that run the same bytes share one module. Never chosen by a name a tenant controls. */
import { createHash } from 'node:crypto'
import {
  type CompileOptions,
  compileCgiModule,
  compileHardenedModule,
  type GuestModule,
  type HardenedFacts,
} from './module.ts'

/** Modules are dropped, least recently used first, when their sizes add up to more than this. */
export const DEFAULT_CACHE_BYTES = 512 * 1024 * 1024

export class CompileCache {
  readonly #maxBytes: number
  /** Least recently used first. */
  readonly #modules = new Map<
    string,
    { readonly module: Promise<GuestModule>; readonly bytes: number }
  >()
  #bytes = 0

  constructor(maxBytes: number = DEFAULT_CACHE_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** The compiled module of `bytes`; compiles once however many ask at the same time. Rejects with `GuestError` or `WasmError`. */
  compile(bytes: Uint8Array, options: CompileOptions): Promise<GuestModule> {
    const digest = createHash('sha256').update(bytes).digest('hex')
    // The limit is written into the module: another limit is another module.
    const key = `${digest}:${options.memoryMaxBytes}`
    return this.#module(key, bytes.length, () =>
      compileCgiModule(bytes, { ...options, digest: key }),
    )
  }

  /**
   * The compiled module that `facts` describe. `read` is asked for its bytes when they are needed, and vouches that they are
   * those of `facts.digest`. Rejects as `read` does, or with `GuestError`.
   */
  compileHardened(
    facts: HardenedFacts & { readonly bytes: number },
    read: () => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<GuestModule> {
    const key = `hardened:${facts.digest}`
    return this.#module(key, facts.bytes, async () => compileHardenedModule(await read(), facts))
  }

  #module(key: string, bytes: number, make: () => Promise<GuestModule>): Promise<GuestModule> {
    const known = this.#modules.get(key)
    if (known !== undefined) {
      this.#modules.delete(key)
      this.#modules.set(key, known)
      return known.module
    }
    const module = make()
    this.#modules.set(key, { module, bytes })
    this.#bytes += bytes
    module.catch(() => this.#drop(key))
    this.#evict()
    return module
  }

  #evict(): void {
    for (const key of this.#modules.keys()) {
      if (this.#bytes <= this.#maxBytes || this.#modules.size === 1) return
      this.#drop(key)
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#modules.get(key)?.bytes ?? 0
    this.#modules.delete(key)
  }
}
