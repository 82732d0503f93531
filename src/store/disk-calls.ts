/** The calls of `node:fs` that store-files.ts makes: by other threads, or at once in this one. */
import * as now from 'node:fs'
import {
  chmod,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { promisify } from 'node:util'

/** As `node:fs/promises` has them; all reject with errors of the system. */
export interface DiskCalls {
  chmod(path: string, mode: number): Promise<void>
  link(from: string, to: string): Promise<void>
  /** Undefined: there is nothing. It may reject instead. */
  lstat(path: string): Promise<now.Stats | undefined>
  mkdir(path: string): Promise<void>
  open(path: string, flags: number, mode?: number): Promise<DiskFile>
  readdir(path: string): Promise<readonly now.Dirent[]>
  readlink(path: string): Promise<string>
  /** A file of fewer than `SMALL_BYTES`, in one step; undefined: it has more. Undefined where that makes nothing faster. */
  readonly readSmall?: (path: string, flags: number) => Uint8Array | undefined
  rename(from: string, to: string): Promise<void>
  rm(
    path: string,
    options: { readonly recursive?: boolean; readonly force: boolean },
  ): Promise<void>
  symlink(target: string, path: string): Promise<void>
  unlink(path: string): Promise<void>
  writeFile(
    path: string,
    contents: Uint8Array,
    options: { readonly flag: string; readonly mode: number },
  ): Promise<void>
}

/** As a `FileHandle`. */
export interface DiskFile {
  readonly fd: number
  chmod(mode: number): Promise<void>
  close(): Promise<void>
  /** Where the last one ended. */
  read(into: Uint8Array, offset: number, length: number): Promise<{ readonly bytesRead: number }>
  stat(): Promise<now.Stats>
  sync(): Promise<void>
  truncate(bytes: number): Promise<void>
  write(
    bytes: Uint8Array,
    offset: number,
    length?: number,
    position?: number,
  ): Promise<{ readonly bytesWritten: number }>
}

export const callsInThreads: DiskCalls = {
  ...{ chmod, link, lstat, mkdir, open, readlink, rename, rm, symlink, unlink, writeFile },
  readdir: (path) => readdir(path, { withFileTypes: true }),
}

/** Most files of a store that are no blobs have fewer. */
export const SMALL_BYTES: number = 16 * 1024

const syncInThread = promisify(now.fsync)

export const callsAtOnce: DiskCalls = {
  chmod: async (path, mode) => now.chmodSync(path, mode),
  link: async (from, to) => now.linkSync(from, to),
  lstat: async (path) => now.lstatSync(path, { throwIfNoEntry: false }),
  mkdir: async (path) => now.mkdirSync(path),
  open: async (path, flags, mode) => new FileAtOnce(now.openSync(path, flags, mode)),
  readdir: async (path) => now.readdirSync(path, { withFileTypes: true }),
  readlink: async (path) => now.readlinkSync(path),
  readSmall,
  rename: async (from, to) => now.renameSync(from, to),
  rm: async (path, options) => now.rmSync(path, options),
  symlink: async (target, path) => now.symlinkSync(target, path),
  unlink: async (path) => now.unlinkSync(path),
  writeFile: async (path, contents, options) => now.writeFileSync(path, contents, options),
}

/** Taken anew for each file it would cost more than reading. */
const small = new Uint8Array(SMALL_BYTES)

function readSmall(path: string, flags: number): Uint8Array | undefined {
  const fd = now.openSync(path, flags)
  try {
    const length = now.readSync(fd, small, 0, SMALL_BYTES, null)
    return length < SMALL_BYTES ? small.slice(0, length) : undefined
  } finally {
    now.closeSync(fd)
  }
}

class FileAtOnce implements DiskFile {
  readonly fd: number
  #isClosed = false

  constructor(fd: number) {
    this.fd = fd
  }

  async chmod(mode: number): Promise<void> {
    now.fchmodSync(this.fd, mode)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    now.closeSync(this.fd)
  }

  async read(into: Uint8Array, offset: number, length: number) {
    return { bytesRead: now.readSync(this.fd, into, offset, length, null) }
  }

  async stat(): Promise<now.Stats> {
    return now.fstatSync(this.fd)
  }

  sync(): Promise<void> {
    return syncInThread(this.fd)
  }

  async truncate(bytes: number): Promise<void> {
    now.ftruncateSync(this.fd, bytes)
  }

  async write(bytes: Uint8Array, offset: number, length?: number, position?: number) {
    return { bytesWritten: now.writeSync(this.fd, bytes, offset, length, position) }
  }
}
