/**
 * The scripts of a release: which of them a request means. It is made of the image's listing alone: what is not listed is not there,
 * and no path of a client reaches the file system.
 */
import type { CgiRequest } from '../cgi/environment.ts'
import type { GuestPaths } from '../cgi/guest-environment.ts'
import { type ScriptRules, scriptCandidates } from '../cgi/script-path.ts'
import type { ImageFile } from '../store/release.ts'
import type { LiveStatic } from '../store/release-reader.ts'
import { appPaths } from './app-paths.ts'
import { GatewayError, wrongMethodError } from './errors.ts'
import type { ScriptRuntime } from './script-runtime.ts'

/** Where guests see the files of a release of scripts. */
export const SCRIPTS_FOLDER = '/app'

export interface ReleaseScriptsOptions {
  /** What runs them. */
  readonly runtime: ScriptRuntime
  readonly listing: readonly ImageFile[]
  /** The script that answers where no file does; undefined: none. */
  readonly front: string | undefined
}

/** What of a URL's path is asked of a release: one char a byte. */
export interface ScriptPath {
  /** Of the route: empty for `/`. */
  readonly scriptName: string
  /** What is left: empty, or it starts with `/`. */
  readonly pathInfo: string
}

export type ScriptAnswer =
  | { readonly kind: 'script'; readonly paths: GuestPaths }
  | { readonly kind: 'file'; readonly place: LiveStatic }

export class ReleaseScripts {
  readonly runtime: ScriptRuntime
  /** All files but scripts: nobody gets these as they are. */
  readonly others: readonly ImageFile[]
  readonly #front: string | undefined
  readonly #rules: ScriptRules
  /** Paths of scripts, and of the others; one char a byte. */
  readonly #scripts: ReadonlySet<string>
  readonly #others: ReadonlySet<string>

  constructor({ runtime, listing, front }: ReleaseScriptsOptions) {
    const { extensions, index } = runtime
    const isScript = ({ path }: ImageFile): boolean =>
      extensions.some((extension) => path.endsWith(extension))
    this.runtime = runtime
    this.others = listing.filter((file) => !isScript(file))
    this.#front = front === undefined ? undefined : toBytes(front)
    this.#scripts = new Set(listing.filter(isScript).map(({ path }) => toBytes(path)))
    this.#others = new Set(this.others.map(({ path }) => toBytes(path)))
    this.#rules = {
      documentRoot: SCRIPTS_FOLDER,
      extensions,
      indexes: index === undefined ? [] : [index],
    }
  }

  /**
   * The script that a path names; undefined: none. `folder`: where the route's files are in the image; undefined: all of it.
   * Throws `CgiError` (CGI_BAD_PATH).
   */
  find({ scriptName: route, pathInfo: rest }: ScriptPath, folder?: string): GuestPaths | undefined {
    if (this.runtime.app !== undefined) return undefined
    const above = folder === undefined ? '' : `/${toBytes(folder)}`
    const asked = new Map([['SCRIPT_NAME', above + (rest === '' ? '/' : rest)]])
    for (const { scriptPath, scriptName, pathInfo } of scriptCandidates(asked, this.#rules)) {
      if (!this.#scripts.has(scriptPath)) continue
      return pathsOf(scriptPath, route + scriptName.slice(above.length), pathInfo)
    }
    return undefined
  }

  /**
   * What answers a request: a script, else a file that is sent as it is, where the route has such a `place`, else the script for
   * what there is none. Throws GATEWAY_UNKNOWN_HANDLER, GATEWAY_WRONG_METHOD, CGI_BAD_PATH.
   */
  answer(
    request: Pick<CgiRequest, 'method' | 'path'>,
    asked: ScriptPath,
    place: LiveStatic | undefined,
  ): ScriptAnswer {
    const named = this.find(asked, place?.folder)
    if (named !== undefined) return { kind: 'script', paths: named }
    const front = this.front(asked)
    if (place !== undefined && (front === undefined || this.#hasFile(asked, place.folder))) {
      if (request.method === 'GET' || request.method === 'HEAD') return { kind: 'file', place }
      throw wrongMethodError(request, ['GET', 'HEAD'])
    }
    if (front !== undefined) return { kind: 'script', paths: front }
    throw new GatewayError(
      'GATEWAY_UNKNOWN_HANDLER',
      `Cannot answer ${request.path}: the release has no script for it, wanted the path of one`,
    )
  }

  /** Whether there is a file to be sent as it is at a path. */
  #hasFile({ pathInfo }: ScriptPath, folder?: string): boolean {
    const path = pathInfo.slice(1)
    return this.#others.has(folder === undefined ? path : `${toBytes(folder)}/${path}`)
  }

  /** What answers where nothing else does; undefined: nothing. */
  front(asked: ScriptPath): GuestPaths | undefined {
    if (this.runtime.app !== undefined) return appPaths(SCRIPTS_FOLDER, asked)
    const { scriptName: route } = asked
    return this.#front === undefined
      ? undefined
      : pathsOf(this.#front, `${route}/${this.#front}`, '')
  }
}

function pathsOf(scriptPath: string, scriptName: string, pathInfo: string): GuestPaths {
  return {
    documentRoot: SCRIPTS_FOLDER,
    scriptFilename: `${SCRIPTS_FOLDER}/${scriptPath}`,
    scriptName,
    pathInfo: pathInfo === '' ? undefined : pathInfo,
  }
}

function toBytes(path: string): string {
  return Buffer.from(path, 'utf8').toString('latin1')
}
