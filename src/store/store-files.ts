/**
 * The few things a store asks of a file system. An interface, so that tests can pull the plug: which of these survive a
 * power cut is written at each.
 */

import { constants, type Dirent } from 'node:fs'
import { systemCodeOf } from '../base/errors.ts'
import { loadLibc } from '../base/libc.ts'
import {
  callsAtOnce,
  callsInThreads,
  type DiskCalls,
  type DiskFile,
  SMALL_BYTES,
} from './disk-calls.ts'
import { storeFileError, storeLimitError } from './errors.ts'

export interface FileStatus {
  readonly kind: EntryKind
  readonly bytes: number
  /** What of the disk it has. */
  readonly allocatedBytes: number
  /** Its number: another file has another one. */
  readonly inode: number
  readonly modifiedMs: number
}

export interface Entry {
  readonly name: string
  readonly kind: EntryKind
}

export type EntryKind = 'file' | 'folder' | 'other'

/** All of them reject with `StoreError`. */
export interface StoreFiles {
  /**
   * Makes a folder, unless there is one; the folder above it must be there. Lasting after `syncFolder` of that. `mode`:
   * permission bits of a new one, whatever the umask; default: what the umask leaves.
   */
  makeFolder(path: string, mode?: number): Promise<void>
  /** Makes a new file, writes it whole and syncs its contents; its name lasts after `syncFolder`. */
  create(path: string, contents: Contents): Promise<void>
  /** As `create`, but what is in it lasts only after `syncAll` of it. */
  createUnsynced(path: string, contents: Contents): Promise<void>
  /** Makes what is in files, and the names in folders, last. Of many, all that was written to their file system does. All are on one. */
  syncAll(paths: readonly string[]): Promise<void>
  /**
   * Makes a new file that need not survive a power cut: after one it may be gone, or empty. Does without a sync, which costs
   * milliseconds, and which Node's permission model forbids.
   */
  createFleeting(path: string, contents: Uint8Array): Promise<void>
  /**
   * Makes a name that says something short, which needs no space: a link that leads nowhere. False: there is something of that
   * name already. Need not survive a power cut.
   */
  createNote(path: string, text: string): Promise<boolean>
  /** What a note, or a small file, says; undefined: there is none. */
  readNote(path: string): Promise<string | undefined>
  /** Writes a file of `create`'s anew within the space it has, and syncs it. After a power cut it may hold anything. */
  refill(path: string, contents: Uint8Array): Promise<void>
  /**
   * Gives a file a second name. False: there is something of that name already. Where files cannot have two names, makes a
   * copy, synced. Lasting after `syncFolder`.
   */
  link(from: string, to: string): Promise<boolean>
  /** Renames, over a file of that name if there is one, in one step. Lasting after `syncFolder`. */
  rename(from: string, to: string): Promise<void>
  /** Makes the names in a folder last. */
  syncFolder(path: string): Promise<void>
  /** Removes a file. False: there was none. */
  remove(path: string): Promise<boolean>
  /** Removes a file or folder with all that is in it, if it is there. */
  removeAll(path: string): Promise<void>
  /** What is in a folder, sorted by name; nothing, when there is no folder. */
  list(path: string): Promise<readonly Entry[]>
  /** Undefined: there is nothing of that name. Does not follow links. */
  status(path: string): Promise<FileStatus | undefined>
  /** The whole of a file; undefined: there is none. Rejects when there are more bytes than `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>
}

export type Contents = Uint8Array | AsyncIterable<Uint8Array>

/** Hardly anybody may write to what never changes. */
const FILE_MODE = 0o444

/** But for as long as one is written anew. */
const REFILL_MODE = 0o644

const MAX_NOTE_BYTES = 1024

/** Errors of `link` on file systems, or for files, that cannot do it: a copy is as good. */
const NO_LINKS: ReadonlySet<string> = new Set(['EMLINK', 'EPERM', 'ENOTSUP', 'EXDEV', 'ENOSYS'])

const CHUNK_BYTES = 1024 * 1024

/** From so many on they are synced by one call for their whole file system, which waits for what others have written there, too. */
const MANY_SYNCS = 32

/** Fewer are synced so many at once: a file system makes one write of those that come together. */
const SYNCS_AT_ONCE = 8

/** The machine's file system. */
export const nodeFiles: StoreFiles = filesBy(callsInThreads)

/**
 * The same for a process that has nothing else to do meanwhile: small things are done at once and not in other threads, for a tenth of the processor
 * time. Syncing is waited for as always.
 */
export const filesAtOnce: StoreFiles = filesBy(callsAtOnce)

function filesBy(disk: DiskCalls): StoreFiles {
  return {
    makeFolder: (path, mode) =>
      attempt(`make folder ${path}`, async () => {
        const result = await disk.mkdir(path).catch(unless('EEXIST'))
        if (mode !== undefined && result !== 'EEXIST') await disk.chmod(path, mode)
      }),
    create: (path, contents) =>
      attempt(`write ${path}`, () => create(disk, path, { contents, isSynced: true })),
    createUnsynced: (path, contents) =>
      attempt(`write ${path}`, () => create(disk, path, { contents, isSynced: false })),
    syncAll: (paths) => syncAll(disk, paths),
    createFleeting: (path, contents) =>
      attempt(`write ${path}`, () =>
        disk.writeFile(path, contents, { flag: 'wx', mode: FILE_MODE }),
      ),
    createNote: (path, text) =>
      attempt(`write ${path}`, async () => {
        const result = await disk.symlink(text, path).catch(unless('EEXIST'))
        return result !== 'EEXIST'
      }),
    readNote: (path) => attempt(`read ${path}`, () => readNote(disk, path)),
    refill: (path, contents) => attempt(`write ${path}`, () => refill(disk, path, contents)),
    link: (from, to) => attempt(`link ${to}`, () => linkOrCopy(disk, from, to)),
    rename: (from, to) => attempt(`rename to ${to}`, () => disk.rename(from, to)),
    syncFolder: (path) => attempt(`sync ${path}`, () => syncOne(disk, path)),
    remove: (path) =>
      attempt(`remove ${path}`, async () => {
        const result = await disk.unlink(path).catch(unless('ENOENT'))
        return result !== 'ENOENT'
      }),
    removeAll: (path) =>
      attempt(`remove ${path}`, () => disk.rm(path, { recursive: true, force: true })),
    list: (path) => attempt(`read folder ${path}`, () => list(disk, path)),
    status: (path) => attempt(`read ${path}`, () => status(disk, path)),
    read: (path, maxBytes) => attempt(`read ${path}`, () => read(disk, path, maxBytes)),
  }
}

async function attempt<Result>(doing: string, operation: () => Promise<Result>): Promise<Result> {
  try {
    return await operation()
  } catch (cause) {
    throw storeFileError(doing, cause)
  }
}

/** Lets one kind of error pass: answers its code. */
function unless(code: string): (error: unknown) => string | undefined {
  return (error) => {
    if (systemCodeOf(error) !== code) throw error
    return code
  }
}

async function create(
  disk: DiskCalls,
  path: string,
  { contents, isSynced }: { readonly contents: Contents; readonly isSynced: boolean },
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  const file = await disk.open(path, flags, FILE_MODE)
  try {
    if (contents instanceof Uint8Array) await writeAll(file, contents)
    else for await (const chunk of contents) await writeAll(file, chunk)
    if (isSynced) await file.sync()
    await file.close()
  } catch (error) {
    await file.close().catch(() => undefined)
    await disk.unlink(path).catch(() => undefined)
    throw error
  }
}

/** What a version before this one wrote is a file. */
async function readNote(disk: DiskCalls, path: string): Promise<string | undefined> {
  try {
    return await disk.readlink(path)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT') return undefined
    if (code !== 'EINVAL') throw error
  }
  const bytes = await read(disk, path, MAX_NOTE_BYTES)
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1')
}

async function refill(disk: DiskCalls, path: string, contents: Uint8Array): Promise<void> {
  await disk.chmod(path, REFILL_MODE)
  const file = await disk.open(path, constants.O_WRONLY | constants.O_NOFOLLOW)
  try {
    for (let at = 0; at < contents.length; ) {
      const { bytesWritten } = await file.write(contents, at, contents.length - at, at)
      at += bytesWritten
    }
    await file.truncate(contents.length)
    await file.chmod(FILE_MODE)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function writeAll(file: DiskFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at)
    at += bytesWritten
  }
}

async function linkOrCopy(disk: DiskCalls, from: string, to: string): Promise<boolean> {
  try {
    await disk.link(from, to)
    return true
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'EEXIST') return false
    if (!NO_LINKS.has(code)) throw error
  }
  // Appears whole or not at all, as a link would.
  const copy = `${to}.copy-${process.pid}`
  await disk.rm(copy, { force: true })
  await create(disk, copy, { contents: chunksOf(disk, from), isSynced: true })
  await disk.rename(copy, to)
  return true
}

