/**
 * Which file a request means, from what six web servers say about it: pure arithmetic on SCRIPT_FILENAME,
 * SCRIPT_NAME and PATH_INFO (RFC 3875, sections 4.1.5, 4.1.13). It only proposes; whoever asks looks which exists.
 *
 *     nginx, HAProxy  SCRIPT_NAME /a/x.wasm/pi    no PATH_INFO       SCRIPT_FILENAME root + /a/x.wasm/pi
 *     Apache          SCRIPT_NAME /a/x.wasm/pi    no PATH_INFO       SCRIPT_FILENAME proxy:fcgi://host:port/root/a/x.wasm/pi
 *     Caddy           SCRIPT_NAME /a/x.wasm       PATH_INFO /pi      SCRIPT_FILENAME root + /a/x.wasm
 *     lighttpd        SCRIPT_NAME /a              PATH_INFO /x.wasm/pi   SCRIPT_FILENAME root + /a
 *     h2o             SCRIPT_NAME empty           PATH_INFO /a/x.wasm/pi
 *
 * Candidates are proposed shortest first, and only where a path segment ends in an allowed extension: a file that was
 * uploaded as `/img.png` can never be run as `/img.png/x.wasm`, because no candidate is `/img.png`.
 */
import { percentDecoded } from '../base/percent.ts'
import { CgiError } from './errors.ts'
import type { VariableReader } from './variables.ts'

export interface ScriptRules {
  /** The tenant's root, absolute, without a final slash; latin1, one char a byte. */
  readonly documentRoot: string
  /** Endings of file names that may be run, such as `.wasm`; compared exactly. */
  readonly extensions: readonly string[]
  /** Files to propose, in this order, when the whole path is that of a folder (ends in `/`). Default: none. */
  readonly indexes?: readonly string[]
}

export interface ScriptLocation {
  /** Relative to the root: no leading slash, no empty, `.` or `..` segments. */
  readonly scriptPath: string
  /** The part of the URL's path that names the script; decoded. */
  readonly scriptName: string
  /** What follows it: empty, or starts with `/`. */
  readonly pathInfo: string
}

/** Most candidates proposed for one request. */
const MAX_CANDIDATES = 8

/** A `..` segment, however its dots are written. */
const CLIMBING = /(?:^|\/)(?:\.|%2e){2}(?:\/|$)/i
const ADDRESS = /^proxy:(?:unix:[^|]*\|)?(?:fcgi|balancer):\/\/[^/]*/

/**
 * The files that `variables` may mean, best first, each at most once. Throws `CgiError` (CGI_BAD_PATH) for a path
 * with a NUL byte or a `..` segment.
 */
export function scriptCandidates(variables: VariableReader, rules: ScriptRules): ScriptLocation[] {
  const scriptName = variables.get('SCRIPT_NAME') ?? ''
  const pathInfo = variables.get('PATH_INFO') ?? ''
  const urlPath = scriptName + pathInfo
  const found: ScriptLocation[] = []
  let isMapped = false
  for (const file of fileNames(variables.get('SCRIPT_FILENAME') ?? '')) {
    const inside =
      insideRoot(file, rules.documentRoot) ?? insideRoot(file, variables.get('DOCUMENT_ROOT') ?? '')
    if (inside === undefined) continue
    isMapped = true
    propose(withPathInfo(inside, scriptName, pathInfo), urlPath, { rules, found })
  }
  // A file name that we know is the web server's decision. Otherwise it sees the files elsewhere than we do, as
  // containers make it, or sends no name: then the URL decides.
  if (!isMapped) propose(urlPath, urlPath, { rules, found })
  return found
}

/**
 * SCRIPT_FILENAME without the address that Apache puts before it. Behind the address the path is percent-encoded when
 * it came from ProxyPass and plain when it came from SetHandler, so both readings are proposed.
 */
