/**
 * Compiled modules by content: tenants that run the same bytes share one module. Never chosen by a name a tenant controls. What a module
 * holds is its own size and more, so whoever keeps one gives it up when it is dropped here.
 */
import { createHash } from 'node:crypto'
import type { Compile, OnNewTypes } from './compiler.ts'
import { loadComponents } from './components.ts'
import { GuestError } from './errors.ts'
import { imagesOf } from './guest-memory.ts'
import type { CompileOptions, GuestModule, HardenedFacts } from './guest-module.ts'

/** When the sizes of modules add up to more than this, the tenant that has most gives up the one it has asked for longest ago. */
export const DEFAULT_CACHE_BYTES = 512 * 1024 * 1024

/** Different types of functions that a tenant's modules may bring while the process lives; real programs have some hundred. */
export const TENANT_TYPES = 100_000

/** A digest of more takes so long that requests are answered in between. */
const DIGEST_STEP_BYTES = 256 * 1024

/** Who keeps a module; known here for as long as it is kept by somebody else. */
export interface ModuleHolder {
  readonly tenant: string
  /** Is to forget the module. */
  dropped(): void
}

interface Entry {
  readonly module: Promise<GuestModule>
  readonly bytes: number
  /** Who has asked for it first. */
  readonly tenant: string
  holders: WeakRef<ModuleHolder>[]
}

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
  /** The one that was asked for longest ago first. */
  readonly #modules = new Map<string, Entry>()
  readonly #tenantBytes = new Map<string, number>()
  readonly #tenantTypes = new Map<string, number>()
  #bytes = 0

  constructor({ maxBytes = DEFAULT_CACHE_BYTES, compile = compileHere }: CompileCacheOptions = {}) {
    this.#maxBytes = maxBytes
    this.#compile = compile
  }

  /**
   * The compiled module of `bytes`, which are given away; compiles once however many ask at the same time. Rejects with
   * `GuestError` or `WasmError`.
   */
  async compile(
    bytes: Uint8Array<ArrayBuffer>,
    options: CompileOptions,
    holder?: ModuleHolder,
  ): Promise<GuestModule> {
    const digest = await digestInSteps(bytes)
    // One limit is written into the module, and the other one refuses it: with other limits it is another module.
    const { memoryMaxBytes, functionBytes, contract = 'any' } = options
    const key = `${digest}:${memoryMaxBytes}:${functionBytes}:${contract}`
    return this.#module({ key, bytes: bytes.length, holder }, (onNewTypes) =>
      this.#compile(bytes, { kind: 'harden', options: { ...options, digest: key } }, onNewTypes),
    )
  }

  /**
   * The compiled module that `facts` describe. `read` is asked for its bytes when they are needed, and vouches that they are
   * those of `facts.digest`. Rejects as `read` does, or with `GuestError`.
   */
  compileHardened(
    facts: HardenedFacts & { readonly bytes: number },
    read: () => Promise<Uint8Array<ArrayBuffer>>,
    holder?: ModuleHolder,
  ): Promise<GuestModule> {
    const key = `hardened:${facts.digest}`
    return this.#module({ key, bytes: facts.bytes, holder }, async (onNewTypes) =>
      this.#compile(await read(), { kind: 'hardened', facts }, onNewTypes),
    )
  }

  async #module(
    { key, bytes, holder }: Wanted,
    make: (onNewTypes: OnNewTypes) => Promise<GuestModule>,
  ): Promise<GuestModule> {
    let entry = this.#modules.get(key)
    if (entry === undefined) {
      const tenant = holder?.tenant ?? ''
      const making = make(this.#newTypes(tenant)).then(opened)
      const made: Entry = { module: making, bytes, tenant, holders: [] }
      // Who asked for it knows already, and may remember that.
      made.module.catch(() => this.#remove(key, made))
      this.#count(tenant, bytes)
      entry = made
    }
    // The last one now.
    this.#modules.delete(key)
    this.#modules.set(key, entry)
    if (holder !== undefined) {
      entry.holders = entry.holders.filter((one) => one.deref() !== undefined)
      entry.holders.push(new WeakRef(holder))
    }
    this.#evict(key)
    return entry.module
  }

  /** Counts what the tenant's modules bring. Throws GUEST_TYPES_USED_UP. */
  #newTypes(tenant: string): OnNewTypes {
    const types = this.#tenantTypes.get(tenant) ?? 0
    if (types >= TENANT_TYPES)
      throw new GuestError(
        'GUEST_TYPES_USED_UP',
        `Cannot compile a module of tenant ${tenant}: its modules have brought ${types} types of functions to this process, wanted fewer than ${TENANT_TYPES}`,
      )
    return (more) => {
      if (more > 0) this.#tenantTypes.set(tenant, (this.#tenantTypes.get(tenant) ?? 0) + more)
    }
  }

  /** Never the one that is asked for now. */
  #evict(newest: string): void {
    while (this.#bytes > this.#maxBytes && this.#modules.size > 1) {
      const others = [...this.#modules.keys()].filter((key) => key !== newest)
      const greediest = this.#greediest()
      const ofGreediest = others.find((key) => this.#modules.get(key)?.tenant === greediest)
      this.#drop(ofGreediest ?? others[0] ?? '')
    }
  }

  #greediest(): string {
    let [greediest, most] = ['', 0]
    for (const [tenant, bytes] of this.#tenantBytes) {
      if (bytes > most) [greediest, most] = [tenant, bytes]
    }
    return greediest
  }

  #drop(key: string): void {
    const entry = this.#modules.get(key)
    if (entry === undefined) return
    this.#remove(key, entry)
    for (const holder of entry.holders) holder.deref()?.dropped()
  }

  #remove(key: string, entry: Entry): void {
    if (this.#modules.get(key) !== entry) return
    this.#modules.delete(key)
    this.#count(entry.tenant, -entry.bytes)
  }

  #count(tenant: string, bytes: number): void {
    this.#bytes += bytes
    const left = (this.#tenantBytes.get(tenant) ?? 0) + bytes
    if (left === 0) this.#tenantBytes.delete(tenant)
    else this.#tenantBytes.set(tenant, left)
  }
}

interface Wanted {
  readonly key: string
  readonly bytes: number
  readonly holder: ModuleHolder | undefined
}

async function digestInSteps(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < bytes.length; at += DIGEST_STEP_BYTES) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve))
    hash.update(bytes.subarray(at, at + DIGEST_STEP_BYTES))
  }
  return hash.digest('hex')
}

/** Its images are open, and so are closed when nobody has the module any more; what it takes to instantiate it is there. */
function opened(module: GuestModule): GuestModule | Promise<GuestModule> {
  imagesOf(module)
  return module.component === undefined ? module : loadComponents().then(() => module)
}
