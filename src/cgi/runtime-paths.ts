/**
 * The paths of a script that a runtime runs: those of this machine, and as php-fpm tells them, which leaves what the web server has said
 * as it is wherever that will do.
 *
 *     SCRIPT_FILENAME is the script          SCRIPT_NAME, PATH_INFO, PATH_TRANSLATED as they came, or not at all
 *     more stands behind it, as nginx has    SCRIPT_NAME, PATH_INFO as they came; PATH_TRANSLATED root + PATH_INFO
 *       it that does not split paths
 *     it is named otherwise (Apache, h2o)    SCRIPT_NAME the script's, PATH_INFO what follows it
 */
import type { GuestPaths } from './guest-environment.ts'
import type { ScriptLocation } from './script-path.ts'
import type { VariableReader } from './variables.ts'

/** `root`: on this machine, as `ScriptRules` have it. */
export function runtimePaths(
  { scriptPath, scriptName, pathInfo }: ScriptLocation,
  variables: VariableReader,
  root: string,
): GuestPaths {
  const script = `/${scriptPath}`
  const paths = { documentRoot: root, scriptFilename: root + script, scriptName, pathInfo }
  const named = variables.get('SCRIPT_FILENAME') ?? ''
  const rest = restBehind(script, named, [root, variables.get('DOCUMENT_ROOT') ?? ''])
  if (rest === undefined) return { ...paths, pathInfo: pathInfo === '' ? undefined : pathInfo }
  const asSent = { ...paths, scriptName: variables.get('SCRIPT_NAME') ?? scriptName }
  if (rest === '') return { ...asSent, sent: ['PATH_INFO', 'PATH_TRANSLATED'] }
  return {
    ...asSent,
    sent: ['PATH_INFO'],
    pathTranslated: root + (variables.get('PATH_INFO') ?? ''),
    originals: [['ORIG_SCRIPT_FILENAME', named]],
  }
}

/** What `named` has behind `script` in one of the folders; undefined: that is not its name. */
function restBehind(script: string, named: string, folders: readonly string[]): string | undefined {
  for (const folder of folders) {
    const file = (folder.endsWith('/') ? folder.slice(0, -1) : folder) + script
    if (named === file) return ''
    if (named.startsWith(`${file}/`)) return named.slice(file.length)
  }
  return undefined
}
