/**
 * The file of tokens: JSON, mode 0600, written whole or not at all. The command line and the server both change it, one at
 * a time; the server looks before each request whether it is another file by now, so that a revoked token is refused at once.
 */

import { constants } from 'node:fs'
import { chown, type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../base/clock.ts'
import { systemCodeOf } from '../base/errors.ts'
import { isWritableByOthers } from '../base/file-mode.ts'
import { withLock } from '../store/lock.ts'
import { nodeFiles } from '../store/store-files.ts'
import { SCOPES, type TokenRecord } from './bearer-token.ts'
import { AdminError } from './errors.ts'
import { DEFAULT_ADMIN_LIMITS } from './limits.ts'

/** Whom the file belongs to, where root makes it. */
export interface TokenFileOwner {
  readonly uid: number
  readonly gid: number
}

export interface TokenFileOptions {
  readonly clock: Clock
  /** For a new file made by root; undefined: root. An old one stays whose it is. */
  readonly owner?: TokenFileOwner | undefined
  readonly maxTokens?: number
}

const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/** 10,000 tokens are about 3 MB. */
const MAX_FILE_BYTES = 16 * 1024 * 1024

const LOCK_WAIT_MS = 10_000

const recordSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  name: z.string().max(200),
  tenant: z.string().max(63).optional(),
  scopes: z.array(z.enum(SCOPES)),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
})
const fileSchema = z.object({ format: z.literal(1), tokens: z.array(recordSchema) })

