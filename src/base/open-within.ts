/**
 * Opens a file below a folder, step by step, so that no link leads out of the folder, not even one that takes the place of a
 * folder or a file while we look. Links that stay inside are followed: relative ones, and absolute ones whose text begins with
 * the folder's own path, as it is given or as it really is.
 */
import { HeldFolder } from './held-folder.ts'
import { OpenError, type OpenedFile } from './opened-file.ts'

/** Names on the way, those in links included: a link can be long, and lead to the next one. */
const MAX_STEPS = 256

/** What to do with links below the root. */
export type Links = 'follow-inside' | 'refuse'

/** The file at `path`, relative to `root`, which may itself be a link. Throws `OpenError`. */
export function openWithin(root: string, path: string, links: Links): OpenedFile {
  const walk = new Walk(root, links)
  try {
    return walk.open(path)
  } finally {
    walk.close()
  }
}

class Walk {
  readonly #root: string
  readonly #top: HeldFolder
  readonly #links: Links
  /** From the root down to where we are; never empty. */
  readonly #folders: HeldFolder[]
  /** Names that are left, the next one last. */
  readonly #names: string[] = []
  #steps = 0

  constructor(root: string, links: Links) {
    this.#root = root
    this.#links = links
    this.#top = HeldFolder.open(root)
    this.#folders = [this.#top]
  }

  open(path: string): OpenedFile {
    this.#push(path)
    for (let name = this.#names.pop(); name !== undefined; name = this.#names.pop()) {
      this.#steps += 1
      if (this.#steps > MAX_STEPS) throw tooFar(path)
      if (name === '..') this.#climb(path)
      else if (this.#names.length > 0) this.#enter(name, path)
      else {
        const file = this.#file(name, path)
        if (file !== undefined) return file
      }
    }
    throw new OpenError('OPEN_WRONG_KIND', `Cannot open ${path}: it is a folder, wanted a file`)
  }

  close(): void {
    for (const folder of this.#folders.splice(0)) folder.close()
  }

  get #here(): HeldFolder {
    const here = this.#folders.at(-1)
    if (here === undefined) throw new Error('a walk without a folder')
    return here
  }

  #enter(name: string, path: string): void {
    const folder = this.#notLink(name, path, () => this.#here.folder(name))
    if (folder !== undefined) this.#folders.push(folder)
  }

  #file(name: string, path: string): OpenedFile | undefined {
    return this.#notLink(name, path, () => this.#here.file(name))
  }

  /** What `open` answers; undefined: it met a link, whose names come next. */
  #notLink<Opened>(name: string, path: string, open: () => Opened): Opened | undefined {
    try {
      return open()
    } catch (error) {
      const isLink = error instanceof OpenError && error.code === 'OPEN_LINK'
      if (!isLink || this.#links === 'refuse') throw error
      const target = this.#here.readLink(name)
      // It is no link any more: once again.
      if (target === undefined) this.#names.push(name)
      else this.#follow(target, path)
      return undefined
    }
  }

  #follow(target: string, path: string): void {
    if (!target.startsWith('/')) {
      this.#push(target)
      return
    }
    const inner = innerPath(target, this.#root) ?? innerPath(target, this.#top.realPath())
    if (inner === undefined) throw outside(path)
    for (const folder of this.#folders.splice(1)) folder.close()
    this.#push(inner)
  }

  #climb(path: string): void {
    if (this.#folders.length === 1) throw outside(path)
    this.#folders.pop()?.close()
  }

  #push(path: string): void {
    const names = path.split('/').filter((name) => name !== '' && name !== '.')
    this.#names.push(...names.reverse())
  }
}

/** undefined: `path` is not below `folder`. */
function innerPath(path: string, folder: string): string | undefined {
  const above = folder.endsWith('/') ? folder : `${folder}/`
  return path.startsWith(above) ? path.slice(above.length) : undefined
}

function outside(path: string): OpenError {
  return new OpenError(
    'OPEN_OUTSIDE',
    `Cannot open ${path}: a link there leads out of the folder, wanted one that stays inside`,
  )
}

function tooFar(path: string): OpenError {
  return new OpenError(
    'OPEN_TOO_FAR',
    `Cannot open ${path}: more than ${MAX_STEPS} folders and links on the way, wanted fewer`,
  )
}
