/** A store in a folder: one that several machines share, or that rsync brings. */
import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { systemCodeOf } from '../base/errors.ts'
import { tenantsOf } from '../store/layout.ts'
import { MAX_OWN_FILE_BYTES } from '../store/limits.ts'
import { isStore } from '../store/open-store.ts'
import { filesAtOnce } from '../store/store-files.ts'
import { noSource } from './errors.ts'
import type { ReleaseSource, SeenPointers } from './release-source.ts'

/** A folder's time may stay the same for changes within one tick of the file system's clock, over a network within seconds: so long it is read again. */
const YOUNG_MS = 5000

const CHUNK_BYTES = 256 * 1024

/** A pointer, and which file it was. */
interface Pointer {
  readonly stamp: string
  readonly bytes: Uint8Array
}

export class FolderSource implements ReleaseSource {
  readonly name: string
  readonly #root: string
  readonly #clock: Clock
  #stamp = ''
  #changedMs = 0
  #pointers: ReadonlyMap<string, Pointer> = new Map()

  /** `root`: absolute. */
  constructor(root: string, clock: Clock) {
    this.#root = root
    this.#clock = clock
    this.name = `dir:${root}`
  }

  async look(): Promise<SeenPointers | undefined> {
    // A share that is not mounted is an empty folder, and says nothing about any tenant.
    if (!(await isStore(this.#root))) throw noSource(this.name, 'there is no store')
    const live = join(this.#root, 'live')
    const { ino, mtimeMs } = await stat(live).catch((error: unknown) => {
      throw noSource(this.name, `${live}: ${systemCodeOf(error)}`, error)
    })
    const stamp = `${ino}:${mtimeMs}`
    const nowMs = this.#clock.nowMs()
    if (stamp !== this.#stamp) this.#changedMs = nowMs
    else if (nowMs - this.#changedMs > YOUNG_MS) return undefined
    const found = new Map<string, Pointer>()
    for (const tenant of tenantsOf(await this.list('live'))) {
      const pointer = await this.#pointer(tenant)
      if (pointer !== undefined) found.set(tenant, pointer)
    }
    this.#stamp = stamp
    this.#pointers = found
    const all = new Map([...found].map(([tenant, { bytes }]) => [tenant, bytes]))
    return { all, changed: undefined }
  }

  /** Most are the file they were: a switch is a rename, which puts another one there. */
  async #pointer(tenant: string): Promise<Pointer | undefined> {
    const path = `live/${tenant}.json`
    const status = await filesAtOnce.status(join(this.#root, path))
    if (status === undefined) return undefined
    const stamp = `${status.inode}:${status.modifiedMs}:${status.bytes}`
    const known = this.#pointers.get(tenant)
    if (known?.stamp === stamp) return known
    const bytes = await this.read(path, MAX_OWN_FILE_BYTES)
    return bytes && { stamp, bytes }
  }

  async list(folder: string): Promise<readonly string[]> {
    const path = join(this.#root, folder)
    // Most tenants have no folder of signatures, and an error takes longer than a look.
    if ((await filesAtOnce.status(path)) === undefined) return []
    return (await filesAtOnce.list(path)).map(({ name }) => name)
  }

  read(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
    return filesAtOnce.read(join(this.#root, path), maxBytes)
  }

  async stream(path: string, maxBytes: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const status = await filesAtOnce.status(join(this.#root, path))
    if (status === undefined) return undefined
    if (status.kind !== 'file' || status.bytes > CHUNK_BYTES) return this.#pieces(path, maxBytes)
    const bytes = await this.read(path, maxBytes)
    return bytes && once(bytes)
  }

  /** Opens the file when it is read: who has no use for it leaves nothing open. */
  async *#pieces(path: string, maxBytes: number): AsyncGenerator<Uint8Array> {
    try {
      // A FIFO there would be waited for.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
      const file = await open(join(this.#root, path), flags)
      // One byte more, so that what is too long is found out.
      yield* file.createReadStream({ end: maxBytes, highWaterMark: CHUNK_BYTES })
    } catch (error) {
      throw noSource(this.name, `${path}: ${systemCodeOf(error)}`, error)
    }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
