/**
 * A file system in memory that loses what was not synced when the power fails. What a folder's names were at its last
 * sync is certain; every change since then may have reached the disk or not, each for itself, as the weather likes.
 */
import { basename, dirname } from 'node:path'
import { StoreError } from '../../../src/store/errors.ts'
import { ownerText, thisOwner } from '../../../src/store/owner.ts'
import type { Contents, Entry, FileStatus, StoreFiles } from '../../../src/store/store-files.ts'

type Inode =
  | { readonly kind: 'file'; bytes: Uint8Array; isFleeting: boolean }
  | {
      readonly kind: 'folder'
      readonly names: Map<string, Inode>
      readonly lasting: Map<string, Inode>
    }

interface NameChange {
  readonly folder: Inode & { kind: 'folder' }
  readonly name: string
  /** Undefined: removed. */
  readonly inode: Inode | undefined
}

/** One operation: all of its changes last, or none. */
type Change = readonly NameChange[]

export class PowerCut extends Error {}

export class CrashFiles implements StoreFiles {
  /** Operations so far. */
  operations = 0
  readonly #root: Inode & { kind: 'folder' }
  readonly #crashAt: number
  #pending: Change[] = []

  /** The power fails at operation number `crashAt`, halfway through it. */
  constructor(crashAt = Number.POSITIVE_INFINITY, root = newFolder()) {
    this.#crashAt = crashAt
    this.#root = root
  }

