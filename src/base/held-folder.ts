/**
 * A folder that is held by its descriptor: on Linux its names are opened by way of `/proc/self/fd/N`, which the kernel resolves
 * at that very folder whatever others rename meanwhile. Where there is no /proc its path stands for it.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  realpathSync,
} from 'node:fs'
import { systemCodeOf } from './errors.ts'
import { FOLDER_FLAGS, openFolder } from './open-folder.ts'
import { OpenError, type OpenedFile, openError, openFile } from './opened-file.ts'

const HAS_PROC = process.platform === 'linux'

export class HeldFolder {
  /** A path that means this folder for as long as it is held. */
  readonly base: string
  /** For messages. */
  readonly path: string
  readonly #fd: number
  #isOpen = true

  private constructor(fd: number, path: string) {
    this.#fd = fd
    this.path = path
    this.base = HAS_PROC ? `/proc/self/fd/${fd}` : path
  }

  /** A folder that may be reached through links: whoever names it knows what they mean. Throws `OpenError`. */
  static open(path: string): HeldFolder {
    try {
      return new HeldFolder(openFolder(path), path)
    } catch (cause) {
      throw openError(path, cause)
    }
  }

  /** A folder in this one. Throws `OpenError`: OPEN_LINK for a link, wherever it leads. */
  folder(name: string): HeldFolder {
    const path = `${this.path}/${name}`
    try {
      return new HeldFolder(openSync(this.#at(name), FOLDER_FLAGS | constants.O_NOFOLLOW), path)
    } catch (cause) {
      // With O_DIRECTORY the kernel says of a link what it says of a file.
      if (systemCodeOf(cause) === 'ENOTDIR' && this.readLink(name) !== undefined) {
        throw new OpenError('OPEN_LINK', `Cannot open ${path}: it is a link, wanted a folder`)
      }
      throw openError(path, cause)
    }
  }

  /** A plain file in this folder. Throws `OpenError`. */
  file(name: string): OpenedFile {
    return openFile(this.#at(name), `${this.path}/${name}`)
  }

  stat(): BigIntStats {
    return fstatSync(this.#fd, { bigint: true })
  }

  /** Its path without links. */
  realPath(): string {
    return HAS_PROC ? readlinkSync(this.base) : realpathSync(this.path)
  }

  /** What a link says; undefined: it is none. */
  readLink(name: string): string | undefined {
    try {
      return readlinkSync(this.#at(name))
    } catch {
      return undefined
    }
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.#fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #at(name: string): string {
    return `${this.base}/${name}`
  }
}
