/** Compiled modules by content: tenants that run the same bytes share one module. Never chosen by a name a tenant controls. */
import { createHash } from 'node:crypto'
import type { Compile } from './compiler.ts'
import { imagesOf } from './guest-memory.ts'
import type { CompileOptions, GuestModule, HardenedFacts } from './guest-module.ts'

/** Modules are dropped, least recently used first, when their sizes add up to more than this. */
export const DEFAULT_CACHE_BYTES = 512 * 1024 * 1024

/** A digest of more takes so long that requests are answered in between. */
const DIGEST_STEP_BYTES = 256 * 1024

export interface CompileCacheOptions {
  readonly maxBytes?: number
  /** Default: in this thread. */
  readonly compile?: Compile | undefined
}

/** In this thread. What it takes is loaded with the first module: a worker, which has other threads for it, never does. */
const compileHere: Compile = async (bytes, plan) => {
  const compiler = await import('./compiler.ts')
  return compiler.compileHere(bytes, plan)
}

export class CompileCache {
  readonly #compile: Compile
  readonly #maxBytes: number
  /** Least recently used first. */
  readonly #modules = new Map<
    string,
    { readonly module: Promise<GuestModule>; readonly bytes: number }
  >()
  #bytes = 0

  constructor({ maxBytes = DEFAULT_CACHE_BYTES, compile = compileHere }: CompileCacheOptions = {}) {
    this.#maxBytes = maxBytes
    this.#compile = compile
  }

  /**
   * The compiled module of `bytes`, which are given away; compiles once however many ask at the same time. Rejects with
   * `GuestError` or `WasmError`.
   */
  async compile(bytes: Uint8Array<ArrayBuffer>, options: CompileOptions): Promise<GuestModule> {
    const digest = await digestInSteps(bytes)
    // One limit is written into the module, and the other one refuses it: with other limits it is another module.
    const key = `${digest}:${options.memoryMaxBytes}:${options.functionBytes}`
    return this.#module(key, bytes.length, () =>
      this.#compile(bytes, { kind: 'harden', options: { ...options, digest: key } }),
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
    return this.#module(key, facts.bytes, async () =>
      this.#compile(await read(), { kind: 'hardened', facts }),
    )
  }

  #module(key: string, bytes: number, make: () => Promise<GuestModule>): Promise<GuestModule> {
    const known = this.#modules.get(key)
    if (known !== undefined) {
      this.#modules.delete(key)
      this.#modules.set(key, known)
      return known.module
    }
    const module = make().then(opened)
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

async function digestInSteps(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < bytes.length; at += DIGEST_STEP_BYTES) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve))
    hash.update(bytes.subarray(at, at + DIGEST_STEP_BYTES))
  }
  return hash.digest('hex')
}

/** Its images are open, and so are closed when nobody has the module any more. */
function opened(module: GuestModule): GuestModule {
  imagesOf(module)
  return module
}