  /** What is found after the power is back. `isKept` decides about each change that was not synced. */
  reboot(isKept: () => boolean, crashAt = Number.POSITIVE_INFINITY): CrashFiles {
    for (const change of this.#pending) if (isKept()) applyTo(change, 'lasting')
    return new CrashFiles(crashAt, afterReboot(this.#root))
  }

  async makeFolder(path: string): Promise<void> {
    this.#step()
    const { folder, name } = this.#place(path)
    if (!folder.names.has(name)) this.#change([{ folder, name, inode: newFolder() }])
  }

  async create(path: string, contents: Contents): Promise<void> {
    const { folder, name } = this.#place(path)
    if (folder.names.has(name)) throw failure(path, 'EEXIST')
    const inode: Inode = { kind: 'file', bytes: new Uint8Array(0), isFleeting: false }
    this.#change([{ folder, name, inode }])
    const chunks: Uint8Array[] = []
    if (contents instanceof Uint8Array) chunks.push(contents)
    else for await (const chunk of contents) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    inode.bytes = bytes.subarray(0, bytes.length / 2)
    this.#step()
    inode.bytes = bytes
  }

  async createUnsynced(path: string, contents: Contents): Promise<void> {
    await this.create(path, contents)
    const inode = this.#existing(path)
    if (inode.kind === 'file') inode.isFleeting = true
  }

  async syncAll(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const inode = this.#existing(path)
      if (inode.kind === 'folder') await this.syncFolder(path)
      else {
        this.#step()
        inode.isFleeting = false
      }
    }
  }

  async createFleeting(path: string, contents: Uint8Array): Promise<void> {
    await this.create(path, contents)
    const inode = this.#existing(path)
    if (inode.kind === 'file') inode.isFleeting = true
  }

  async createNote(path: string, text: string): Promise<boolean> {
    if (this.#find(path) !== undefined) return false
    this.#step()
    const { folder, name } = this.#place(path)
    // A link: its text is there whenever its name is.
    const inode: Inode = { kind: 'file', bytes: Buffer.from(text), isFleeting: false }
    this.#change([{ folder, name, inode }])
    return true
  }

  async readNote(path: string): Promise<string | undefined> {
    const bytes = await this.read(path, 1024)
    return bytes === undefined ? undefined : Buffer.from(bytes).toString()
  }

  async refill(path: string, contents: Uint8Array): Promise<void> {
    const inode = this.#existing(path)
    if (inode.kind !== 'file') throw failure(path, 'a folder')
    inode.bytes = contents.subarray(0, contents.length / 2)
    this.#step()
    inode.bytes = contents
  }

  async link(from: string, to: string): Promise<boolean> {
    this.#step()
    const { folder, name } = this.#place(to)
    if (folder.names.has(name)) return false
    this.#change([{ folder, name, inode: this.#existing(from) }])
    return true
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step()
    const inode = this.#existing(from)
    const [old, now] = [this.#place(from), this.#place(to)]
    const replaced = now.folder.names.get(now.name)
    if (replaced?.kind === 'folder' && replaced.names.size > 0) throw failure(to, 'ENOTEMPTY')
    this.#change([
      { ...old, inode: undefined },
      { ...now, inode },
    ])
  }

  async syncFolder(path: string): Promise<void> {
    this.#step()
    const folder = this.#existing(path)
    const isHere = (change: Change) => change.some((one) => one.folder === folder)
    // With everything before it about the same names, so that the order stays.
    const last = this.#pending.findLastIndex(isHere)
    const names = new Set(
      this.#pending.filter(isHere).flatMap((change) => change.map((one) => one.name)),
    )
    const isSynced = (change: Change, index: number) =>
      isHere(change) || (index < last && change.some(({ name }) => names.has(name)))
    for (const change of this.#pending.filter(isSynced)) applyTo(change, 'lasting')
    this.#pending = this.#pending.filter((change, index) => !isSynced(change, index))
  }

  async remove(path: string): Promise<boolean> {
    this.#step()
    const { folder, name } = this.#place(path)
    if (!folder.names.has(name)) return false
    this.#change([{ folder, name, inode: undefined }])
    return true
  }

  async removeAll(path: string): Promise<void> {
    const inode = this.#find(path)
    if (inode?.kind === 'folder') {
      for (const name of [...inode.names.keys()]) await this.removeAll(`${path}/${name}`)
    }
    if (inode !== undefined) await this.remove(path)
  }

  async list(path: string): Promise<readonly Entry[]> {
    this.#refuseWithoutPower()
    const inode = this.#find(path)
    if (inode?.kind !== 'folder') return []
    return [...inode.names]
      .map(([name, { kind }]) => ({ name, kind }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async status(path: string): Promise<FileStatus | undefined> {
    this.#refuseWithoutPower()
    const inode = this.#find(path)
    if (inode === undefined) return undefined
    const bytes = inode.kind === 'file' ? inode.bytes.length : 0
    return { kind: inode.kind, bytes, allocatedBytes: bytes, modifiedMs: 0, inode: 1 }
  }

  async read(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
    this.#refuseWithoutPower()
    const inode = this.#find(path)
    if (inode?.kind !== 'file') return undefined
    if (inode.bytes.length > maxBytes) throw failure(path, 'too large')
    return inode.bytes
  }

  #step(): void {
    this.#refuseWithoutPower()
    this.operations += 1
    this.#refuseWithoutPower()
  }

  #refuseWithoutPower(): void {
    if (this.operations >= this.#crashAt) throw new PowerCut()
  }

  #change(change: Change): void {
    this.#pending.push(change)
    applyTo(change, 'names')
  }

  #place(path: string): { readonly folder: Inode & { kind: 'folder' }; readonly name: string } {
    const folder = this.#find(dirname(path))
    if (folder?.kind !== 'folder') throw failure(path, 'ENOENT')
    return { folder, name: basename(path) }
  }

  #existing(path: string): Inode {
    const inode = this.#find(path)
    if (inode === undefined) throw failure(path, 'ENOENT')
    return inode
  }

  #find(path: string): Inode | undefined {
    let at: Inode | undefined = this.#root
    for (const part of path.split('/')) {
      if (part === '' || part === '.') continue
      at = at?.kind === 'folder' ? at.names.get(part) : undefined
    }
    return at
  }
}

function newFolder(): Inode & { kind: 'folder' } {
  return { kind: 'folder', names: new Map(), lasting: new Map() }
}

function applyTo(change: Change, which: 'names' | 'lasting'): void {
  for (const { folder, name, inode } of change) {
    if (inode === undefined) folder[which].delete(name)
    else folder[which].set(name, inode)
  }
}

/** Only what lasts; and whoever wrote it was another process, in another life. */
function afterReboot(folder: Inode & { kind: 'folder' }): Inode & { kind: 'folder' } {
  const copies = new Map<Inode, Inode>()
  const self = ownerText(thisOwner())
  const other = ownerText({ ...thisOwner(), started: '1' })
  const copy = (inode: Inode): Inode => {
    const known = copies.get(inode)
    if (known !== undefined) return known
    if (inode.kind === 'file') {
      // The worst of what may be left of one that was not synced.
      const text = inode.isFleeting ? '' : Buffer.from(inode.bytes).toString('latin1')
      const bytes = Buffer.from(text.replace(self, other), 'latin1')
      const file: Inode = { kind: 'file', bytes, isFleeting: false }
      copies.set(inode, file)
      return file
    }
    const names = new Map<string, Inode>()
    for (const [name, one] of inode.lasting) names.set(name.replace(self, other), copy(one))
    return { kind: 'folder', names, lasting: new Map(names) }
  }
  const root = copy(folder)
  return root.kind === 'folder' ? root : newFolder()
}

function failure(path: string, reason: string): StoreError {
  return new StoreError('STORE_IO', `Cannot use ${path}: ${reason}, wanted otherwise`)
}
