/** From a path and a method to the published handler that answers: pure, and the same for every back end. */
import { percentDecoded } from '../base/percent.ts'

export interface Route<Handler> {
  /** Starts with `/`; does not end with one, unless it is all of it. */
  readonly path: string
  /** Undefined: all. */
  readonly methods: ReadonlySet<string> | undefined
  readonly handler: Handler
}

export type RouteMatch<Handler> =
  | {
      readonly kind: 'found'
      readonly handler: Handler
      /** The route's path; empty for `/`. */
      readonly scriptName: string
      /** What is left of the path: empty, or it starts with `/`. */
      readonly pathInfo: string
    }
  /** There is a handler, but not for this method: 405 and `Allow`. */
  | { readonly kind: 'wrong-method'; readonly allow: readonly string[] }
  | { readonly kind: 'none' }

/** Routes in the order in which `findRoute` looks at them. */
export interface RouteTable<Handler> {
  readonly byPath: ReadonlyMap<string, readonly Route<Handler>[]>
  /** Characters of the longest path: nothing longer need be looked up, however long a client's path is. */
  readonly longest: number
}

/** `routes`: of all live handlers of a tenant; no path twice for one method (`routeConflict`). */
export function makeRouteTable<Handler>(routes: readonly Route<Handler>[]): RouteTable<Handler> {
  const byPath = new Map<string, Route<Handler>[]>()
  let longest = 0
  for (const route of routes) {
    byPath.set(route.path, [...(byPath.get(route.path) ?? []), route])
    longest = Math.max(longest, route.path.length)
  }
  return { byPath, longest }
}

/**
 * The longest route that is `path` or a folder above it decides; a shorter one does not step in when it lacks the method.
 * `path`: decoded, one char a byte, from `routePath`.
 */
export function findRoute<Handler>(
  { byPath, longest }: RouteTable<Handler>,
  method: string,
  path: string,
): RouteMatch<Handler> {
  // A longer path can only match where it has a slash.
  let end = path.length <= longest ? path.length : path.lastIndexOf('/', longest)
  for (; end >= 0; end = end === 0 ? -1 : path.lastIndexOf('/', end - 1)) {
    const scriptName = path.slice(0, end)
    const routes = byPath.get(end === 0 ? '/' : scriptName)
    if (routes === undefined || scriptName === '/') continue
    const route = routes.find(({ methods }) => allows(methods, method))
    if (route === undefined) return { kind: 'wrong-method', allow: allowedMethods(routes) }
    return { kind: 'found', handler: route.handler, scriptName, pathInfo: path.slice(end) }
  }
  return { kind: 'none' }
}

/** The first two routes that would both answer a request, if any. */
export function routeConflict<Handler>(
  routes: readonly Route<Handler>[],
): readonly [Route<Handler>, Route<Handler>] | undefined {
  const seen = new Map<string, Route<Handler>[]>()
  for (const route of routes) {
    const others = seen.get(route.path) ?? []
    const other = others.find(({ methods }) => overlap(methods, route.methods))
    if (other !== undefined) return [other, route]
    seen.set(route.path, [...others, route])
  }
  return undefined
}

/**
 * The path to route by, decoded, one char a byte. `scriptName` and `pathInfo` are the web server's word about it: it has
 * decoded and cleaned them, and applied its own rules to the result; `encodedPath` is what the client wrote, and counts only
 * where the web server sends nothing else. Undefined: a path with `.` or `..` segments or a NUL, about which
 * the web server and we might not agree.
 */
export function routePath(
  scriptName: string,
  pathInfo: string,
  encodedPath: string,
): string | undefined {
  const given = scriptName + pathInfo
  const path = given === '' ? percentDecoded(encodedPath) : given
  if (!path.startsWith('/') || path.includes('\0')) return undefined
  return /(?:^|\/)\.{1,2}(?:\/|$)/.test(path) ? undefined : path
}

function allows(methods: ReadonlySet<string> | undefined, method: string): boolean {
  return methods === undefined || methods.has(method) || (method === 'HEAD' && methods.has('GET'))
}

function allowedMethods<Handler>(routes: readonly Route<Handler>[]): readonly string[] {
  const all = new Set(routes.flatMap(({ methods }) => [...(methods ?? [])]))
  if (all.has('GET')) all.add('HEAD')
  return [...all].sort()
}

function overlap(a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean {
  if (a === undefined || b === undefined) return true
  return [...a].some((method) => b.has(method))
}