function fileNames(scriptFilename: string): string[] {
  const address = scriptFilename.startsWith('proxy:') ? ADDRESS.exec(scriptFilename) : null
  if (address === null) return scriptFilename === '' ? [] : [scriptFilename]
  const withQuery = scriptFilename.slice(address[0].length)
  const query = withQuery.indexOf('?')
  const path = query < 0 ? withQuery : withQuery.slice(0, query)
  return path.includes('%') ? [percentDecoded(path), path] : [path]
}

/**
 * The part of `file` behind the root, with its slash; undefined: it is elsewhere. Repeated slashes of the root count as one;
 * those behind it may be part of PATH_INFO, and stay.
 */
function insideRoot(file: string, root: string): string | undefined {
  const folder = withoutFinalSlash(withSingleSlashes(root))
  const isInside = (path: string): boolean => path.startsWith(folder) && path[folder.length] === '/'
  const path = isInside(file) ? file : withSingleSlashes(file)
  return folder !== '' && isInside(path) ? path.slice(folder.length) : undefined
}

function withSingleSlashes(path: string): string {
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path
}

function withoutFinalSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

/** Some servers leave PATH_INFO at the end of SCRIPT_FILENAME, some cut it off. */
function withPathInfo(file: string, scriptName: string, pathInfo: string): string {
  if (pathInfo === '' || file.endsWith(scriptName + pathInfo)) return file
  if (!file.endsWith(scriptName) && file.endsWith(pathInfo)) return file
  return file + pathInfo
}

/** Adds the candidates in `path` to `found`: files named in it, and the indexes of the folder it may be. */
function propose(
  path: string,
  urlPath: string,
  { rules, found }: { readonly rules: ScriptRules; readonly found: ScriptLocation[] },
): void {
  refuseTricks(path)
  const add = (file: string, [pathInfo, url]: readonly [string, string]): void => {
    const scriptPath = relativePath(file)
    const isNew = found.every((candidate) => candidate.scriptPath !== scriptPath)
    if (isNew && found.length < MAX_CANDIDATES) found.push(locate(scriptPath, pathInfo, url))
  }
  for (let from = 0; from < path.length && found.length < MAX_CANDIDATES; ) {
    const slash = path.indexOf('/', from)
    const end = slash < 0 ? path.length : slash
    if (isRunnable(path.slice(from, end), rules.extensions)) {
      add(path.slice(0, end), [path.slice(end), urlPath])
    }
    from = end + 1
  }
  if (!path.endsWith('/')) return
  for (const index of rules.indexes ?? []) {
    if (!isRunnable(index, rules.extensions)) continue
    add(path + index, ['', urlPath.endsWith('/') ? urlPath + index : urlPath])
  }
}

function isRunnable(segment: string, extensions: readonly string[]): boolean {
  for (const extension of extensions) {
    if (segment.length > extension.length && segment.endsWith(extension)) return true
  }
  return false
}

/** Without empty and `.` segments, and so without a leading slash. `path` does not end in a slash. */
function relativePath(path: string): string {
  const isPlain = !path.includes('//') && !path.includes('/.') && !path.startsWith('.')
  if (isPlain) return path.startsWith('/') ? path.slice(1) : path
  const segments = path.split('/')
  return segments.filter((segment) => segment !== '' && segment !== '.').join('/')
}

function locate(scriptPath: string, pathInfo: string, urlPath: string): ScriptLocation {
  const isBehind = urlPath.endsWith(pathInfo)
  const prefix = isBehind ? urlPath.slice(0, urlPath.length - pathInfo.length) : ''
  // The web server rewrote the URL to another file: then the file's own path is the best name there is.
  const isSame = prefix.endsWith(scriptPath.slice(scriptPath.lastIndexOf('/') + 1))
  return { scriptPath, scriptName: isSame ? prefix : `/${scriptPath}`, pathInfo }
}

function refuseTricks(path: string): void {
  const isClimbing = (path.includes('..') || path.includes('%')) && CLIMBING.test(path)
  if (!isClimbing && !path.includes('\0')) return
  const what = isClimbing ? 'a ".." segment' : 'a NUL byte'
  throw new CgiError('CGI_BAD_PATH', `Cannot look for a script: ${what} in its path, wanted none`)
}