export class TokenFile {
  readonly path: string
  readonly #clock: Clock
  readonly #owner: TokenFileOwner | undefined
  readonly #maxTokens: number
  /** What is known, and of which file. */
  #known: { readonly stamp: string; readonly tokens: ReadonlyMap<string, TokenRecord> } = {
    stamp: 'none',
    tokens: new Map(),
  }

  /** The file need not be there. */
  constructor(path: string, { clock, owner, maxTokens }: TokenFileOptions) {
    this.path = path
    this.#clock = clock
    this.#owner = owner
    this.#maxTokens = maxTokens ?? DEFAULT_ADMIN_LIMITS.tokens
  }

  /** The record of an id. Rejects with ADMIN_TOKEN_FILE: then nobody is let in. */
  async find(id: string): Promise<TokenRecord | undefined> {
    return (await this.#read()).get(id)
  }

  /** Oldest first. Rejects with ADMIN_TOKEN_FILE. */
  async list(): Promise<readonly TokenRecord[]> {
    return [...(await this.#read()).values()]
  }

  /** Lasting when this resolves. Rejects with ADMIN_TOKEN_FILE, ADMIN_TOO_MANY_TOKENS, STORE_BUSY. */
  add(record: TokenRecord): Promise<void> {
    return this.#change((tokens) => {
      if (tokens.size >= this.#maxTokens) {
        throw new AdminError(
          'ADMIN_TOO_MANY_TOKENS',
          `Cannot add a token to ${this.path}: there are ${tokens.size}, wanted fewer than ${this.#maxTokens}`,
        )
      }
      tokens.set(record.id, record)
    })
  }

  /** Revokes a token and answers what it was. Rejects with ADMIN_UNKNOWN_TOKEN and as `add` does. */
  async remove(id: string): Promise<TokenRecord> {
    let removed: TokenRecord | undefined
    await this.#change((tokens) => {
      removed = tokens.get(id)
      if (removed === undefined) {
        throw new AdminError(
          'ADMIN_UNKNOWN_TOKEN',
          `Cannot revoke token ${JSON.stringify(id.slice(0, 40))}: there is none of that id, wanted one of \`wasm-fpm token list\``,
        )
      }
      tokens.delete(id)
    })
    if (removed === undefined) throw new Error('a token was removed that was not there')
    return removed
  }

  /** Revokes all tokens of a tenant; answers how many. */
  async removeOf(tenant: string): Promise<number> {
    if (!(await this.list()).some((record) => record.tenant === tenant)) return 0
    let count = 0
    await this.#change((tokens) => {
      for (const record of [...tokens.values()]) {
        if (record.tenant === tenant && tokens.delete(record.id)) count += 1
      }
    })
    return count
  }

  /** Makes the folder for taking turns, and gives file and folder to their owner: what root does before another user needs them. */
  async prepare(): Promise<void> {
    await this.#attempt('prepare', async () => {
      await this.#makeLockFolder()
      const owner = await this.#ownerOfFile()
      const isThere = (await this.#stamp()) !== 'none'
      if (owner !== undefined && isThere) await chown(this.path, owner.uid, owner.gid)
    })
  }

  async #read(): Promise<ReadonlyMap<string, TokenRecord>> {
    return this.#attempt('read', async () => {
      const stamp = await this.#stamp()
      if (stamp === this.#known.stamp) return this.#known.tokens
      const tokens = stamp === 'none' ? new Map<string, TokenRecord>() : await this.#readFile()
      // Replaced in between: the older stamp has the next look read it once more.
      this.#known = { stamp, tokens }
      return tokens
    })
  }

  async #readFile(): Promise<Map<string, TokenRecord>> {
    const file = await open(this.path, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const { mode, size } = await file.stat()
      // They could hand themselves a token.
      if (isWritableByOthers(mode)) {
        throw this.#bad('read', 'others may write to it, wanted mode 0600')
      }
      if (size > MAX_FILE_BYTES) {
        throw this.#bad('read', `it has ${size} bytes, wanted at most ${MAX_FILE_BYTES}`)
      }
      return this.#decode(await file.readFile('utf8'))
    } finally {
      await file.close()
    }
  }

  #decode(text: string): Map<string, TokenRecord> {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw this.#bad('read', `it is no JSON (${String(cause)}), wanted what this program writes`)
    }
    const read = fileSchema.safeParse(value)
    if (!read.success) {
      const [issue] = read.error.issues
      const where = issue?.path.map(String).join('.') ?? ''
      throw this.#bad('read', `${where}: ${issue?.message}, wanted what this program writes`)
    }
    return new Map(
      read.data.tokens.map(({ tenant, expiresAt, ...rest }) => [
        rest.id,
        { ...rest, tenant, expiresAt },
      ]),
    )
  }

  async #change(edit: (tokens: Map<string, TokenRecord>) => void): Promise<void> {
    await this.#attempt('change', async () => {
      const folder = await this.#makeLockFolder()
      const turn = { files: nodeFiles, folder, clock: this.#clock, waitMs: LOCK_WAIT_MS }
      await withLock(turn, async () => {
        const isThere = (await this.#stamp()) !== 'none'
        const tokens = isThere ? await this.#readFile() : new Map<string, TokenRecord>()
        edit(tokens)
        await this.#write(tokens)
      })
    })
  }

  async #write(tokens: ReadonlyMap<string, TokenRecord>): Promise<void> {
    const draft = `${this.path}.new`
    const owner = await this.#ownerOfFile()
    await rm(draft, { force: true })
    const file = await open(draft, 'wx', FILE_MODE)
    try {
      await file.writeFile(
        `${JSON.stringify({ format: 1, tokens: [...tokens.values()] }, undefined, 1)}\n`,
      )
      if (owner !== undefined) await file.chown(owner.uid, owner.gid)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, this.path)
    await syncFolder(dirname(this.path))
  }

  async #makeLockFolder(): Promise<string> {
    const folder = `${this.path}.lock`
    await mkdir(dirname(this.path), { recursive: true })
    await mkdir(folder, { mode: FOLDER_MODE }).catch((error: unknown) => {
      if (systemCodeOf(error) !== 'EEXIST') throw error
    })
    const owner = await this.#ownerOfFile()
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
    return folder
  }

  /** Only root can give files away, and has to. */
  async #ownerOfFile(): Promise<TokenFileOwner | undefined> {
    if (process.getuid?.() !== 0) return undefined
    if (this.#owner !== undefined) return this.#owner
    return stat(this.path).then(
      ({ uid, gid }) => ({ uid, gid }),
      () => undefined,
    )
  }

  /** Differs for every file that was ever renamed to this name. */
  async #stamp(): Promise<string> {
    try {
      const { ino, mtimeNs, ctimeNs, size } = await stat(this.path, { bigint: true })
      return `${ino}:${mtimeNs}:${ctimeNs}:${size}`
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return 'none'
      throw error
    }
  }

  async #attempt<Result>(doing: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (cause) {
      if (!(cause instanceof Error) || !('errno' in cause)) throw cause
      throw this.#bad(doing, `${systemCodeOf(cause)}, wanted the right to do so`, cause)
    }
  }

  #bad(doing: string, problem: string, cause?: unknown): AdminError {
    return new AdminError(
      'ADMIN_TOKEN_FILE',
      `Cannot ${doing} the tokens in ${this.path}: ${problem}`,
      { cause },
    )
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder: FileHandle = await open(path, constants.O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
