/** What an application that answers all of a route is told of where it is. */
import type { CgiRequest } from '../cgi/environment.ts'
import type { GuestPaths } from '../cgi/guest-environment.ts'
import { routePath } from '../store/route-table.ts'

/** `root`: its folder, as it sees it. `scriptName`: the part of the path that is its own place; the rest is for it to read. */
export function appPaths(
  root: string,
  { scriptName, pathInfo }: { readonly scriptName: string; readonly pathInfo: string },
): GuestPaths {
  return { documentRoot: root, scriptFilename: root, scriptName, pathInfo, pathTranslated: '' }
}

/** The same of one that answers all paths; undefined: the path is none that a web server should send on. */
export function appPathsOf({ path, variables }: CgiRequest, root: string): GuestPaths | undefined {
  const pathInfo = routePath(
    variables.get('SCRIPT_NAME') ?? '',
    variables.get('PATH_INFO') ?? '',
    path,
  )
  return pathInfo === undefined ? undefined : appPaths(root, { scriptName: '', pathInfo })
}