async function* chunksOf(disk: DiskCalls, path: string): AsyncGenerator<Uint8Array> {
  const file = await disk.open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    for (;;) {
      const chunk = new Uint8Array(CHUNK_BYTES)
      const { bytesRead } = await file.read(chunk, 0, chunk.length)
      if (bytesRead === 0) return
      yield chunk.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function syncAll(disk: DiskCalls, paths: readonly string[]): Promise<void> {
  const [first] = paths
  if (first === undefined) return
  if (paths.length >= MANY_SYNCS && (await syncFileSystem(disk, first))) return
  const left = paths.values()
  const next = async (): Promise<void> => {
    for (const path of left) await attempt(`sync ${path}`, () => syncOne(disk, path))
  }
  await Promise.all(Array.from({ length: SYNCS_AT_ONCE }, next))
}

/** False: it cannot be done, or cannot be said to have been. */
async function syncFileSystem(disk: DiskCalls, path: string): Promise<boolean> {
  const libc = loadLibc()
  if (libc === undefined) return false
  const file = await attempt(`sync ${path}`, () => disk.open(path, constants.O_RDONLY))
  try {
    return libc.syncfs(file.fd) === 0
  } finally {
    await file.close()
  }
}

async function syncOne(disk: DiskCalls, path: string): Promise<void> {
  const file = await disk.open(path, constants.O_RDONLY)
  try {
    await file.sync()
  } catch (error) {
    // Some systems cannot sync a folder; theirs keep the order of renames.
    if (!['EINVAL', 'EISDIR', 'EPERM'].includes(systemCodeOf(error))) throw error
  } finally {
    await file.close()
  }
}

async function list(disk: DiskCalls, path: string): Promise<readonly Entry[]> {
  try {
    const entries = await disk.readdir(path)
    return entries
      .map((entry) => ({ name: entry.name, kind: kindOf(entry) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
}

function kindOf(entry: Pick<Dirent, 'isFile' | 'isDirectory'>): EntryKind {
  if (entry.isFile()) return 'file'
  return entry.isDirectory() ? 'folder' : 'other'
}

/** What `st_blocks` counts. */
const BLOCK_BYTES = 512

async function status(disk: DiskCalls, path: string): Promise<FileStatus | undefined> {
  try {
    const stats = await disk.lstat(path)
    if (stats === undefined) return undefined
    return {
      kind: kindOf(stats),
      bytes: stats.size,
      allocatedBytes: stats.blocks * BLOCK_BYTES,
      modifiedMs: stats.mtimeMs,
      inode: stats.ino,
    }
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

async function read(
  disk: DiskCalls,
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  let file: DiskFile
  try {
    // A FIFO there would be waited for.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const bytes = disk.readSmall?.(path, flags)
    if (bytes !== undefined && bytes.length <= maxBytes) return bytes
    file = await disk.open(path, flags)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    // Every step is a way to another thread and back: a small file takes one read.
    let bytes = new Uint8Array(Math.min(maxBytes, SMALL_BYTES) + 1)
    let length = 0
    for (;;) {
      const wanted = bytes.length - length
      const { bytesRead } = await file.read(bytes, length, wanted)
      length += bytesRead
      if (bytesRead < wanted) return bytes.subarray(0, length)
      if (length > maxBytes) {
        const { size } = await file.stat()
        throw storeLimitError(`read ${path}`, { limit: 'bytes', actual: size, wanted: maxBytes })
      }
      const grown = new Uint8Array(Math.min(2 * bytes.length, maxBytes + 1))
      grown.set(bytes)
      bytes = grown
    }
  } finally {
    // Nobody has to wait for this one.
    file.close().catch(() => undefined)
  }
}
