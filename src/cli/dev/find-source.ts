/** What is published of a folder that was built: the folder with its manifest, or the module that lies in it. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { MANIFEST_FILES, parseManifest } from '../../store/manifest-file.ts'
import { handlerNameOf } from '../../store/stage-source.ts'
import { CliError } from '../errors.ts'

/** Where compilers put modules, below the folder. */
const PLACES = ['*.wasm', 'target/*/release/*.wasm', 'build/*.wasm', 'dist/*.wasm']

/** Throws `CliError` (CLI_NO_MODULE), and `StoreError` for a manifest that is none. */
export function findSource(folder: string): string {
  if (existsSync(join(folder, MANIFEST_FILES.json)) || manifestIn(folder) !== undefined)
    return folder
  const module = findModule(folder)
  if (module !== undefined) return module
  throw new CliError(
    'CLI_NO_MODULE',
    `Cannot find a module in ${folder}: no ${PLACES.join(', ')}, wanted one, or ${MANIFEST_FILES.json} with "module"`,
  )
}

/** The newest module where compilers put them; undefined: there is none. */
export function findModule(folder: string): string | undefined {
  for (const place of PLACES) {
    const modules = globSync(place, { cwd: folder }).map((path) => join(folder, path))
    const newest = modules.toSorted((left, right) => timeOf(right) - timeOf(left))[0]
    if (newest !== undefined) return newest
  }
  return undefined
}

/** What the handler in it is called when it is published; before it is built, a guess. Throws as `findSource`. */
export function findHandlerName(folder: string): string {
  const named = manifestIn(folder)
  if (named === undefined) return handlerNameOf(basename(findModule(folder) ?? folder))
  const name: unknown = typeof named === 'object' && named !== null && Reflect.get(named, 'name')
  return typeof name === 'string' ? name : handlerNameOf(basename(folder))
}

/** A `wasm-fpm.toml` may as well be a server's configuration. */
function manifestIn(folder: string): unknown {
  for (const name of [MANIFEST_FILES.json, MANIFEST_FILES.toml]) {
    const file = join(folder, name)
    const found = existsSync(file) ? parseManifest(readFileSync(file), name) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
