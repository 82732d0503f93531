/**
 * The files of a release's image that may be served, by the path a request asks for. It is made of the image's listing alone:
 * what is not listed is not there, so no path of a client ever reaches the file system.
 */
import type { ImageFile } from '../../store/release.ts'
import { CODINGS, type Coding } from './content-coding.ts'

/** What there is for a path. */
export interface StaticMatch {
  readonly file: ImageFile
  /** Compressed forms of it that lie beside it and are smaller. */
  readonly compressed: ReadonlyMap<Coding, ImageFile>
  /** Whether it is the index of a folder that was asked for without the slash at its end: relative links in it would lead elsewhere. */
  readonly lacksSlash: boolean
}

export interface StaticIndexOptions {
  /** Of the image, without slashes at its ends: what is served; undefined: all of it. */
  readonly folder: string | undefined
  /** The file that answers for its folder; undefined: folders do not answer. */
  readonly index: string | undefined
}

export class StaticIndex {
  /** By path below the folder, one char a byte, without a slash at the start. */
  readonly #files = new Map<string, ImageFile>()
  readonly #index: string | undefined

  constructor(listing: readonly ImageFile[], { folder, index }: StaticIndexOptions) {
    this.#index = index === undefined ? undefined : toBytes(index)
    const start = folder === undefined ? '' : `${folder}/`
    for (const file of listing) {
      if (!file.path.startsWith(start)) continue
      const path = file.path.slice(start.length)
      if (!isHidden(path)) this.#files.set(toBytes(path), file)
    }
  }

  /** `pathInfo`: decoded, one char a byte; empty, or it starts with a slash. Undefined: there is nothing. */
  find(pathInfo: string): StaticMatch | undefined {
    const path = pathInfo.slice(1)
    if (!pathInfo.endsWith('/') && this.#files.has(path)) return this.#match(path, false)
    if (this.#index === undefined) return undefined
    const lacksSlash = !pathInfo.endsWith('/')
    const folder = lacksSlash && path !== '' ? `${path}/` : path
    return this.#match(folder + this.#index, lacksSlash)
  }

  #match(path: string, lacksSlash: boolean): StaticMatch | undefined {
    const file = this.#files.get(path)
    if (file === undefined) return undefined
    const compressed = new Map<Coding, ImageFile>()
    for (const coding of CODINGS) {
      const form = this.#files.get(path + coding.suffix)
      if (form !== undefined && form.bytes < file.bytes) compressed.set(coding, form)
    }
    return { file, compressed, lacksSlash }
  }
}

/** Files and folders whose name starts with a dot are nobody's business, but for what RFC 8615 asks for. */
function isHidden(path: string): boolean {
  return /(?:^|\/)\./.test(path.replace(/^\.well-known\//, ''))
}

function toBytes(path: string): string {
  return Buffer.from(path, 'utf8').toString('latin1')
}
